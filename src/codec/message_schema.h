#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/point.h"

namespace slipstream {

/// The JSON schema of messages of one kind, learned from them: which members they have, and of
/// which types each is. It only grows. One thread.
class MessageSchema {
 public:
  /// Beyond so many members it learns no more.
  static constexpr std::size_t kMostMembers = 4'096;

  /// Whether the message has a member that was not known, or one of another type. `json`: an
  /// object.
  bool learn(std::string_view json);
  /// The same of a point, which is looked into only where its fields or dimensions are new, or it
  /// has texts. `json`: the point's.
  bool learn(const PointBatch& batch, const Point& point, std::string_view json);
  /// {"type":"object","properties":{"NAME":{"type":"number"},...}}
  std::string to_json() const;

 private:
  bool knows(const PointBatch& batch, const Point& point);

  /// By name, as spelled in JSON: bits of the types it has had.
  std::map<std::string, unsigned, std::less<>> members_;
  std::vector<bool> has_field_;  ///< by FieldId: its name is among the members
  unsigned dimensions_ = 0;      ///< likewise, bits of what else a point may have or lack
};

}  // namespace slipstream
