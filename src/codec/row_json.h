#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/members.h"
#include "codec/point_builder.h"

namespace slipstream {

/// Writes a point of a format that is not JSON as the JSON object that goes on with it: member by
/// member, in the order of the calls. One thread.
class RowJson {
 public:
  void begin() {
    text_ = "{";
    lap_offset_ = lap_length_ = 0;
  }
  void add_text(std::string_view name, std::string_view text);
  /// `literal` is what the number is written as, in JSON or nearly so.
  void add_number(const Member& member, std::string_view literal, double value);
  void add_time(std::string_view name, std::int64_t ns);
  /// A value that is JSON already.
  void add_raw(std::string_view name, std::string_view value);
  /// Closes the object and gives it to the draft, which refers to it until the next begin().
  void finish(Draft& draft);

 private:
  void open(std::string_view name);

  std::string text_;
  std::size_t lap_offset_ = 0;  ///< where the lap stands in it
  std::size_t lap_length_ = 0;  ///< 0: it does not
};

}  // namespace slipstream
