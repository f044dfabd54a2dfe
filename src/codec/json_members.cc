#include "codec/json_members.h"

#include <algorithm>
#include <bit>

namespace slipstream {
namespace {

static_assert(std::endian::native == std::endian::little,
              "words are compared by their first bytes");

bool needs_escape(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

}  // namespace

JsonMember::JsonMember(std::string_view name, JsonRole r)
    : role(r), name_(name), is_plain_(std::ranges::none_of(name, needs_escape)) {
  spelled_ = name_ + '"';
  whole_words_ = spelled_.size() / kWord;
  rest_mask_ = (std::uint64_t{1} << (spelled_.size() % kWord * 8)) - 1;
  spelled_.resize((whole_words_ + 1) * kWord);
}

JsonMembers::JsonMembers(const SchemaOptions& names) {
  for (std::size_t i = 0; i < names.well_known.size(); ++i) {
    JsonMember& member = add(names.well_known[i], JsonRole::kField);
    member.id = static_cast<FieldId>(i);
    member.interned = true;
  }
  add(names.time, JsonRole::kTime);
  add(names.track, JsonRole::kTrack);
  add(names.chassis, JsonRole::kChassis);
  add(names.lap, JsonRole::kLap);
  add(names.sector, JsonRole::kSector);
  if (!names.sequence.empty()) add(names.sequence, JsonRole::kSequence);
}

JsonMember& JsonMembers::add(std::string_view name, JsonRole role) {
  auto member = std::make_unique<JsonMember>(name, role);
  JsonMember& added = *member;
  by_name_.erase(name);
  by_name_.emplace(added.name(), std::move(member));
  return added;
}

JsonMember* JsonMembers::find(std::string_view name) {
  const auto known = by_name_.find(name);
  return known == by_name_.end() ? nullptr : known->second.get();
}

JsonMember& JsonMembers::find_or_add(std::string_view name) {
  if (JsonMember* known = find(name)) return *known;
  const bool is_short = name.size() <= Schema::kMaxFieldNameBytes;
  if (is_short && by_name_.size() < kMaxMembers) return add(name, JsonRole::kOther);
  overflow_ = JsonMember(name, JsonRole::kOther);
  return overflow_;
}

}  // namespace slipstream
