#include "codec/message_schema.h"

#include "codec/json_scan.h"

namespace slipstream {
namespace {

std::string_view type_of(std::string_view value) {
  switch (value.empty() ? '\0' : value.front()) {
    case '"':
      return "string";
    case '{':
      return "object";
    case '[':
      return "array";
    case 't':
    case 'f':
      return "boolean";
    case 'n':
      return {};  // null says nothing of it
    default:
      return "number";
  }
}

}  // namespace

bool MessageSchema::learn(std::string_view json) {
  bool is_new = false;
  JsonScan members(json);
  while (const auto member = members.next()) {
    if (members_.contains(member->name) || members_.size() >= kMostMembers) continue;
    const auto type = type_of(member->value);
    if (type.empty()) continue;
    members_.emplace(member->name, type);
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
  for (const auto& [name, type] : members_) {
    if (!schema.ends_with('{')) schema += ',';
    schema.append("\"").append(name).append(R"(":{"type":")").append(type).append("\"}");
  }
  return schema += "}}";
}

}  // namespace slipstream
