#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipstream::game::acc_testing {

/// Packs as the game does.
class Packer {
 public:
  template <typename T>
  Packer& add(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Packer& u8(unsigned value) { return add(static_cast<std::uint8_t>(value)); }
  Packer& u16(unsigned value) { return add(static_cast<std::uint16_t>(value)); }
  Packer& i32(std::int32_t value) { return add(value); }
  Packer& f32(float value) { return add(value); }
  Packer& text(std::string_view text) {
    u16(static_cast<unsigned>(text.size()));
    bytes_ += text;
    return *this;
  }
  Packer& lap(std::int32_t ms, bool is_invalid = false) {
    i32(ms).u16(1).u16(0).u8(2).i32(30'000).i32(31'000);
    return u8(is_invalid ? 1 : 0).u8(1).u8(0).u8(0);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

inline constexpr std::int32_t kNone = 2'147'483'647;

inline std::string track() {
  return Packer().u8(5).i32(7).text("Brands Hatch").i32(5).i32(3'908).u8(0).u8(0).bytes();
}
inline std::string entries(std::vector<unsigned> cars) {
  Packer packer;
  packer.u8(4).i32(7).u16(static_cast<unsigned>(cars.size()));
  for (const unsigned car : cars) packer.u16(car);
  return packer.bytes();
}
inline std::string entry(unsigned car, std::string_view last, std::int32_t number) {
  return Packer()
      .u8(6)
      .u16(car)
      .u8(30)
      .text("Team")
      .i32(number)
      .u8(0)
      .u8(1)
      .u16(5)
      .u8(2)
      .text("Not")
      .text("Driving")
      .text("ND")
      .u8(1)
      .u16(5)
      .text("Ana")
      .text(last)
      .text("AN")
      .u8(1)
      .u16(5)
      .bytes();
}
inline std::string update(float session_ms) {
  return Packer()
      .u8(2)
      .u16(0)
      .u16(1)
      .u8(10)
      .u8(5)
      .f32(session_ms)
      .f32(1)
      .i32(1)
      .text("a")
      .text("b")
      .text("c")
      .u8(0)
      .f32(1)
      .u8(20)
      .u8(30)
      .u8(1)
      .u8(0)
      .u8(0)
      .lap(100'000)
      .bytes();
}
inline std::string car_update(unsigned car) {
  return Packer()
      .u8(3)
      .u16(car)
      .u16(0)
      .u8(1)
      .u8(1)
      .f32(100.5f)
      .f32(-20.25f)
      .f32(1.5f)
      .u8(2)
      .u16(213)
      .u16(4)
      .u16(3)
      .u16(5)
      .f32(0.5f)
      .u16(6)
      .i32(-120)
      .lap(kNone)
      .lap(106'250)
      .lap(50'500, true)
      .bytes();
}
inline std::string event(unsigned type, std::string_view text, std::int32_t car) {
  return Packer().u8(7).u8(type).text(text).i32(61'000).i32(car).bytes();
}

}  // namespace slipstream::game::acc_testing
