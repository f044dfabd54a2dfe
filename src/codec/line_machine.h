#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "codec/line_reader.h"

namespace slipstream {

/// Which machine a line is of that does not say so in a member of its own: what the tag `host`
/// says, else `device`, `device_id`, `entity_id` or `id`; else all tags, sorted by name, as
/// `name=value,...`; without any, the measurement. So a fleet's collectors need no settings. What
/// is joined and longer than a dimension may be ends in a hash of the whole. One thread.
class LineMachine {
 public:
  struct Name {
    std::string_view name;
    std::string_view tag = {};  ///< the one whose value that is; empty: no single one
  };
  /// Holds until the next call, and as long as `members`.
  Name name_of(const std::vector<LineMember>& members, std::string_view measurement);

 private:
  void join();

  std::vector<LineMember> tags_;
  std::string joined_;
};

}  // namespace slipstream
