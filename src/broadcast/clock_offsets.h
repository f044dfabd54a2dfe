#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"

namespace slipstream {

/// By how much a machine's last points came after their stamps. Memory: as many as came, up to
/// kPoints of four bytes each. One thread.
class ClockOffsets {
 public:
  static constexpr std::uint8_t kPoints = 100;

  void add(EventTime event, ArrivalTime arrival);
  std::uint8_t size() const { return size_; }
  /// Of the last kPoints; negative where the stamps are ahead. Of none it is 0. To the millisecond
  /// up to four hours, beyond to seven digits.
  std::int64_t median_ms() const;

 private:
  std::unique_ptr<float[]> ms_;
  std::uint8_t room_ = 0;
  std::uint8_t size_ = 0;
  std::uint8_t next_ = 0;  ///< the oldest, once all kPoints are there
};

/// Machines whose clock is off by more than it may be.
struct ClocksOff {
  struct Machine {
    std::string track;
    std::string chassis;
    std::int64_t offset_ms = 0;  ///< arrival minus event time; negative: ahead
  };
  static constexpr std::size_t kNamed = 5;

  std::size_t machines = 0;
  std::vector<Machine> furthest;  ///< kNamed of them at most, the one that is off most first

  /// For people: how many, by how much, and what that may be. Only where there are some.
  std::string to_sentence(std::int64_t told_offset_ms) const;
};

}  // namespace slipstream
