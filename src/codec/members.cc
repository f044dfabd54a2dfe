#include "codec/members.h"

#include <algorithm>
#include <bit>

#include "codec/synonyms.h"
#include "model/tags.h"

namespace slipstream {
namespace {

static_assert(std::endian::native == std::endian::little,
              "words are compared by their first bytes");

bool needs_escape(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

}  // namespace

Member::Member(std::string_view name, MemberRole r)
    : role(r), name_(name), is_plain_(std::ranges::none_of(name, needs_escape)) {
  spelled_ = name_ + '"';
  whole_words_ = spelled_.size() / kWord;
  rest_mask_ = (std::uint64_t{1} << (spelled_.size() % kWord * 8)) - 1;
  spelled_.resize((whole_words_ + 1) * kWord);
}

MemberTable::MemberTable(const SchemaOptions& names) {
  for_each_json_synonym([&](std::string_view name, const Synonym& synonym) {
    Member& member = add(name, MemberRole::kSynonym);
    member.stands_for = synonym.role;
    member.rank = synonym.rank;
  });
  add(tags::kMember, MemberRole::kTags);
  for (const auto& name : names.tags) add(name, MemberRole::kTag);
  for (std::size_t i = 0; i < names.well_known.size(); ++i) {
    Member& member = add(names.well_known[i], MemberRole::kField);
    member.id = static_cast<FieldId>(i);
    member.interned = true;
  }
  add(names.time, MemberRole::kTime);
  add(names.track, MemberRole::kTrack);
  add(names.chassis, MemberRole::kChassis);
  add(names.lap, MemberRole::kLap);
  add(names.sector, MemberRole::kSector);
  if (!names.sequence.empty()) add(names.sequence, MemberRole::kSequence);
}

Member& MemberTable::add(std::string_view name, MemberRole role) {
  auto member = std::make_unique<Member>(name, role);
  Member& added = *member;
  by_name_.erase(name);
  by_name_.emplace(added.name(), std::move(member));
  return added;
}

Member* MemberTable::find(std::string_view name) {
  const auto known = by_name_.find(name);
  return known == by_name_.end() ? nullptr : known->second.get();
}

Member MemberTable::copy_of(std::string_view name) {
  const Member* const known = find(name);
  Member copy = known == nullptr ? Member(name, MemberRole::kOther) : *known;
  copy.likely_next = nullptr;
  return copy;
}

Member& MemberTable::find_or_add(std::string_view name) {
  if (Member* known = find(name)) return *known;
  const bool is_short = name.size() <= Schema::kMaxFieldNameBytes;
  if (is_short && by_name_.size() < kMaxMembers) return add(name, MemberRole::kOther);
  overflow_ = Member(name, MemberRole::kOther);
  return overflow_;
}

}  // namespace slipstream
