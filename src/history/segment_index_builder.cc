#include "history/segment_index_builder.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "codec/mark_json.h"
#include "log/block.h"

namespace slipstream {
namespace {

std::int64_t span_begin_ms(std::int64_t ns) {
  return floor_to(ns, kNsPerMs) / kNsPerMs;
}
std::int64_t span_end_ms(std::int64_t ns) {
  return span_begin_ms(ns) + (ns % kNsPerMs == 0 ? 0 : 1);
}

}  // namespace

SegmentIndexBuilder::SegmentIndexBuilder(const SegmentInfo& segment) {
  index_.base_offset_ = segment.base_offset;
  index_.holds_ = segment.holds;
  index_.created_ns_ = segment.created_ns;
  index_.file_bytes_ = segment.bytes;
  index_.min_ms_ = std::numeric_limits<std::int64_t>::max();
  index_.max_ms_ = std::numeric_limits<std::int64_t>::min();
}

bool SegmentIndexBuilder::add(const Piece& block, std::string_view payload) {
  const BlockHeader& header = block.header;
  auto& groups = index_.groups_;
  if (!header.leans() && !header.continues()) {
    const std::uint64_t enough =
        std::max<std::uint64_t>(kGroupBytes, in_group_.size() * kBytesPerSpan);
    const bool is_full = !groups.empty() && groups.back().end - groups.back().position >= enough;
    if (is_full) close_group();
    if (is_full || groups.empty()) {
      groups.push_back({.position = block.position, .from = header.base_offset});
    }
  }
  if (groups.empty()) return false;
  groups.back().end = block.position + block.bytes;
  groups.back().to = header.end_offset();

  if (!decoder_.open(payload) || decoder_.count() != header.count) return false;
  for (LogEntry entry; decoder_.next(entry);) {
    if (entry.points) {
      for (const Point& point : entry.points->points) {
        see(point.series_hash, point.event_time.ns);
      }
      pool_.put(std::move(entry.points));
    } else if (entry.kind == LogEntryKind::kMark) {
      const auto mark = parse_mark_json(entry.text, entry.time);
      if (mark && mark->takes_points_back()) see(rewinds_hash(mark->track), mark->time.ns);
    }
  }
  return true;
}

void SegmentIndexBuilder::see(std::uint64_t machine_hash, std::int64_t ns) {
  const auto next = static_cast<std::uint32_t>(index_.machines_.size());
  const auto [number, is_new] = numbers_.try_emplace(machine_hash, next);
  if (is_new) index_.machines_.push_back(machine_hash);
  const auto [span, is_first] = in_group_.try_emplace(number->second, ns, ns);
  if (is_first) return;
  auto& [min, max] = span->second;
  min = std::min(min, ns);
  max = std::max(max, ns);
}

void SegmentIndexBuilder::close_group() {
  auto& group = index_.groups_.back();
  group.first_span = static_cast<std::uint32_t>(index_.spans_.size());
  group.spans = static_cast<std::uint32_t>(in_group_.size());
  for (const auto& [machine, times] : std::exchange(in_group_, {})) {
    const SegmentIndex::Span span{machine, span_begin_ms(times.first), span_end_ms(times.second)};
    index_.spans_.push_back(span);
    index_.min_ms_ = std::min(index_.min_ms_, span.min_ms);
    index_.max_ms_ = std::max(index_.max_ms_, span.max_ms);
  }
}

SegmentIndex SegmentIndexBuilder::finish() {
  if (!index_.groups_.empty()) close_group();
  return std::move(index_);
}

Result<std::optional<SegmentIndex>> build_segment_index(FileSystem& files,
                                                        const FileSystem::Path& folder,
                                                        const SegmentInfo& segment,
                                                        std::uint64_t void_from,
                                                        const MayRead& may_read) {
  auto opened = open_segment(files, folder, segment);
  if (!opened) return std::unexpected(opened.error());
  if (!*opened || (*opened)->is_rewritten) return std::nullopt;  // its turn comes anew
  SegmentScanner scanner(std::move((*opened)->file), segment.base_offset, segment.bytes, may_read);
  SegmentIndexBuilder builder(segment);
  BlockDecoder blocks;
  while (true) {
    const auto piece = scanner.next();
    if (!piece) return std::unexpected(piece.error());
    if (piece->kind == PieceKind::kEnd || piece->from >= void_from) return builder.finish();
    if (piece->kind != PieceKind::kBlock) return std::nullopt;
    const auto payload = blocks.decode(piece->header, piece->stored);
    if (!payload || !builder.add(*piece, *payload)) return std::nullopt;
  }
}

}  // namespace slipstream
