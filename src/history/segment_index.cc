#include "history/segment_index.h"

#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/bytes.h"

namespace slipstream {
namespace {

constexpr std::string_view kIndexMagic = "SLIPIDX1";
constexpr std::uint32_t kIndexVersion = 1;
constexpr std::size_t kChecksumBytes = sizeof(std::uint64_t);
constexpr std::int64_t kNoMin = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kNoMax = std::numeric_limits<std::int64_t>::min();

std::int64_t ms_below(std::int64_t ns) {
  return floor_to(ns, kNsPerMs) / kNsPerMs;
}
std::int64_t ms_above(std::int64_t ns) {
  return ms_below(ns) + (ns % kNsPerMs == 0 ? 0 : 1);
}
std::int64_t later_by(EventTime at, std::int64_t ns) {
  return at.ns > std::numeric_limits<std::int64_t>::max() - ns
             ? std::numeric_limits<std::int64_t>::max()
             : at.ns + ns;
}

}  // namespace

std::string segment_index_name(const SegmentInfo& segment) {
  return segment.name + std::string(kIndexSuffix);
}

std::uint64_t rewinds_hash(std::string_view track) {
  return series_hash(track, std::string_view("\0rewinds", 8));
}

bool SegmentIndex::is_of(const SegmentInfo& segment) const {
  return base_offset_ == segment.base_offset && holds_ == segment.holds &&
         created_ns_ == segment.created_ns && file_bytes_ == segment.bytes;
}

bool SegmentIndex::reaches(EventTime from, EventTime to) const {
  return min_ms_ <= ms_above(later_by(to, kRewindReachNs)) && max_ms_ >= ms_below(from.ns);
}

std::size_t SegmentIndex::bytes() const {
  return sizeof *this + machines_.size() * sizeof(std::uint64_t) + groups_.size() * sizeof(Group) +
         spans_.size() * sizeof(Span);
}

bool SegmentIndex::overlaps(const Group& group, std::uint32_t machine, std::int64_t from_ms,
                            std::int64_t to_ms) const {
  const auto spans = std::span(spans_).subspan(group.first_span, group.spans);
  const auto span = std::ranges::lower_bound(spans, machine, {}, &Span::machine);
  return span != spans.end() && span->machine == machine && span->min_ms <= to_ms &&
         span->max_ms >= from_ms;
}

std::vector<SegmentIndex::Group> SegmentIndex::find(std::string_view track,
                                                    std::string_view chassis, EventTime from,
                                                    EventTime to) const {
  const auto number = [&](std::uint64_t hash) {
    return static_cast<std::uint32_t>(std::ranges::find(machines_, hash) - machines_.begin());
  };
  const std::uint32_t machine = number(series_hash(track, chassis));
  const std::uint32_t rewinds = number(rewinds_hash(track));
  const std::uint32_t any_rewinds = number(rewinds_hash(""));  // marks may name a session alone
  const std::int64_t from_ms = ms_below(from.ns);
  const std::int64_t to_ms = ms_above(to.ns);
  const std::int64_t rewinds_to_ms = ms_above(later_by(to, kRewindReachNs));
  std::vector<Group> found;
  for (const Group& group : groups_) {
    if (overlaps(group, machine, from_ms, to_ms) ||
        overlaps(group, rewinds, from_ms, rewinds_to_ms) ||
        overlaps(group, any_rewinds, from_ms, rewinds_to_ms)) {
      found.push_back(group);
    }
  }
  return found;
}

bool operator==(const SegmentIndex& a, const SegmentIndex& b) {
  return encode_segment_index(a) == encode_segment_index(b);
}

std::string encode_segment_index(const SegmentIndex& index) {
  std::string out(kIndexMagic);
  ByteWriter writer(out);
  writer.fixed(kIndexVersion);
  writer.fixed(index.base_offset_);
  writer.fixed(index.holds_);
  writer.fixed(index.created_ns_);
  writer.fixed(index.file_bytes_);
  writer.varint(index.machines_.size());
  for (const std::uint64_t hash : index.machines_) writer.fixed(hash);
  writer.varint(index.groups_.size());
  std::uint64_t position = 0;
  std::uint64_t offset = index.base_offset_;
  std::int64_t time_ms = 0;
  for (const auto& group : index.groups_) {
    writer.varint(group.position - std::exchange(position, group.end));
    writer.varint(group.end - group.position);
    writer.varint(group.from - std::exchange(offset, group.to));
    writer.varint(group.to - group.from);
    writer.varint(group.spans);
    std::uint32_t machine = 0;
    for (const auto& span : std::span(index.spans_).subspan(group.first_span, group.spans)) {
      writer.varint(span.machine - std::exchange(machine, span.machine));
      writer.zigzag(span.min_ms - std::exchange(time_ms, span.min_ms));
      writer.varint(static_cast<std::uint64_t>(span.max_ms) -
                    static_cast<std::uint64_t>(span.min_ms));
    }
  }
  writer.fixed(std::uint64_t{XXH3_64bits(out.data(), out.size())});
  return out;
}

Result<SegmentIndex> decode_segment_index(std::string_view bytes) {
  const auto damaged = [] {
    return fail("the index does not match its checksum", ErrorCode::kCorrupt);
  };
  if (bytes.size() < kIndexMagic.size() + kChecksumBytes || !bytes.starts_with(kIndexMagic)) {
    return damaged();
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (ByteReader(bytes.substr(body.size())).fixed<std::uint64_t>() !=
      XXH3_64bits(body.data(), body.size())) {
    return damaged();
  }
  ByteReader reader(body.substr(kIndexMagic.size()));
  if (reader.fixed<std::uint32_t>() != kIndexVersion) {
    return fail("the index is of a version that is not known", ErrorCode::kVersion);
  }
  SegmentIndex index;
  index.base_offset_ = reader.fixed<std::uint64_t>();
  index.holds_ = reader.fixed<std::uint64_t>();
  index.created_ns_ = reader.fixed<std::int64_t>();
  index.file_bytes_ = reader.fixed<std::uint64_t>();
  index.min_ms_ = kNoMin;
  index.max_ms_ = kNoMax;
  const std::uint64_t machines = reader.varint();
  if (!reader.ok() || machines > reader.left() / sizeof(std::uint64_t)) return damaged();
  for (std::uint64_t i = 0; i < machines; ++i) {
    index.machines_.push_back(reader.fixed<std::uint64_t>());
  }
  const std::uint64_t groups = reader.varint();
  if (!reader.ok() || groups > reader.left()) return damaged();
  std::uint64_t position = 0;
  std::uint64_t offset = index.base_offset_;
  std::int64_t time_ms = 0;
  for (std::uint64_t i = 0; i < groups; ++i) {
    auto& group = index.groups_.emplace_back();
    group.position = position + reader.varint();
    position = group.end = group.position + reader.varint();
    group.from = offset + reader.varint();
    offset = group.to = group.from + reader.varint();
    const std::uint64_t spans = reader.varint();
    if (!reader.ok() || spans > reader.left()) return damaged();
    group.first_span = static_cast<std::uint32_t>(index.spans_.size());
    group.spans = static_cast<std::uint32_t>(spans);
    std::uint64_t machine = 0;
    for (std::uint64_t k = 0; k < spans; ++k) {
      machine += reader.varint();
      time_ms = static_cast<std::int64_t>(static_cast<std::uint64_t>(time_ms) +
                                          static_cast<std::uint64_t>(reader.zigzag()));
      const auto max_ms =
          static_cast<std::int64_t>(static_cast<std::uint64_t>(time_ms) + reader.varint());
      if (machine >= machines || max_ms < time_ms) return damaged();
      index.spans_.push_back({static_cast<std::uint32_t>(machine), time_ms, max_ms});
      index.min_ms_ = std::min(index.min_ms_, time_ms);
      index.max_ms_ = std::max(index.max_ms_, max_ms);
    }
  }
  if (!reader.at_end()) return damaged();
  return index;
}

}  // namespace slipstream
