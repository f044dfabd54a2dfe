#pragma once
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "history/open_segment_index.h"
#include "history/pinned_segments.h"
#include "history/point_collector.h"
#include "history/segment_indexes.h"
#include "log/file.h"
#include "log/segment.h"

namespace slipstream {

/// Reads a machine's points out of the log beside whoever writes it: all that is synced, and before
/// it what retention kept for pinned sessions; in sealed segments by their indexes, in the open one
/// by an index that grows with each question, in those without one block by block. Late points are
/// in their place, what
/// came twice is there once, and what a flashback took back is left out. Memory: what the limits
/// allow, and a block. Threads: one at a time.
class PointReader {
 public:
  /// The log's segments as far as they are synced, by offset.
  using Segments = std::function<std::vector<SegmentInfo>()>;

  /// `kept`: nullptr, retention removes all. `derived`: as PointCollector has it.
  PointReader(FileSystem& files, FileSystem::Path folder, Segments segments,
              SegmentIndexes& indexes, const Clock& clock, ReadLimits limits = {},
              PinnedSegments* kept = nullptr, SchemaOptions derived = {});

  /// What is damaged is left out and counted (MachinePoints::lost). Errors: kRefused, the answer
  /// would be beyond the limits; kTimeout, it took too long, or was stopped; others: of the device.
  Result<MachinePoints> read(const PointQuery& query, const std::stop_token& stop = {});
  /// Reads on in the open segment, so that the next question need not. What fails now that one is
  /// told.
  void keep_up(const std::stop_token& stop);

 private:
  class Run;
  /// Where segments are, and their indexes.
  struct Place {
    const FileSystem::Path& folder;
    SegmentIndexes& indexes;
  };
  struct Placed {
    SegmentInfo info;
    bool is_kept;  ///< in the folder of those
  };
  std::vector<Placed> all_segments() const;
  Place place_of(const Placed& segment);

  FileSystem& files_;
  const FileSystem::Path folder_;
  const Segments segments_;
  SegmentIndexes& indexes_;
  const Clock& clock_;
  const ReadLimits limits_;
  std::unique_ptr<OpenSegmentIndex> open_index_;
  PinnedSegments* const kept_;
  const SchemaOptions derived_;
};

}  // namespace slipstream
