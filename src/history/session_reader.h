#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "history/log_points.h"
#include "log/segment_follower.h"
#include "model/ingest_stats.h"
#include "pipeline/point_completer.h"

namespace slipstream {

/// Where to begin reading for points with event times from `from` on: the newest segment that was
/// begun `ahead_ns` before it or earlier, since points do not come longer before their time than
/// that; else the log's first offset. `segments`: by offset.
std::uint64_t first_offset_for(const std::vector<SegmentInfo>& segments, EventTime from,
                               std::int64_t ahead_ns);

/// Gives what the log has of tracks from a time on, in the order of the log, as the points went out
/// live: completed by what was known of their machines then, as far as that is in what is read.
/// Read in pages, beside whoever writes the log. Memory: a page, a block, and of each series a few
/// hundred bytes, for up to SeriesTable::kMaxSeries. Threads: one at a time.
class SessionReader {
 public:
  /// A part of what is asked for.
  struct Page {
    std::string points;      ///< as JSON objects with commas between them
    std::size_t count = 0;   ///< of them
    std::uint64_t lost = 0;  ///< entries that the log has not any more, or cannot give
    bool is_last = false;    ///< all below `to` was given
  };
  struct Query {
    EventTime from = {};  ///< points from then on, but for those of
    std::map<std::string, EventTime, std::less<>> tracks = {};  ///< these, and from when on
    double max_hz = 0;  ///< of each series at most so many points a second of event time; 0: all
    std::function<bool(std::string_view track, std::string_view chassis, std::string_view tags)>
        wants = {};
    /// Appends what is wanted of a point.
    std::function<void(std::string& out, std::string_view json)> append = {};
  };

  SessionReader(FileSystem& files, FileSystem::Path folder, std::uint64_t from,
                const SchemaOptions& schema, Query query);

  /// The next page, of what stands in the log below `to`, which is written there. It ends at
  /// kPageBytes, or after kPageNs by `clock`. Errors: of the device; `stop` was asked for.
  Result<Page> next(std::uint64_t to, const Clock& clock, const std::stop_token& stop);

  static constexpr std::size_t kPageBytes = std::size_t{128} << 10;
  static constexpr std::int64_t kPageNs = 20 * kNsPerMs;

 private:
  void give(const LogPoints::Item& item, Page& page);
  bool is_due(std::uint64_t series, EventTime when);

  const Query query_;
  Schema schema_;
  BatchPool pool_;
  IngestStats ingest_;  ///< nobody looks at it: these points were counted when they came
  PointCompleter completer_;
  SegmentFollower follower_;
  LogPoints points_;
  std::optional<LogPoints::Item> next_;  ///< that was not given yet; good until points_ goes on
  std::vector<std::uint32_t> evicted_;
  std::string json_;
  boost::unordered_flat_map<std::uint64_t, std::int64_t> slots_;  ///< of the last point, by series
};

}  // namespace slipstream
