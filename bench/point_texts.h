#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace slipstream::bench {

/// Milliseconds since 1970.
std::int64_t now_ms();

/// One of a car's readings, as it is sent, all of one length. With time, its 13 digits are zeros.
std::string point_text(std::uint32_t car, std::size_t variant, bool with_time);

/// Points of cars that drive, over and over, all made before; only their times and the places of
/// the cars change.
class PointTexts {
 public:
  /// A text holds `per_text` points, one a line.
  PointTexts(std::uint32_t cars, std::size_t per_text, bool with_time);

  /// Time and places of the texts from here on.
  void set_time(std::int64_t ms);
  /// Valid until it comes round again.
  std::string& next();

 private:
  struct Text {
    std::string text;
    std::uint32_t first_car;
  };
  const bool with_time_;
  const std::size_t per_text_;
  const std::size_t point_bytes_;
  const std::size_t place_at_;  ///< in a point's text
  std::vector<Text> texts_;
  std::vector<std::string> places_;  ///< by car
  std::size_t next_ = 0;
  std::string time_ = std::string(13, '0');
  std::int64_t began_ms_ = 0;
  std::int64_t placed_ms_ = 0;
};

}  // namespace slipstream::bench
