#include "codec/draft_filler.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "codec/csv_text.h"

namespace slipstream {
namespace {

constexpr std::size_t kSampleBytes = 40;  // of a value, in a message

/// 64 bits as digits; in another notation (12.0, 1e3) what a double holds exactly.
std::optional<std::uint64_t> sequence_from(std::string_view literal, double value) {
  literal = trim_blanks(literal);
  if (literal.starts_with('+')) literal.remove_prefix(1);
  const char* const end = literal.data() + literal.size();
  std::uint64_t number = 0;
  const auto [behind, error] = std::from_chars(literal.data(), end, number);
  if (error == std::errc{} && behind == end) return number;
  constexpr auto kMaxExact = static_cast<double>(PlainNumber::kMaxExact);
  if (!(value >= 0 && value <= kMaxExact && std::floor(value) == value)) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

}  // namespace

DraftFiller::Outcome DraftFiller::check_size(std::string_view text, std::string_view what) const {
  const std::size_t limit = builder_.schema().options().max_point_bytes;
  if (text.size() <= limit) return {};
  return reject(RejectReason::kTooLarge,
                fmt::format("the {} has {} bytes, at most {} are taken", what, text.size(), limit));
}

std::unexpected<Rejection> DraftFiller::no_number(const Member& member, std::string_view text) {
  return reject(RejectReason::kBadNumber, fmt::format("'{}' must be a number, got '{}'",
                                                      member.name(), text.substr(0, kSampleBytes)));
}

DraftFiller::Outcome DraftFiller::take_other_number(Member& member, std::string_view literal,
                                                    double value) {
  const auto index = [&](std::optional<std::int64_t>& to, std::int64_t max) -> Outcome {
    auto number = to_index(value, member.name(), max);
    if (!number) return std::unexpected(std::move(number.error()));
    to = *number;
    return {};
  };
  switch (member.role) {
    case MemberRole::kTime:
      draft_.event_ns = time_from_number(literal);
      if (draft_.event_ns) return {};
      return reject(RejectReason::kBadTime,
                    fmt::format("'{}' is no time since 1970 in s, ms, us or ns", member.name()));
    case MemberRole::kSequence:
      draft_.sequence = sequence_from(literal, value);
      if (draft_.sequence) return {};
      return reject(RejectReason::kBadNumber,
                    fmt::format("'{}' must be an integer, not negative", member.name()));
    case MemberRole::kLap:
      draft_.lap_literal = literal;
      return index(draft_.lap, Schema::kLapFault);
    case MemberRole::kSector:
      return index(draft_.sector, Schema::kMaxSector);
    case MemberRole::kTrack:
    case MemberRole::kChassis:
      return take_other(member);
    case MemberRole::kField:
    case MemberRole::kOther:
      break;
  }
  if (!member.interned) {
    const auto id = builder_.field_named(draft_, member.name());
    if (!id) return std::unexpected(id.error());
    if (!*id) return {};
    member.role = MemberRole::kField;
    member.id = **id;
    member.interned = true;
  }
  builder_.add_value(draft_, member.id, value);
  return {};
}

DraftFiller::Outcome DraftFiller::take_text(const Member& member, std::string_view text) {
  switch (member.role) {
    case MemberRole::kTrack:
      draft_.track = text;
      return {};
    case MemberRole::kChassis:
      draft_.chassis = text;
      return {};
    case MemberRole::kTime:
      draft_.event_ns = parse_iso_time(text);
      if (draft_.event_ns) return {};
      return reject(RejectReason::kBadTime,
                    fmt::format("'{}' is no ISO 8601 time: '{}'", member.name(),
                                text.substr(0, kSampleBytes)));
    case MemberRole::kLap:
    case MemberRole::kSector:
    case MemberRole::kSequence:
    case MemberRole::kField:
    case MemberRole::kOther:
      break;
  }
  if (member.wants_number()) return no_number(member, text);
  draft_.has_texts = true;
  return {};
}

void DraftFiller::take_nothing(const Member& member, std::string_view literal) {
  switch (member.role) {
    case MemberRole::kTrack:
      draft_.track = {};
      break;
    case MemberRole::kChassis:
      draft_.chassis = {};
      break;
    case MemberRole::kLap:
      draft_.lap_literal = literal;
      draft_.lap.reset();
      break;
    case MemberRole::kTime:
      draft_.time_literal = literal;
      draft_.event_ns.reset();
      break;
    case MemberRole::kSector:
      draft_.sector.reset();
      break;
    case MemberRole::kSequence:
      draft_.sequence.reset();
      break;
    case MemberRole::kField:
      if (member.interned) draft_.remove(member.id);
      if (!member.is_well_known()) draft_.has_texts = true;
      break;
    case MemberRole::kOther:
      draft_.has_texts = true;
      break;
  }
}

DraftFiller::Outcome DraftFiller::take_other(const Member& member) {
  if (member.wants_number()) {
    return reject(RejectReason::kBadNumber, fmt::format("'{}' must be a number", member.name()));
  }
  switch (member.role) {
    case MemberRole::kTrack:
    case MemberRole::kChassis:
      return reject(RejectReason::kMissingDimension,
                    fmt::format("'{}' must be a string", member.name()));
    case MemberRole::kTime:
      return reject(RejectReason::kBadTime,
                    fmt::format("'{}' must be an ISO 8601 string or a number", member.name()));
    default:
      break;
  }
  draft_.has_texts = true;
  return {};
}

}  // namespace slipstream
