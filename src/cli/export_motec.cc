#include "cli/export_motec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <set>
#include <utility>

#include "base/iso_time.h"
#include "cli/cli.h"
#include "cli/even_samples.h"
#include "cli/log_axis.h"
#include "cli/motec_names.h"
#include "cli/motec_writer.h"
#include "cli/output_file.h"
#include "cli/progress_bar.h"
#include "cli/session.h"
#include "history/point_reader.h"

namespace slipstream {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExportMotec = "export";
const std::string kSessionTimeField = "session_time_s";

/// Of one machine, in memory.
constexpr ReadLimits kMachineLimits{.max_points = 4'000'000,
                                    .max_values = 32'000'000,
                                    .max_ns = std::int64_t{3'600} * kNsPerSecond};

/// `more` stands behind what is there.
void append_points(MachinePoints& points, MachinePoints more) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const std::size_t before = points.size();
  points.times.insert(points.times.end(), more.times.begin(), more.times.end());
  for (auto& column : more.columns) {
    auto known = std::ranges::find(points.columns, column.name, &MachinePoints::Column::name);
    if (known == points.columns.end()) {
      points.columns.push_back({.name = column.name, .values = std::vector(before, kNone)});
      known = std::prev(points.columns.end());
    }
    known->values.insert(known->values.end(), column.values.begin(), column.values.end());
  }
  for (auto& column : points.columns) column.values.resize(points.size(), kNone);
  points.duplicates += more.duplicates;
  points.taken_back += more.taken_back;
  points.lost = std::max(points.lost, more.lost);  // it is the same log
}

/// By their times, where parts of a session overlap.
void sort_points(MachinePoints& points) {
  if (std::ranges::is_sorted(points.times)) return;
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return points.times[i]; });
  const auto in_order = [&order]<typename T>(std::vector<T>& values) {
    std::vector<T> sorted;
    sorted.reserve(order.size());
    for (const std::size_t i : order) sorted.push_back(values[i]);
    values = std::move(sorted);
  };
  in_order(points.times);
  for (auto& column : points.columns) in_order(column.values);
}

/// Holes of all channels.
struct Holes {
  std::size_t count = 0;
  std::size_t channels = 0;
  double longest_s = 0;
  double longest_from_s = 0;
  std::string longest_in = {};

  void add(const EvenPlan& plan, const std::string& channel) {
    if (plan.holes == 0) return;
    count += plan.holes;
    ++channels;
    if (plan.longest_hole_s <= longest_s) return;
    longest_s = plan.longest_hole_s;
    longest_from_s = plan.longest_hole_from_s;
    longest_in = channel;
  }
};

/// A channel that is to be sampled.
struct PlannedChannel {
  const std::vector<double>* values = nullptr;
  EvenPlan plan = {};
  double factor = 1;
};

/// A log of one machine, and what of it is still to be sampled.
struct PlannedLog {
  MotecLog log;
  std::vector<PlannedChannel> channels;
  LogAxis axis;
};

std::string comment_of(const Holes& holes) {
  return holes.count == 0 ? "Slipstream, no holes"
                          : fmt::format("Slipstream, {} holes are held, longest {:.3f} s",
                                        holes.count, holes.longest_s);
}

std::string description_of(const ExportScope& scope, const MachinePoints& points,
                           const LogAxis& axis, const Holes& holes) {
  std::string text = fmt::format(
      "Slipstream {}, {} {}. Begins {}.", SLIPSTREAM_VERSION, scope.lap() ? "lap" : "session",
      scope.lap() ? scope.lap()->id : scope.session()->session.id, iso_time(axis.began.ns));
  text +=
      " Each channel is sampled at its usual rate; what lies in a hole of over 3 periods is "
      "held.";
  if (holes.count == 0) {
    text += " There is none.";
  } else {
    text += fmt::format(" Holes: {} in {} channels, the longest {:.3f} s from {:.3f} s on ({}).",
                        holes.count, holes.channels, holes.longest_s, holes.longest_from_s,
                        holes.longest_in);
  }
  if (points.taken_back > 0) {
    text += fmt::format(" Taken back by flashbacks and left out: {} points.", points.taken_back);
  }
  if (points.lost > 0) {
    text += fmt::format(
        " Damaged and missing: {} entries of the server's log, some of which may "
        "have been this machine's.",
        points.lost);
  }
  return text;
}

PlannedLog plan_log(const ExportScope& scope, const std::string& chassis,
                    const MachinePoints& points) {
  const auto laps = scope.laps_of(chassis);
  PlannedLog planned{
      .log = {}, .channels = {}, .axis = make_log_axis(points, laps, kSessionTimeField)};
  MotecNames names;
  Holes holes;
  for (const auto& column : points.columns) {
    if (std::ranges::all_of(column.values, [](double v) { return std::isnan(v); })) continue;
    const MotecName name = names.name_of(column.name);
    const EvenPlan plan =
        plan_even_samples(planned.axis.seconds, column.values, planned.axis.duration_s);
    holes.add(plan, name.name);
    planned.log.channels.push_back({.name = name.name,
                                    .short_name = name.short_name,
                                    .unit = name.unit,
                                    .rate_hz = plan.rate_hz,
                                    .samples = plan.samples});
    planned.channels.push_back({&column.values, plan, name.factor});
  }
  MotecLog& log = planned.log;
  log.began = planned.axis.began;
  log.vehicle = chassis;
  const auto& session = scope.session();
  log.venue = session ? session->session.track : scope.lap()->lap->activity.track;
  log.event = session ? session->session.name : "";
  log.session = session ? session->session.id : scope.lap()->session;
  log.comment = comment_of(holes);
  log.description = description_of(scope, points, planned.axis, holes);
  return planned;
}

Result<void> write_file(const fs::path& file, std::string_view bytes) {
  auto output = OutputFile::open(file.string());
  if (!output) return std::unexpected(output.error());
  if (auto written = output->write(bytes); !written) return written;
  return output->finish();
}

Result<void> write_log(const PlannedLog& planned, const fs::path& file) {
  const auto head = motec_head(planned.log);
  if (!head) return std::unexpected(head.error());
  auto output = OutputFile::open(file.string());
  if (!output) return std::unexpected(output.error());
  if (auto written = output->write(*head); !written) return written;
  std::string bytes;
  for (const PlannedChannel& channel : planned.channels) {
    bytes.clear();
    append_motec_values(
        bytes, even_samples(planned.axis.seconds, *channel.values, channel.plan, channel.factor));
    if (auto written = output->write(bytes); !written) return written;
  }
  if (auto finished = output->finish(); !finished) return finished;
  return write_file(fs::path(file).replace_extension(".ldx"), motec_beacons(planned.axis.laps));
}

/// Reads machines out of the log of a data directory.
class LogOfPoints {
 public:
  static Result<std::unique_ptr<LogOfPoints>> open(const fs::path& data_dir) {
    auto folder = find_log_folder(data_dir);
    if (!folder) return std::unexpected(folder.error());
    auto extent = find_log_extent(*folder);
    if (!extent) return std::unexpected(extent.error());
    return std::unique_ptr<LogOfPoints>(new LogOfPoints(*folder, std::move(extent->segments)));
  }

  Result<MachinePoints> read(const std::vector<PointQuery>& queries) {
    MachinePoints points;
    for (const PointQuery& query : queries) {
      auto more = reader_.read(query);
      if (!more) return std::unexpected(more.error());
      append_points(points, std::move(*more));
    }
    sort_points(points);
    return points;
  }

 private:
  LogOfPoints(const fs::path& folder, std::vector<SegmentInfo> segments)
      : segments_(std::move(segments)),
        indexes_(posix_file_system(), folder, SegmentIndexes::Files::kOthers),
        reader_(
            posix_file_system(), folder, [this] { return segments_; }, indexes_, system_clock(),
            kMachineLimits) {}

  const std::vector<SegmentInfo> segments_;
  SegmentIndexes indexes_;
  PointReader reader_;
};

/// A name that every file system takes, and that is not taken here.
std::string file_name_of(std::string_view chassis, std::set<std::string>& taken) {
  constexpr std::size_t kMost = 100;
  std::string name;
  for (const char c : chassis.substr(0, kMost)) {
    if ((c & 0xC0) == 0x80) continue;  // goes on with the character before
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                          (c == '.' && !name.empty());
    name += is_plain ? c : '_';
  }
  std::string lower;
  for (std::string unique = name;; unique = fmt::format("{}-{}", name, taken.size() + 1)) {
    lower = unique;
    std::ranges::transform(lower, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (taken.insert(lower).second) return unique + ".ld";
  }
}

/// What was written, and what is to be said of it.
struct WrittenLogs {
  std::size_t files = 0;
  std::uint64_t lost = 0;  ///< entries of the server's log
  std::string notes = {};  ///< lines
};

/// Of one machine; nothing where the log has no points of it.
Result<void> write_machine(const std::string& chassis, const fs::path& output,
                           const ExportScope& scope, LogOfPoints& log, std::set<std::string>& taken,
                           WrittenLogs& written) {
  const auto points = log.read(scope.queries_of(chassis));
  if (!points) return fail(fmt::format("machine {}: {}", chassis, points.error().message));
  written.lost = std::max(written.lost, points->lost);
  if (points->size() == 0) return {};
  const PlannedLog planned = plan_log(scope, chassis, *points);
  const fs::path file = scope.session() ? output / file_name_of(chassis, taken) : output;
  if (auto done = write_log(planned, file); !done) return done;
  ++written.files;
  written.notes += fmt::format("{}: {} points, {} channels, {} laps{}\n", file.string(),
                               points->size(), planned.channels.size(), planned.axis.laps.size(),
                               planned.log.comment.substr(planned.log.comment.find(',')));
  written.notes += scope.note_of(points->size());
  return {};
}

Result<void> write_logs(const ExportOptions& options, const ExportScope& scope, LogOfPoints& log,
                        WrittenLogs& written) {
  std::vector<std::string> machines;
  for (const std::string& chassis : scope.machines()) {
    if (options.chassis.empty() || chassis == options.chassis) machines.push_back(chassis);
  }
  ProgressBar bar("export", machines.size());
  std::set<std::string> taken;
  Result<void> outcome;
  std::size_t done = 0;
  for (; outcome && done < machines.size(); ++done) {
    bar.show(done);
    outcome = write_machine(machines[done], options.output, scope, log, taken, written);
  }
  bar.finish(done);
  return outcome;
}

}  // namespace

int run_export_motec(const ExportOptions& options, const ExportScope& scope,
                     const fs::path& data_dir) {
  auto log = LogOfPoints::open(data_dir);
  if (!log) return tell_failure(kExportMotec, log.error());
  if (scope.session()) {
    std::error_code error;
    fs::create_directories(options.output, error);
    if (error) {
      return tell_failure(kExportMotec, {fmt::format("{}: {}", options.output, error.message())});
    }
  }
  WrittenLogs written;
  const auto done = write_logs(options, scope, **log, written);
  fmt::print(stderr, "{}", written.notes);
  if (!done) return tell_failure(kExportMotec, done.error());
  if (written.files == 0) {
    return tell_failure(kExportMotec, {"the log has no points of it (any more)"});
  }
  if (written.lost == 0) return kExitSuccess;
  fmt::print(stderr, "lost: {} entries of the log cannot be read: log verify names them\n",
             written.lost);
  return kExitFailure;
}

}  // namespace slipstream
