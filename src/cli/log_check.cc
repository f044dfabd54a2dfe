#include "cli/log_check.h"

#include <chrono>
#include <filesystem>
#include <thread>

#include "cli/progress_bar.h"
#include "cli/session.h"
#include "store/rollup_reader.h"

namespace slipstream {
namespace {

bool grows(const std::filesystem::path& file, std::uint64_t bytes_seen) {
  for (int i = 0; i < kLooksAtGrowth; ++i) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(file, error);
    if (!error && bytes > bytes_seen) return true;
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return false;
}

/// What was seen of a write that is on its way goes.
void forgive_unfinished_write(const std::filesystem::path& folder, LogReport& report) {
  if (report.faults.empty() || report.segments.empty()) return;
  const LogFault& fault = report.faults.back();
  const SegmentReport& last = report.segments.back();
  if (fault.kind == LogFaultKind::kTruncatedFile && fault.file == last.file &&
      grows(folder / last.file, last.bytes)) {
    report.faults.pop_back();
  }
}

/// By the store beside the log; 0: there is none.
Result<std::uint64_t> offset_known_to_be_reached(const std::filesystem::path& folder) {
  std::error_code error;
  const auto data_dir = std::filesystem::weakly_canonical(folder, error).parent_path();
  if (error || !std::filesystem::exists(RollupReader::database_path(data_dir), error)) return 0;
  auto store = RollupReader::open(data_dir);
  if (!store) return std::unexpected(store.error());
  return (*store)->log_offset();
}

}  // namespace

Result<LogCheck> check_log(const std::string& directory,
                           const std::function<void(const PointBatch&)>& take) {
  const auto folder = find_log_folder(directory);
  if (!folder) return std::unexpected(folder.error());
  // Before the log is looked at: a running server's goes on.
  const auto reached = offset_known_to_be_reached(*folder);
  const auto segments = list_segments(posix_file_system(), *folder);
  if (!segments) return std::unexpected(segments.error());
  std::uint64_t bytes = 0;
  for (const auto& segment : *segments) bytes += segment.bytes;

  LogCheck check{.folder = folder->string()};
  if (!reached) check.end_unknown = reached.error().message;
  Schema schema;
  BatchPool pool;
  PointLogDecoder decoder(schema.fields(), pool);
  ProgressBar bar("log", bytes, ProgressBar::Unit::kBytes);
  const auto check_block = [&](const LogBlock& block) -> Result<void> {
    if (auto opened = decoder.open(block.payload); !opened) return opened;
    if (decoder.count() != block.count) return fail("its entries are not as many as its head says");
    ++check.blocks;
    check.entries += block.count;
    LogEntry entry;
    while (take && decoder.next(entry)) {
      if (entry.kind == LogEntryKind::kMark) ++check.marks;
      if (!entry.points) continue;
      take(*entry.points);
      pool.put(std::move(entry.points));
    }
    return {};
  };
  check.report = verify_log(posix_file_system(), *folder,
                            {.check = check_block,
                             .progress = [&bar](std::uint64_t done) { bar.show(done); },
                             .at_least_offset = reached.value_or(0)});
  bar.finish(bytes);
  forgive_unfinished_write(*folder, check.report);
  return check;
}

}  // namespace slipstream
