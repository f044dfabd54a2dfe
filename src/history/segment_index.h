#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "codec/point_log_decoder.h"
#include "log/file.h"
#include "log/segment.h"
#include "log/segment_scanner.h"
#include "model/point.h"

namespace slipstream {

/// Behind a segment's name: its index.
inline constexpr std::string_view kIndexSuffix = ".index";
std::string segment_index_name(const SegmentInfo& segment);

/// Under what marks that take points of the track back stand in an index, as a machine of its own.
std::uint64_t rewinds_hash(std::string_view track);

/// Which blocks of a sealed segment have points of which machine, and of when: what has to be read
/// for a machine's points, so that the rest need not be. Blocks stand in groups, each of which can
/// be read alone: it begins with a block that neither leans nor goes on with a body. Times are
/// event times, rounded outwards to milliseconds. docs/history.md has the file's format.
/// Immutable once it is built or read; threads: any.
class SegmentIndex {
 public:
  struct Group {
    std::uint64_t position = 0;  ///< in the file, of the first block
    std::uint64_t end = 0;       ///< behind the last
    std::uint64_t from = 0;      ///< offsets [from, to)
    std::uint64_t to = 0;
    std::uint32_t first_span = 0;
    std::uint32_t spans = 0;
  };
  /// From when to when a machine has points in a group.
  struct Span {
    std::uint32_t machine = 0;  ///< its number among the machines
    std::int64_t min_ms = 0;
    std::int64_t max_ms = 0;
  };

  /// Whether it is of that very file: a segment that was rewritten, or cut, is another one.
  bool is_of(const SegmentInfo& segment) const;
  /// Groups that may have points of the machine, or marks that take some back, in [from, to].
  std::vector<Group> find(std::string_view track, std::string_view chassis, EventTime from,
                          EventTime to) const;
  const std::vector<Group>& groups() const { return groups_; }
  /// Behind the last offset of the segment.
  std::uint64_t held_to() const { return groups_.empty() ? base_offset_ : groups_.back().to; }
  /// Whether any point is in [from, to].
  bool reaches(EventTime from, EventTime to) const;
  std::size_t bytes() const;

  friend bool operator==(const SegmentIndex& a, const SegmentIndex& b);

 private:
  friend class SegmentIndexBuilder;
  friend std::string encode_segment_index(const SegmentIndex& index);
  friend Result<SegmentIndex> decode_segment_index(std::string_view bytes);
  bool overlaps(const Group& group, std::uint32_t machine, std::int64_t from_ms,
                std::int64_t to_ms) const;

  std::uint64_t base_offset_ = 0;
  std::uint64_t holds_ = 0;
  std::int64_t created_ns_ = 0;
  std::uint64_t file_bytes_ = 0;
  std::int64_t min_ms_ = 0;  ///< of all; above max_ms_: there are none
  std::int64_t max_ms_ = -1;
  std::vector<std::uint64_t> machines_;  ///< series_hash() of each
  std::vector<Group> groups_;
  std::vector<Span> spans_;  ///< of a group, by machine
};

/// Beyond it marks do not reach: so long after a point the mark that takes it back may come.
inline constexpr std::int64_t kRewindReachNs = 600 * kNsPerSecond;

std::string encode_segment_index(const SegmentIndex& index);
/// kCorrupt: it is not as it was written. kVersion: another version wrote it.
Result<SegmentIndex> decode_segment_index(std::string_view bytes);

/// Makes the index of a segment of which nothing is damaged. Nothing: something is, and such a
/// segment is read without an index. `void_from`: offsets from there on a newer segment holds.
/// Errors: of the device; `may_read` said no (kTimeout).
Result<std::optional<SegmentIndex>> build_segment_index(FileSystem& files,
                                                        const FileSystem::Path& folder,
                                                        const SegmentInfo& segment,
                                                        std::uint64_t void_from,
                                                        const MayRead& may_read);

}  // namespace slipstream
