#pragma once
#include <cstdint>
#include <map>
#include <unordered_map>

#include "history/segment_index.h"

namespace slipstream {

/// Makes an index of a segment's blocks, which it is given in their order. One segment; threads:
/// one.
class SegmentIndexBuilder {
 public:
  explicit SegmentIndexBuilder(const SegmentInfo& segment);

  /// False: the payload is none that it can read.
  bool add(const Piece& block, std::string_view payload);
  SegmentIndex finish();
  /// Its last group is not closed: it has no machines yet.
  const SegmentIndex& so_far() const { return index_; }

  /// A group has so many bytes at least ...
  static constexpr std::uint64_t kGroupBytes = std::uint64_t{32} << 10;
  /// ... and so many for each machine in it, of which the index takes some eight bytes: an index
  /// stays far below a hundredth of its segment.
  static constexpr std::uint64_t kBytesPerSpan = 1'500;

 private:
  void see(std::uint64_t machine_hash, std::int64_t ns);
  void close_group();

  SegmentIndex index_;
  std::unordered_map<std::uint64_t, std::uint32_t> numbers_;
  std::map<std::uint32_t, std::pair<std::int64_t, std::int64_t>> in_group_;  ///< ns, by machine
  Schema schema_;
  BatchPool pool_;
  PointLogDecoder decoder_{schema_.fields(), pool_};
};

}  // namespace slipstream
