#include "log/segment_follower.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace slipstream {
namespace {

constexpr std::uint64_t kNothingVoid = std::numeric_limits<std::uint64_t>::max();

/// Whether it may be the beginning of something that is being written.
bool may_grow(const Piece& piece, std::uint64_t bytes_left) {
  switch (piece.kind) {
    case PieceKind::kBlock:
      return false;
    case PieceKind::kDamaged:
      return bytes_left == 0;
    default:
      return true;
  }
}

}  // namespace

Result<std::optional<LogBlock>> SegmentFollower::next() {
  while (true) {
    if (!scanner_) {
      const auto opened = open_next({});
      if (!opened) return std::unexpected(opened.error());
      if (!*opened) return std::nullopt;
    }
    const auto place = scanner_->place();
    const auto piece = scanner_->next(position_);
    if (!piece) return std::unexpected(piece.error());
    std::optional<std::string> at_end;
    const bool is_void = piece->kind != PieceKind::kEnd && piece->from >= void_from_;
    if (is_void || may_grow(*piece, scanner_->bytes_left())) {
      if (!is_void && piece->kind != PieceKind::kEnd && !damage_) at_end = piece->why;
      const auto gone_on = go_on(place, is_void, std::move(at_end));
      if (!gone_on) return std::unexpected(gone_on.error());
      if (*gone_on) continue;
      return std::nullopt;
    }
    if (piece->kind != PieceKind::kBlock) {
      if (!damage_) damage_ = piece->why;
      continue;
    }
    if (piece->is_passed_over) continue;
    const auto payload = decoder_.decode(piece->header, piece->stored);
    if (!payload) {
      if (!damage_) damage_ = payload.error().message;
      continue;
    }
    lose_up_to(piece->from, "what should be there is not");
    position_ = std::max(position_, *piece->to);
    damage_.reset();
    is_synced_ = false;
    return LogBlock{.base_offset = piece->header.base_offset,
                    .count = piece->header.count,
                    .min_time_ns = piece->header.min_time_ns,
                    .max_time_ns = piece->header.max_time_ns,
                    .payload = *payload,
                    .goes_on = piece->header.goes_on(),
                    .leans = piece->header.leans(),
                    .file = segment_.name};
  }
}

Result<bool> SegmentFollower::go_on(const SegmentScanner::Place& place, bool is_void,
                                    std::optional<std::string> at_end) {
  const auto grown = [&]() -> Result<bool> {
    const auto size = size_of_->size();
    if (!size) return std::unexpected(size.error());
    const bool has_changed = *size != end_;
    end_ = std::max(*size, place.position);
    scanner_->go_back(place, end_);
    return has_changed && *size > place.position;
  };
  if (!is_void) {
    const auto has_grown = grown();
    if (!has_grown || *has_grown) return has_grown;
  }
  const auto is_more = has_next();
  if (!is_more) return is_more;
  // Asked behind that: who replaces a segment does so before the next one is begun.
  const auto replaced = is_replaced();
  if (!replaced) return replaced;
  if (*replaced) {
    scanner_.reset();
    return open_next(std::move(at_end));
  }
  if (!*is_more) {
    scanner_->go_back(place, end_);
    return false;
  }
  // What the one that is open got before the next one was begun comes first.
  if (!is_void) {
    const auto has_grown = grown();
    if (!has_grown || *has_grown) return has_grown;
  }
  // Where the next is to be synced this one must be, too.
  if (auto synced = sync(); !synced) return std::unexpected(synced.error());
  auto opened = open_next(std::move(at_end));
  if (opened && !*opened) scanner_->go_back(place, end_);  // it changed just now
  return opened;
}

Result<bool> SegmentFollower::has_next() const {
  // Names first: headers are read from the disk, and most of the time there is none.
  const auto names = files_.list(folder_);
  if (!names) return std::unexpected(names.error());
  const bool is_later = std::ranges::any_of(*names, [&](const std::string& name) {
    return parse_segment_name(name).value_or(0) > segment_.base_offset;
  });
  if (!is_later) return false;
  const auto segments = list_segments(files_, folder_);
  if (!segments) return std::unexpected(segments.error());
  return find_next(*segments).has_value();
}

Result<bool> SegmentFollower::is_replaced() const {
  const auto named = files_.identity(folder_ / segment_.name);
  if (!named) return std::unexpected(named.error());
  return *named && **named != identity_;
}

Result<void> SegmentFollower::sync() {
  if (is_synced_ || !size_of_) return {};
  if (auto synced = size_of_->sync(); !synced) return synced;
  is_synced_ = true;
  return {};
}

std::optional<std::size_t> SegmentFollower::find_next(
    const std::vector<SegmentInfo>& segments) const {
  std::optional<std::size_t> holds;
  for (std::size_t i = 0; i < segments.size() && segments[i].base_offset <= position_; ++i) {
    holds = i;
  }
  if (!scanner_)
    return holds ? holds : segments.empty() ? std::nullopt : std::optional<std::size_t>(0);
  const auto is_other = [&](std::size_t i) {
    return segments[i].base_offset != segment_.base_offset ||
           (segments[i].is_rewritten() && segments[i].held_to() > position_);
  };
  if (holds && is_other(*holds) && segments[*holds].base_offset > segment_.base_offset)
    return holds;
  if (holds && is_other(*holds) && segments[*holds].is_rewritten()) return holds;
  const std::size_t after = holds ? *holds + 1 : 0;
  if (after < segments.size()) return after;
  return std::nullopt;
}

Result<bool> SegmentFollower::open_next(std::optional<std::string> at_end) {
  auto segments = list_segments(files_, folder_);
  if (!segments) return std::unexpected(segments.error());
  const auto found = find_next(*segments);
  if (!found) return false;
  const SegmentInfo& next = (*segments)[*found];
  if (next.header == HeaderState::kUnknownVersion) {
    return fail(fmt::format("{} is of version {}, this program knows {}", next.name, next.version,
                            kKnownSegmentVersions),
                ErrorCode::kVersion);
  }
  auto opened = open_segment(files_, folder_, next);
  if (!opened) return std::unexpected(opened.error());
  if (!*opened) return false;  // removed just now
  auto again = files_.open_read(folder_ / (*opened)->info.name);
  if (!again) return std::unexpected(again.error());
  const auto identity = (*opened)->file->identity();
  if (!identity) return std::unexpected(identity.error());
  const auto identity_again = (*again)->identity();
  if (!identity_again) return std::unexpected(identity_again.error());
  if (*identity != *identity_again) return false;  // replaced just now
  const auto size = (*again)->size();
  if (!size) return std::unexpected(size.error());
  segment_ = (*opened)->info;
  size_of_ = std::move(*again);
  identity_ = *identity;
  end_ = *size;
  const std::size_t behind = *found + 1;
  void_from_ = behind < segments->size() ? (*segments)[behind].resumes_from : kNothingVoid;
  scanner_ =
      std::make_unique<SegmentScanner>(std::move((*opened)->file), segment_.base_offset, end_);
  if (at_end && !damage_) damage_ = std::move(at_end);
  const bool is_first = position_ < segments->front().base_offset;
  lose_up_to(segment_.resumes_from,
             is_first ? "the log begins after it" : "the segment is missing");
  // What is between the two was given up, and told, by whoever began the segment.
  position_ = std::max(position_, segment_.base_offset);
  return true;
}

void SegmentFollower::lose_up_to(std::uint64_t offset, std::string why) {
  if (position_ < offset) {
    lost_.push_back({position_, offset, segment_.name, damage_ ? *damage_ : std::move(why)});
    position_ = offset;
  }
  damage_.reset();
}

}  // namespace slipstream
