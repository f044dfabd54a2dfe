#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <utility>

#include "base/iso_time.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/log_check.h"
#include "source/peer_table.h"

namespace slipstream {
namespace {

constexpr std::size_t kNameBytes = Schema::kMaxDimensionBytes;

struct TimeRange {
  std::uint64_t points = 0;
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;

  void add(const TimeRange& other) {
    first_ns = points == 0 ? other.first_ns : std::min(first_ns, other.first_ns);
    last_ns = points == 0 ? other.last_ns : std::max(last_ns, other.last_ns);
    points += other.points;
  }
};

/// Points by machine. A log has many points of few machines: found by their hash, which the log
/// keeps, before their names are looked at.
class Machines {
 public:
  void add(const PointBatch& batch) {
    for (const Point& point : batch.points) {
      const TimeRange one{1, point.event_time.ns, point.event_time.ns};
      auto& candidates = by_hash_[point.series_hash];
      auto found = std::ranges::find_if(candidates, [&](const Machine& m) {
        return m.track == batch.track(point) && m.chassis == batch.chassis(point);
      });
      if (found == candidates.end()) {
        found = candidates.insert(
            found, {std::string(batch.track(point)), std::string(batch.chassis(point)), {}});
      }
      found->range.add(one);
      all_.add(one);
    }
  }

  const TimeRange& all() const { return all_; }
  std::map<std::pair<std::string, std::string>, TimeRange> by_name() const {
    std::map<std::pair<std::string, std::string>, TimeRange> sorted;
    for (const auto& [hash, machines] : by_hash_) {
      for (const auto& m : machines) sorted[{m.track, m.chassis}].add(m.range);
    }
    return sorted;
  }

 private:
  struct Machine {
    std::string track;
    std::string chassis;
    TimeRange range;
  };
  std::map<std::uint64_t, std::vector<Machine>> by_hash_;
  TimeRange all_;
};

bool cannot_be_read(const LogFault& fault) {
  return fault.kind == LogFaultKind::kUnreadable || fault.kind == LogFaultKind::kUnknownVersion;
}

void print_log(const LogCheck& check) {
  const auto& segments = check.report.segments;
  std::uint64_t bytes = 0;
  std::uint64_t raw_bytes = 0;
  for (const auto& segment : segments) {
    bytes += segment.bytes;
    raw_bytes += segment.raw_bytes;
  }
  fmt::print("log         {}\nsegments    {}\n", check.folder, segments.size());
  fmt::print("offsets     [{}, {})\n", segments.empty() ? 0 : segments.front().base_offset,
             segments.empty() ? 0 : segments.back().end_offset);
  fmt::print("blocks      {}, of {} entries\nbytes       {} compressed, {} raw\n", check.blocks,
             check.entries, bytes, raw_bytes);
}

void print_points(const Machines& machines) {
  const TimeRange& all = machines.all();
  fmt::print("points      {}\n", all.points);
  if (all.points == 0) return;
  fmt::print("time        {} to {}\n", iso_time(all.first_ns), iso_time(all.last_ns));
  const auto by_name = machines.by_name();
  fmt::print("machines    {}\n", by_name.size());
  for (const auto& [name, range] : by_name) {
    fmt::print("  {}/{}  {} points, {} to {}\n", printable_sample(name.first, kNameBytes),
               printable_sample(name.second, kNameBytes), range.points, iso_time(range.first_ns),
               iso_time(range.last_ns));
  }
}

void print_segments(const LogCheck& check) {
  for (const auto& segment : check.report.segments) {
    fmt::print("segment     {}  offsets [{}, {}), {} blocks, {} bytes compressed, {} raw\n",
               segment.file, segment.base_offset, segment.end_offset, segment.blocks, segment.bytes,
               segment.raw_bytes);
  }
}

}  // namespace

int run_log_info(const std::string& directory) {
  Machines machines;
  const auto check =
      check_log(directory, [&machines](const PointBatch& batch) { machines.add(batch); });
  if (!check) {
    return tell_failure("log info", check.error());
  }
  print_log(*check);
  print_points(machines);
  if (check->marks > 0) fmt::print("marks       {}\n", check->marks);
  print_segments(*check);
  const auto& faults = check->report.faults;
  if (faults.empty()) return kExitSuccess;
  fmt::print("faults      {}: slipstream log verify {} names them\n", faults.size(), directory);
  const auto unreadable = std::ranges::find_if(faults, cannot_be_read);
  if (unreadable == faults.end()) return kExitSuccess;
  fmt::print(stderr, "slipstream log info: {}: {}\n", unreadable->file, unreadable->what);
  return kExitFailure;
}

}  // namespace slipstream
