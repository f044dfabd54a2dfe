#pragma once
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/error.h"
#include "history/segment_indexes.h"
#include "log/segment_log.h"
#include "model/stored_laps.h"

namespace slipstream {

/// Of the data directory, beside the log's.
inline constexpr const char* kPinnedFolder = "pinned";

/// Segments that retention took out of the log and that pinned sessions still need: they are moved
/// into a folder beside it, where they are read from as if they were in it. Whole segments are
/// kept, whatever else is in them. What cannot be told (no index yet, sessions not asked for yet)
/// is kept for now.
/// Bounded: together they have no more than max_bytes; beyond it the oldest go, and are counted.
/// Threads: take() on the log's; let_go() and tend() on one; all others from any.
class PinnedSegments final : public SegmentKeeper {
 public:
  struct Stats {
    Gauge segments;
    Gauge bytes;
    Counter dropped;    ///< that were needed, and went since there was no room
    Gauge failing;      ///< 1: the last one could not be moved; the log lets go of nothing then
    Gauge unexplained;  ///< that no pinned session needs, and of which nobody said that they may go
  };

  /// `folder` and `log_folder` are of one file system; `log_indexes`: of the log's segments.
  PinnedSegments(FileSystem& files, FileSystem::Path folder, FileSystem::Path log_folder,
                 SegmentIndexes& log_indexes, std::uint64_t max_bytes);

  /// Finds what is in the folder, which need not be there. Errors: of the device.
  Result<void> open();

  Result<bool> take(const SegmentInfo& segment) override;
  std::uint64_t bytes() const { return static_cast<std::uint64_t>(stats_.bytes.value()); }

  /// The sessions that are pinned now; before the first time everything is needed.
  void set_sessions(std::vector<SessionExtent> sessions);
  /// What these sessions take in whole segments: of those that are kept, and of the log's.
  struct Need {
    std::uint64_t bytes = 0;        ///< the open segment's among them
    std::uint64_t maybe_bytes = 0;  ///< of sealed segments without an index, beside those
  };
  Need need_of(const std::vector<SessionExtent>& sessions,
               const std::vector<SegmentInfo>& log_segments);

  /// By offset.
  std::vector<SegmentInfo> segments() const;
  SegmentIndexes& indexes() { return indexes_; }
  const FileSystem::Path& folder() const { return folder_; }
  std::uint64_t max_bytes() const { return max_bytes_; }
  const Stats& stats() const { return stats_; }

  /// Somebody let go of a session: what is not needed may go. Without this word only what was kept
  /// in this run since nobody could tell goes: should the store lose what is pinned, its points
  /// stay.
  void session_unpinned();
  /// Removes those that no session needs any more, and that may go. Errors: of the device.
  Result<void> let_go();
  /// Makes one index that is missing. `next`: the log's first segment. False: nothing is left to be
  /// done. Errors: as SegmentIndexes::tend().
  Result<bool> tend(const SegmentInfo& next, const MayRead& may_read);

 private:
  /// Nothing: it has no index.
  static std::optional<bool> is_needed(const SegmentInfo& segment, SegmentIndexes& indexes,
                                       const std::vector<SessionExtent>& sessions);
  std::optional<std::vector<SessionExtent>> sessions() const;
  Result<bool> move_here(const SegmentInfo& segment, bool is_certain);
  Result<void> remove(const SegmentInfo& segment);
  void publish_locked();

  FileSystem& files_;
  const FileSystem::Path folder_;
  const FileSystem::Path log_folder_;
  SegmentIndexes& log_indexes_;
  SegmentIndexes indexes_;
  const std::uint64_t max_bytes_;
  Stats stats_;
  mutable std::mutex mutex_;  // guards all below
  std::vector<SegmentInfo> segments_;
  std::optional<std::vector<SessionExtent>> sessions_;
  std::set<std::string> uncertain_;  ///< names of those that were kept since nobody could tell
  bool may_go_ = false;              ///< a session was let go of in this run
};

}  // namespace slipstream
