#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/point_log_decoder.h"
#include "log/log.h"
#include "log/segment.h"
#include "model/point.h"
#include "model/schema.h"

namespace slipstream {

/// The folder of segments of `directory`: its folder `log`, or itself where it is one.
Result<std::filesystem::path> find_log_folder(const std::filesystem::path& directory);

/// A block that is seen half written beside a running server is whole a moment later: so often it
/// is looked at again, after such a pause. A large body's next block takes its time.
inline constexpr int kLooksAtGrowth = 25;
inline constexpr std::chrono::milliseconds kBetweenLooks{20};

/// What a log holds, opened to be read beside whoever writes it: takes no lock, changes nothing,
/// and ends where the log ended at that moment.
struct LogExtent {
  std::vector<SegmentInfo> segments;
  std::uint64_t from = 0;  ///< offsets [from, to)
  std::uint64_t to = 0;
  std::uint64_t bytes = 0;
  std::optional<LostRange> tail;  ///< bytes at the end that hold nobody knows how many offsets
};
Result<LogExtent> find_log_extent(const std::filesystem::path& folder);

/// The points and marks of a recorded session, in the order of the log: what was kept of it for
/// pinned sessions comes first. One thread.
class Session {
 public:
  /// `directory`: a data directory or its log folder. The names of members are `schema`'s, but for
  /// points that are kept with their text.
  static Result<std::unique_ptr<Session>> open(const std::filesystem::path& directory,
                                               const SchemaOptions& schema);

  /// A batch of points, or a mark as JSON; neither: the end.
  struct Item {
    const PointBatch* points = nullptr;
    std::string_view mark = {};

    bool is_end() const { return points == nullptr && mark.empty(); }
  };
  /// Good until the next call. Errors: of the device; damage is skipped and told in lost().
  Result<Item> next();
  /// To the beginning once more.
  void rewind();

  const Schema& schema() const { return schema_; }
  FieldTable& fields() { return schema_.fields(); }
  std::vector<LostRange> lost() const;
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t bytes_done() const {
    return std::min(bytes_, bytes_before_ + runs_[run_].extent.bytes -
                                std::min(runs_[run_].extent.bytes, reader_->bytes_left()));
  }
  /// Entries of the log, points among them.
  std::uint64_t entries() const { return entries_; }
  std::uint64_t entries_done() const { return entries_before_ + entries_done_; }

 private:
  /// Segments that follow each other; the last run is the log.
  struct Run {
    std::filesystem::path folder;
    LogExtent extent;
  };
  Session(std::vector<Run> runs, const SchemaOptions& schema);
  static Result<std::vector<Run>> runs_of(const std::filesystem::path& log_folder);
  void begin_run(std::size_t run);

  const std::vector<Run> runs_;
  std::uint64_t bytes_ = 0;
  std::uint64_t entries_ = 0;
  std::size_t run_ = 0;
  std::uint64_t bytes_before_ = 0;    ///< of the runs before
  std::uint64_t entries_before_ = 0;  ///< likewise
  Schema schema_;
  BatchPool pool_;
  PointLogDecoder decoder_;
  std::unique_ptr<LogReader> reader_;
  std::vector<LostRange> lost_;  ///< of the runs before, and what could not be decoded
  PointBatchPtr batch_;
  bool is_in_block_ = false;
  std::uint64_t block_base_ = 0;
  std::uint64_t entries_done_ = 0;
};

/// Tells on stderr what could not be read, a line a range.
void print_lost(const std::vector<LostRange>& lost);

}  // namespace slipstream
