#pragma once
#include <optional>

#include "history/segment_index_builder.h"
#include "log/block.h"

namespace slipstream {

/// The index of a log's open segment, in memory alone: each question reads what was appended since
/// the one before, and then only the groups that can matter. Takes as much memory as that of a
/// sealed segment. Threads: one.
class OpenSegmentIndex {
 public:
  /// Reads on to the segment's end. Its last group is still being written: nothing tells yet what
  /// is in it, and from its first block on all is to be read. What cannot be read is behind that,
  /// too. nullptr: there is no group, or the segment is another one by now. Errors: of the device;
  /// `may_read` said no, and the next call goes on from there.
  Result<const SegmentIndex*> read_on(FileSystem& files, const FileSystem::Path& folder,
                                      const SegmentInfo& segment, const MayRead& may_read);
  /// What it said was not so.
  void forget() { progress_.reset(); }

 private:
  struct Progress {
    explicit Progress(const SegmentInfo& segment) : of(segment), builder(segment) {}

    SegmentInfo of;
    SegmentIndexBuilder builder;
    std::optional<SegmentScanner::Place> place = {};  ///< to go on from
    bool is_stuck = false;                            ///< it is not to be read any further
  };
  std::optional<Progress> progress_;
};

}  // namespace slipstream
