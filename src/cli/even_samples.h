#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace slipstream {

/// How readings that come unevenly are sampled at an even rate: the usual one between two of them,
/// 1 to 1,000 Hz. Between two readings values are interpolated. Held are: fields whose readings are
/// all whole numbers (a gear, a flag, a count), or of which fewer than a tenth differ from the one
/// before (the last lap's time); a jump of more than half of all that the field goes through (a
/// distance that begins anew, an angle that turns over); what lies in a hole of more than 3
/// periods, before the first reading and behind the last.
struct EvenPlan {
  std::uint16_t rate_hz = 1;
  std::uint32_t samples = 0;
  bool is_stepped = false;
  double jump = 0;    ///< a greater difference is a jump
  double hole_s = 0;  ///< a longer time without readings is a hole
  std::size_t holes = 0;
  double longest_hole_s = 0;
  double longest_hole_from_s = 0;
};

inline constexpr double kMostEvenRateHz = 1'000;

/// `times`: seconds, growing; `values`: one for each, NaN where there is no reading. At least one
/// is a reading. The samples span `duration_s`, from 0 on.
EvenPlan plan_even_samples(std::span<const double> times, std::span<const double> values,
                           double duration_s);
/// Of the same readings, times `factor`. What is beyond a float's range is its greatest number.
std::vector<float> even_samples(std::span<const double> times, std::span<const double> values,
                                const EvenPlan& plan, double factor);

}  // namespace slipstream
