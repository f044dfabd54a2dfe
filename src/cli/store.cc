#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "app/store_rebuild.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/progress_bar.h"
#include "cli/session.h"
#include "ops/logging.h"
#include "store/rollup_reader.h"
#include "store/store_file.h"

namespace slipstream {
namespace {

/// What log and store say of each other.
void compare_with_log(const std::filesystem::path& data_dir, StoreReport& report) {
  const auto folder = find_log_folder(data_dir);
  if (!folder) {
    if (report.reached > 0) {
      report.faults.push_back(
          fmt::format("there is no log, which had come to offset {} at least: {}", report.reached,
                      folder.error().message));
    }
    return;
  }
  const auto extent = find_log_extent(*folder);
  if (!extent) {
    report.faults.push_back("the log cannot be read: " + extent.error().message);
    return;
  }
  if (report.reached > extent->to) {
    report.faults.push_back(
        fmt::format("the log ends at offset {}, and had come to {} when the store was written",
                    extent->to, report.reached));
  }
  for (const auto& [partition, offset] : report.checkpoints) {
    if (offset >= extent->from || extent->segments.empty()) continue;
    report.faults.push_back(
        fmt::format("a start would read the log from offset {} for partition {}, and it begins at "
                    "{}: what stood before is in no window",
                    offset, partition, extent->from));
  }
}

class Bars {
 public:
  void show(std::string_view what, std::uint64_t done, std::uint64_t of) {
    if (what != what_) {
      finish();
      what_ = what;
      bar_ = std::make_unique<ProgressBar>(what_, of);
    }
    done_ = done;
    bar_->show(done);
  }
  ~Bars() { finish(); }

 private:
  void finish() {
    if (bar_) bar_->finish(done_);
  }
  std::string what_;
  std::unique_ptr<ProgressBar> bar_;
  std::uint64_t done_ = 0;
};

void print(const RebuildReport& report) {
  fmt::print("copied      {} rollups that could be read\n", report.rollups);
  if (report.marks > 0) fmt::print("copied      {} marks that could be read\n", report.marks);
  if (report.laps > 0) fmt::print("copied      {} laps that could be read\n", report.laps);
  if (report.read_log) {
    fmt::print("from log    {} rollups, of its offsets [{}, {})\n", report.regained,
               report.log_from, report.log_to);
    if (report.regained_marks > 0) {
      fmt::print("from log    {} marks\n", report.regained_marks);
    }
    if (report.regained_laps > 0) {
      fmt::print("from log    {} laps\n", report.regained_laps);
    }
  }
  fmt::print("{}\n", report.kept_checkpoint
                         ? "checkpoint  whole: the next start goes on from it"
                         : "checkpoint  could not be read: open windows are made of what the log "
                           "has");
  for (const auto& table : report.damaged_tables) {
    fmt::print("damaged     rows of the table {} are missing\n", table);
  }
  if (report.lost > 0) {
    fmt::print("lost        {} rollups that were there: the log does not reach back to them\n",
               report.lost);
  }
  if (report.may_lack_others) {
    fmt::print("unknown     whether other rollups were there: their index is damaged, too\n");
  }
  if (report.lost_marks > 0) {
    fmt::print("lost        {} marks that were there: the log does not reach back to them\n",
               report.lost_marks);
  }
  if (report.may_lack_marks) {
    fmt::print("unknown     whether other marks were there: their index is damaged, too\n");
  }
  print_lost(report.log_lost);
  fmt::print("kept as     {}: the old file, to be deleted by hand\n", report.kept_as.string());
}

}  // namespace

int run_store_check(const std::string& directory) {
  const std::filesystem::path data_dir = directory;
  auto report = check_store_file(RollupReader::database_path(data_dir));
  if (!report) {
    return tell_failure("store check", report.error());
  }
  compare_with_log(data_dir, *report);
  for (const auto& fault : report->faults) fmt::print("{}\n", fault);
  if (report->marks > 0) fmt::print("{} marks\n", report->marks);
  if (report->laps > 0) fmt::print("{} laps\n", report->laps);
  fmt::print("{} rollups, {} faults\n", report->rollups, report->faults.size());
  if (report->faults.empty()) return kExitSuccess;
  fmt::print(stderr, "what to do: stop the server, 'slipstream store rebuild {}', start it again\n",
             directory);
  return kExitFailure;
}

int run_store_rebuild(const std::string& directory, const std::string& config_file) {
  auto config = read_configuration(config_file);
  if (!config) {
    print_faults(config.error());
    return kExitConfig;
  }
  config->store.data_dir = directory;
  if (auto logging = start_logging("warn", "text"); !logging) {
    return tell_failure("store rebuild", logging.error());
  }
  Result<RebuildReport> report;
  {
    Bars bars;
    report = rebuild_store(*config, [&bars](std::string_view what, std::uint64_t done,
                                            std::uint64_t of) { bars.show(what, done, of); });
  }
  if (!report) {
    return tell_failure("store rebuild", report.error());
  }
  print(*report);
  return kExitSuccess;
}

}  // namespace slipstream
