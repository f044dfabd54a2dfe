#include "codec/draft_filler.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <span>
#include <utility>

#include "codec/csv_text.h"
#include "codec/synonyms.h"

namespace slipstream {
namespace {

constexpr std::size_t kSampleBytes = 40;  // of a value, in a message
/// To a point's JSON at most: its tags twice, each byte spelled by six, and a few names.
constexpr std::size_t kAddedBytes =
    2 * 6 * tags::kMaxTags * (tags::kMaxNameBytes + tags::kMaxValueBytes) + 4'096;

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

std::size_t DraftFiller::max_json_bytes(const TextOrigin& origin) const {
  const std::size_t limit = builder_.schema().options().max_point_bytes;
  return origin.is_admitted ? limit + kAddedBytes : limit;
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
    case MemberRole::kTags:
      draft_.has_tags_member = true;
      break;
    case MemberRole::kTag:
      draft_.remove_tag(member.name());
      break;
    case MemberRole::kField:
    case MemberRole::kSynonym:
    case MemberRole::kOther:
      break;
  }
  if (!member.interned) {
    const auto id = builder_.field_named(draft_, member.name());
    if (!id) return std::unexpected(id.error());
    if (!*id) return {};
    if (member.role == MemberRole::kOther) member.role = MemberRole::kField;
    member.id = **id;
    member.interned = true;
  }
  builder_.add_value(draft_, member.id, value);
  return {};
}

DraftFiller::Outcome DraftFiller::take_time_text(const Member& member, std::string_view text) {
  const auto ns = read_iso_time(text);
  if (ns) {
    draft_.event_ns = *ns;
    return {};
  }
  const auto sample = text.substr(0, kSampleBytes);
  if (ns.error() == IsoTimeFault::kOutOfRange) {
    return reject(
        RejectReason::kOutOfRange,
        fmt::format("'{}' must be a time from 1678 to 2261, got '{}'", member.name(), sample));
  }
  return reject(RejectReason::kBadTime,
                fmt::format("'{}' is no ISO 8601 time: '{}'", member.name(), sample));
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
      return take_time_text(member, text);
    case MemberRole::kTag:
      if (!text.empty()) return take_tag(member.name(), text, false);
      draft_.remove_tag(member.name());
      break;
    case MemberRole::kTags:
      draft_.has_tags_member = true;
      break;
    case MemberRole::kLap:
    case MemberRole::kSector:
    case MemberRole::kSequence:
    case MemberRole::kField:
    case MemberRole::kSynonym:
    case MemberRole::kOther:
      break;
  }
  if (member.wants_number()) return no_number(member, text);
  if (text == "mark" && member.name() == "type") {
    is_mark_ = true;
    return reject(RejectReason::kOutOfRange,
                  "it is a mark, and no point: marks go in JSON, or to POST /api/marks");
  }
  note_time_like(member, text, draft_);
  draft_.has_texts = true;
  return {};
}

void DraftFiller::take_nothing(const Member& member, std::string_view literal) {
  switch (member.role) {
    case MemberRole::kTrack:
      draft_.track = literal.substr(0, 0);
      break;
    case MemberRole::kChassis:
      draft_.chassis = literal.substr(0, 0);
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
    case MemberRole::kTags:
      draft_.has_tags_member = true;
      draft_.has_texts = true;
      break;
    case MemberRole::kTag:
      draft_.remove_tag(member.name());
      draft_.has_texts = true;
      break;
    case MemberRole::kSynonym:
    case MemberRole::kOther:
      draft_.has_texts = true;
      break;
  }
}

DraftFiller::Outcome DraftFiller::take_tag(std::string_view name, std::string_view value,
                                           bool is_told) {
  if (value.empty()) return {};
  if (name.size() > tags::kMaxNameBytes || value.size() > tags::kMaxValueBytes) {
    return reject(
        RejectReason::kTooLarge,
        fmt::format("the tag '{}' has a name of {} bytes and a value of {}, at most {} and "
                    "{} are taken",
                    name.substr(0, kSampleBytes), name.size(), value.size(), tags::kMaxNameBytes,
                    tags::kMaxValueBytes));
  }
  if (draft_.add_tag(name, value, is_told)) return {};
  return reject(RejectReason::kTooLarge, fmt::format("more than {} tags, the next is '{}'",
                                                     tags::kMaxTags, name.substr(0, kSampleBytes)));
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
    case MemberRole::kTags:
      draft_.has_tags_member = true;
      break;
    default:
      break;
  }
  draft_.has_texts = true;
  return {};
}

void DraftFiller::take_synonym(const SynonymSeen& seen) {
  if (draft_.add_synonym(seen)) return;
  builder_.stats().fields_dropped.add();
  draft_.has_texts = true;
}

/// What its name stands for, as `role`.
DraftFiller::Outcome DraftFiller::take_as(const SynonymSeen& seen, MemberRole role) {
  const auto& name = name_of(builder_.schema().options(), {role});
  Member member(seen.member->name(), role);
  draft_.renamed[draft_.renamed_count++] = {seen.key, &name};
  if (role == MemberRole::kTime) draft_.time_literal = seen.literal;
  return take(member, seen);
}

DraftFiller::Outcome DraftFiller::take(Member& member, const SynonymSeen& seen) {
  return seen.is_text ? take_text(member, seen.text)
                      : take_number(member, seen.literal, seen.number);
}

/// A member that is there by its configured name wins, whatever it says. Else the synonym of the
/// lowest rank is it, where it may be: a string that says something, or of a time a number that is
/// none of before 2000. The others are what they would be without a meaning.
DraftFiller::Outcome DraftFiller::settle_synonyms() {
  const auto seen = std::span(draft_.synonyms).first(draft_.synonym_count);
  const auto may_be = [](const SynonymSeen& s) {
    if (s.is_text) return !s.text.empty();
    return s.member->stands_for == MemberRole::kTime && !is_before_2000(s.literal);
  };
  const std::pair<MemberRole, bool> wanted[] = {
      {MemberRole::kTime, !draft_.event_ns && draft_.time_literal.empty()},
      {MemberRole::kTrack, !Draft::is_given(draft_.track)},
      {MemberRole::kChassis, !Draft::is_given(draft_.chassis)}};
  for (const auto& [role, is_wanted] : wanted) {
    SynonymSeen* best = nullptr;
    for (auto& s : seen) {
      if (!is_wanted || s.member == nullptr || s.member->stands_for != role || !may_be(s)) continue;
      if (best == nullptr || s.member->rank < best->member->rank) best = &s;
    }
    if (best == nullptr) continue;
    if (auto taken = take_as(*best, role); !taken) return taken;
    best->member = nullptr;
  }
  for (const auto& s : seen) {
    if (s.member == nullptr) continue;
    if (s.member->stands_for == MemberRole::kTime && !s.is_text) {
      draft_.time_like = s.member->name();
      draft_.is_time_early = true;
    }
    if (auto taken = take(*s.member, s); !taken) return taken;
  }
  return {};
}

}  // namespace slipstream
