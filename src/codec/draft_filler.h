#pragma once
#include <array>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string_view>

#include "base/iso_time.h"
#include "codec/event_time.h"
#include "codec/members.h"
#include "codec/point_builder.h"

namespace slipstream {

/// A decimal number without an exponent, whose digits and power of ten are exact.
struct PlainNumber {
  static constexpr std::size_t kMaxDigits = 19;  // they always fit 64 bits
  static constexpr std::uint64_t kMaxExact = std::uint64_t{1} << 53;

  bool negative = false;
  std::uint64_t digits = 0;
  std::size_t fraction = 0;  ///< how many of the digits stand behind the point

  bool is_index() const { return !negative && fraction == 0; }
  /// Both numbers are exact, so that their quotient is rounded once, rightly (W. D. Clinger, "How
  /// to Read Floating Point Numbers Accurately", PLDI 1990).
  double value() const {
    const double magnitude = static_cast<double>(digits) / kPowersOfTen[fraction];
    return negative ? -magnitude : magnitude;
  }

 private:
  static constexpr auto kPowersOfTen = [] {
    std::array<double, kMaxDigits + 1> powers{};
    double power = 1;
    for (double& p : powers) {
      p = power;
      power *= 10;
    }
    return powers;
  }();
};

/// What the named members of a point mean, whatever format they came in: where a member goes in the
/// draft, what it must be, and what its point is refused for where it is not. All limits stand here
/// and in PointBuilder, which it hands the draft to: a decoder cuts its text into members and says
/// of each whether it is a number, a text, nothing or something else. One thread.
class DraftFiller {
 public:
  using Outcome = std::expected<void, Rejection>;

  explicit DraftFiller(PointBuilder& builder)
      : builder_(builder), members_(builder.schema().options()) {}

  /// Names that were seen, with what they are for.
  MemberTable& members() { return members_; }
  /// The point in hand. Whoever has its JSON puts that there.
  Draft& draft() { return draft_; }
  PointBuilder& builder() { return builder_; }

  /// Refuses a point whose text is too large; `what` it is called ("point", "line").
  Outcome check_size(std::string_view text, std::string_view what) const;
  /// Of a point's JSON. What was taken before has its tags and what it lacked put in.
  std::size_t max_json_bytes(const TextOrigin& origin) const;
  void begin() {
    draft_.clear();
    is_mark_ = false;
  }
  /// It is refused since it says that it is a mark.
  bool is_mark() const { return is_mark_; }
  /// A finite number, which `literal` is the text of.
  Outcome take_number(Member& member, std::string_view literal, double value) {
    if (member.role == MemberRole::kField && member.interned) {
      builder_.add_value(draft_, member.id, value);
      return {};
    }
    return take_other_number(member, literal, value);
  }
  Outcome take_text(const Member& member, std::string_view text);
  /// Of the series in hand. Without a value it is none. `is_told`: as a tag, and not by a member
  /// that the schema names.
  Outcome take_tag(std::string_view name, std::string_view value, bool is_told);
  /// JSON's null, or a time that is empty: it takes back what the member said before, if it stands
  /// twice. `literal` is where it stands in the draft's JSON.
  void take_nothing(const Member& member, std::string_view literal);
  /// A boolean, an array or an object.
  Outcome take_other(const Member& member);
  /// What stands where a number must, or is none that can be held.
  static std::unexpected<Rejection> no_number(const Member& member, std::string_view text);
  Outcome finish(const TextOrigin& origin) {
    if (draft_.synonym_count > 0) {
      if (auto settled = settle_synonyms(); !settled) return settled;
    }
    return builder_.finish(draft_, origin);
  }

  /// A number or a string of JSON whose member's name is a synonym.
  void take_synonym(const SynonymSeen& seen);

  /// The short ways of PlainJson, for what is surely right. False: take_number() or take_text() has
  /// to decide, on a draft begun anew.
  static bool take_plain_number(Member& member, const PlainNumber& number, std::string_view literal,
                                Draft& draft);
  static bool take_plain_text(Member& member, std::string_view text, Draft& draft);

 private:
  Outcome take_other_number(Member& member, std::string_view literal, double value);
  Outcome take_time_text(const Member& member, std::string_view text);
  Outcome settle_synonyms();
  Outcome take_as(const SynonymSeen& seen, MemberRole role);
  Outcome take(Member& member, const SynonymSeen& seen);

  PointBuilder& builder_;
  MemberTable members_;
  Draft draft_;
  bool is_mark_ = false;
};

/// Of plain JSON, where a value stands right behind its name.
inline std::string_view key_before(const Member& member, std::string_view literal) {
  const std::size_t length = member.name().size() + 2;
  return {literal.data() - length - 1, length};
}

inline bool DraftFiller::take_plain_number(Member& member, const PlainNumber& number,
                                           std::string_view literal, Draft& draft) {
  switch (member.role) {
    case MemberRole::kField:
      return member.interned && draft.add_new(member.id, number.value());
    case MemberRole::kTime:
      if (number.negative || number.digits > std::numeric_limits<std::int64_t>::max()) return false;
      draft.event_ns = number.fraction > 0
                           ? time_from_number(literal)
                           : time_from_integer(static_cast<std::int64_t>(number.digits));
      draft.time_literal = literal;
      return draft.event_ns.has_value();
    case MemberRole::kLap:
      if (!number.is_index() || number.digits > Schema::kLapFault) return false;
      draft.lap = static_cast<std::int64_t>(number.digits);
      draft.lap_literal = literal;
      return true;
    case MemberRole::kSector:
      if (!number.is_index() || number.digits > Schema::kMaxSector) return false;
      draft.sector = static_cast<std::int64_t>(number.digits);
      return true;
    case MemberRole::kSequence:
      if (!number.is_index()) return false;
      draft.sequence = number.digits;
      return true;
    case MemberRole::kSynonym:
      return draft.add_synonym({.member = &member,
                                .key = key_before(member, literal),
                                .literal = literal,
                                .text = {},
                                .number = number.value()});
    default:
      return false;
  }
}

/// A text of a member that is none of the point's own, where that has no time yet.
inline void note_time_like(const Member& member, std::string_view text, Draft& draft) {
  constexpr std::size_t kDateBytes = 10;
  if (draft.event_ns || text.size() < kDateBytes || text[4] != '-' || text[7] != '-') return;
  if (parse_iso_time(text)) draft.time_like = member.name();
}

inline bool DraftFiller::take_plain_text(Member& member, std::string_view text, Draft& draft) {
  const std::string_view literal{text.data() - 1, text.size() + 2};
  switch (member.role) {
    case MemberRole::kTrack:
      draft.track = text;
      return true;
    case MemberRole::kChassis:
      draft.chassis = text;
      return true;
    case MemberRole::kTime:
      draft.event_ns = parse_iso_time(text);
      draft.time_literal = literal;
      return draft.event_ns.has_value();
    case MemberRole::kTag:
      return !text.empty() && text.size() <= tags::kMaxValueBytes &&
             draft.add_tag(member.name(), text, false);
    case MemberRole::kSynonym:
      return draft.add_synonym({.member = &member,
                                .key = key_before(member, literal),
                                .literal = literal,
                                .text = text,
                                .is_text = true});
    case MemberRole::kOther:
      if (text == "mark" && member.name() == "type") return false;  // take_text() says what it is
      draft.has_texts = true;
      note_time_like(member, text, draft);
      return true;
    default:
      return false;
  }
}

}  // namespace slipstream
