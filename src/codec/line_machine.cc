#include "codec/line_machine.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>

#include "model/schema.h"

namespace slipstream {
namespace {

constexpr std::array<std::string_view, 5> kMachineTags = {"host", "device", "device_id",
                                                          "entity_id", "id"};
constexpr std::size_t kHashBytes = 17;  // a tilde and 16 digits
constexpr std::size_t kKeptBytes = Schema::kMaxDimensionBytes - kHashBytes;

/// The first `size` bytes of UTF-8, or a few fewer where a character would be cut.
std::string_view first_bytes(std::string_view text, std::size_t size) {
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace

LineMachine::Name LineMachine::name_of(const std::vector<LineMember>& members,
                                       std::string_view measurement) {
  tags_.clear();
  for (const auto& member : members) {
    if (member.kind == LineMember::Kind::kTag) tags_.push_back(member);
  }
  if (tags_.empty()) return {measurement};
  std::ranges::stable_sort(tags_, {}, &LineMember::name);
  for (const auto name : kMachineTags) {
    // Of a tag that comes twice the last value counts.
    const auto behind = std::ranges::upper_bound(tags_, name, {}, &LineMember::name);
    if (behind != tags_.begin() && (behind - 1)->name == name) return {(behind - 1)->value, name};
  }
  join();
  return {joined_};
}

void LineMachine::join() {
  joined_.clear();
  for (std::size_t i = 0; i < tags_.size(); ++i) {
    if (i + 1 < tags_.size() && tags_[i + 1].name == tags_[i].name) continue;
    if (!joined_.empty()) joined_ += ',';
    joined_ += tags_[i].name;
    joined_ += '=';
    joined_ += tags_[i].value;
  }
  if (joined_.size() <= Schema::kMaxDimensionBytes) return;
  const auto hash = XXH3_64bits(joined_.data(), joined_.size());
  joined_ = fmt::format("{}~{:016x}", first_bytes(joined_, kKeptBytes), hash);
}

}  // namespace slipstream
