#include "codec/message_schema.h"

#include <array>
#include <utility>

#include "codec/json_scan.h"

namespace slipstream {
namespace {

constexpr std::array<std::string_view, 5> kTypes = {"number", "string", "boolean", "object",
                                                    "array"};

/// A bit, by the order above; 0: null, which says nothing of it.
unsigned type_of(std::string_view value) {
  switch (value.empty() ? 'n' : value.front()) {
    case 'n':
      return 0;
    case '"':
      return 1u << 1;
    case 't':
    case 'f':
      return 1u << 2;
    case '{':
      return 1u << 3;
    case '[':
      return 1u << 4;
    default:
      return 1u;
  }
}

void append_types(std::string& out, unsigned types) {
  const bool are_several = (types & (types - 1)) != 0;
  if (are_several) out += '[';
  bool is_first = true;
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    if ((types >> i & 1u) == 0) continue;
    if (!std::exchange(is_first, false)) out += ',';
    out.append("\"").append(kTypes[i]).append("\"");
  }
  if (are_several) out += ']';
}

}  // namespace

bool MessageSchema::learn(std::string_view json) {
  bool is_new = false;
  JsonScan members(json);
  while (const auto member = members.next()) {
    const unsigned type = type_of(member->value);
    if (type == 0) continue;
    const auto known = members_.find(member->name);
    if (known == members_.end()) {
      if (members_.size() >= kMostMembers) continue;
      members_.emplace(member->name, type);
    } else if ((known->second & type) != 0) {
      continue;
    } else {
      known->second |= type;
    }
    is_new = true;
  }
  return is_new;
}

bool MessageSchema::learn(const PointBatch& batch, const Point& point, std::string_view json) {
  return !knows(batch, point) && learn(json);
}

/// Where all members are numbers, their fields tell.
bool MessageSchema::knows(const PointBatch& batch, const Point& point) {
  const unsigned dimensions = (point.sector != Point::kNoSector ? 1u : 0u) |
                              (point.has_sequence ? 2u : 0u) | (point.tags.length > 0 ? 4u : 0u);
  bool is_known = !members_.empty() && !point.has_texts && (dimensions & ~dimensions_) == 0;
  dimensions_ |= dimensions;
  for (const Value* value = batch.values_begin(point); value != batch.values_end(point); ++value) {
    if (value->field >= has_field_.size()) has_field_.resize(value->field + 1u);
    is_known = is_known && has_field_[value->field];
    has_field_[value->field] = true;
  }
  return is_known;
}

std::string MessageSchema::to_json() const {
  std::string schema = R"({"type":"object","properties":{)";
  for (const auto& [name, types] : members_) {
    if (!schema.ends_with('{')) schema += ',';
    schema.append("\"").append(name).append(R"(":{"type":)");
    append_types(schema, types);
    schema += '}';
  }
  return schema += "}}";
}

}  // namespace slipstream
