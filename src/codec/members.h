#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_words.h"
#include "model/schema.h"

namespace slipstream {

/// What a member of a point is for.
enum class MemberRole : std::uint8_t {
  kTime,
  kTrack,
  kChassis,
  kLap,
  kSector,
  kSequence,
  kTag,   ///< its text is one of the series' tags; a number is a field
  kTags,  ///< an object is further tags, by their names; else it is as any
  kField,
  kSynonym,  ///< a field or a text, or what the name commonly stands for where its point lacks that
  kOther
};

/// A member's name and what it is for; ready to be compared with bytes of JSON, eight at a time.
class Member {
 public:
  Member() = default;
  Member(std::string_view name, MemberRole role);

  const std::string& name() const { return name_; }
  /// It is a number wherever it stands; other fields may be of any type in any point.
  bool wants_number() const {
    return role == MemberRole::kLap || role == MemberRole::kSector ||
           role == MemberRole::kSequence || is_well_known();
  }
  /// As a tag of line protocol: no other place of a point is its.
  bool may_be_tag() const {
    return (role == MemberRole::kField && !is_well_known()) || role == MemberRole::kTag ||
           role == MemberRole::kTags || role == MemberRole::kSynonym || role == MemberRole::kOther;
  }
  bool is_well_known() const {
    return role == MemberRole::kField && interned && id < field::kWellKnownCount;
  }
  /// The name is written without escapes.
  bool is_plain() const { return is_plain_; }
  /// Whether `raw`, behind which eight bytes more than the name are readable, is the name and a
  /// closing quote.
  bool is_spelled(const char* raw) const {
    const char* spelled = spelled_.data();
    for (std::size_t i = 0; i < whole_words_; ++i, raw += kWord, spelled += kWord) {
      if (word_at(raw) != word_at(spelled)) return false;
    }
    return ((word_at(raw) ^ word_at(spelled)) & rest_mask_) == 0;
  }

  MemberRole role = MemberRole::kOther;
  FieldId id = 0;
  bool interned = false;  ///< `id` is valid
  /// kSynonym: what the name stands for, and which of several names for that goes first.
  MemberRole stands_for = MemberRole::kOther;
  std::size_t rank = 0;
  Member* likely_next = nullptr;  ///< the plain member that followed this one last

 private:
  static constexpr std::size_t kWord = sizeof(std::uint64_t);

  std::string name_;
  bool is_plain_ = false;
  std::string spelled_ = std::string(kWord, '\0');  ///< name and closing quote, up to a whole word
  std::size_t whole_words_ = 0;
  std::uint64_t rest_mask_ = 0;  ///< the bytes of the last word that count
};

/// The members that points have had, by name. Bounded. One thread.
class MemberTable {
 public:
  explicit MemberTable(const SchemaOptions& names);

  /// Stands before the first member of every object.
  Member& start() { return start_; }
  /// nullptr when no point has had it.
  Member* find(std::string_view name);
  /// Where no more are remembered, or none of so long a name, the same member for all, which has
  /// the name until the next call.
  Member& find_or_add(std::string_view name);
  bool is_remembered(const Member& member) const { return &member != &overflow_; }
  /// A member of its own for somebody who holds it: what find() knows of the name, or a new one.
  Member copy_of(std::string_view name);

 private:
  static constexpr std::size_t kMaxMembers = 8192;

  Member& add(std::string_view name, MemberRole role);

  boost::unordered_flat_map<std::string_view, std::unique_ptr<Member>> by_name_;
  Member start_;
  Member overflow_;
};

}  // namespace slipstream
