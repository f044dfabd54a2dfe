#pragma once
#include <set>
#include <string>
#include <string_view>

namespace slipstream {

/// What a field is called where MoTeC's users look for it.
struct MotecName {
  std::string name = {};
  std::string short_name = {};
  std::string unit = {};
  double factor = 1;  ///< values in that unit are so many times the field's
};

/// Names of the channels of one log: those that are usual for well-known fields, else the field's
/// own, cut to 32 ASCII bytes and made unique by a number behind it. The unit of a field that is
/// not known is what its name ends with (`_kmh`, `_c` ...), or none. In whatever order it is asked,
/// but each field once.
class MotecNames {
 public:
  MotecName name_of(std::string_view field);

  static constexpr std::size_t kMostBytes = 32;

 private:
  std::string made_unique(std::string name);

  std::set<std::string> taken_;
};

}  // namespace slipstream
