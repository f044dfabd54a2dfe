#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace slipstream {

/// Times a car's laps and their three sectors, each a third of the lap, as a game's timing does:
/// in whole milliseconds of the race's clock, so that sectors add up to their lap. Where it passes
/// a line between two looks, the instant is in proportion to the way. One thread.
class LapClock {
 public:
  static constexpr std::size_t kSectors = 3;

  explicit LapClock(double total_m) : total_m_(total_m) {}

  /// The car is there now. Of the lap in which it is seen first the time before that is assumed, at
  /// a usual speed.
  void see(double time_s, std::int32_t lap, double lapdist_m);

  std::size_t sector() const { return sector_; }
  std::int64_t lap_time_ms() const { return now_ms_ - lap_begin_ms_; }
  /// 0: the car is still in it.
  std::int64_t sector_ms(std::size_t sector) const { return sectors_ms_[sector]; }
  /// 0: there is none yet.
  std::int64_t last_lap_ms() const { return last_lap_ms_; }
  std::int64_t best_lap_ms() const { return best_lap_ms_; }

 private:
  void pass_line(std::int64_t at_ms);
  double line_m(std::size_t sector) const {
    return total_m_ * static_cast<double>(sector + 1) / kSectors;
  }

  const double total_m_;
  bool is_seen_ = false;
  double time_s_ = 0;
  std::int32_t lap_ = 0;
  double lapdist_m_ = 0;
  std::size_t sector_ = 0;
  std::int64_t now_ms_ = 0;
  std::int64_t lap_begin_ms_ = 0;
  std::int64_t sector_begin_ms_ = 0;
  std::array<std::int64_t, kSectors> sectors_ms_{};
  std::int64_t last_lap_ms_ = 0;
  std::int64_t best_lap_ms_ = 0;
};

}  // namespace slipstream
