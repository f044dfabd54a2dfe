#include "point_texts.h"

#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <string_view>

namespace slipstream::bench {
namespace {

constexpr std::size_t kVariants = 64;  // readings of a car, over and over
constexpr std::string_view kTimeHead = R"({"meta_time":)";
constexpr double kLapMeters = 3'800;
constexpr double kMetersPerSecond = 50;
constexpr std::int64_t kPlaceMs = 10;  // cars move every so often

/// Where a car is at a time, as it stands in its points, from the lap's digits on.
std::string place_text(std::uint32_t car, std::int64_t elapsed_ms) {
  const double way = 37.0 * car + static_cast<double>(elapsed_ms) / 1'000 * kMetersPerSecond;
  const auto laps = static_cast<int>(way / kLapMeters);
  return fmt::format(R"({},"lapdist_m":{:07.2f})", 10 + laps % 90,
                     1'000 + (way - laps * kLapMeters));
}

}  // namespace

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

PointTexts::PointTexts(std::uint32_t cars, std::size_t per_text, bool with_time)
    : with_time_(with_time),
      per_text_(per_text),
      point_bytes_(point_text(0, 0, with_time).size()),
      place_at_(point_text(0, 0, with_time).find(place_text(0, 0))),
      places_(cars) {
  std::size_t points = 0;
  for (std::size_t variant = 0; variant < kVariants; ++variant) {
    for (std::uint32_t car = 0; car < cars; ++car, ++points) {
      if (points % per_text_ == 0) {
        texts_.push_back({{}, car});
      } else {
        texts_.back().text += '\n';
      }
      texts_.back().text += point_text(car, variant, with_time_);
    }
  }
  if (points % per_text_ != 0) texts_.pop_back();
}

std::string& PointTexts::next() {
  Text& text = texts_[next_];
  if (++next_ == texts_.size()) next_ = 0;
  std::size_t car = text.first_car;
  char* point = text.text.data();
  for (std::size_t i = 0; i < per_text_; ++i, point += point_bytes_ + 1) {
    if (with_time_) std::memcpy(point + kTimeHead.size(), time_.data(), time_.size());
    std::memcpy(point + place_at_, places_[car].data(), places_[car].size());
    if (++car == places_.size()) car = 0;
  }
  return text.text;
}

void PointTexts::set_time(std::int64_t ms) {
  time_ = fmt::format("{:013}", ms);
  if (began_ms_ == 0) began_ms_ = ms;
  if (ms - placed_ms_ < kPlaceMs) return;
  placed_ms_ = ms;
  for (std::uint32_t car = 0; car < places_.size(); ++car) {
    places_[car] = place_text(car, ms - began_ms_);
  }
}

std::string point_text(std::uint32_t car, std::size_t variant, bool with_time) {
  const double phase = static_cast<double>(variant) / kVariants;
  return fmt::format(
      R"({}"track":"barber","chassis":"GR86-{:04}","lap":{},"speed_kmh":{:.2f},)"
      R"("accx_can":{:.3f},"accy_can":{:.3f},"Steering_Angle":{:.2f},"pbrake_f":{:.2f},"rpm":{}}})",
      with_time ? fmt::format("{}0000000000000,", kTimeHead) : "{", car, place_text(car, 0),
      100 + phase * 80, 1 + phase, 2 - phase / 2, 10 + phase * 80, 10 + phase * 40,
      3'000 + static_cast<int>(phase * 3'000));
}

}  // namespace slipstream::bench
