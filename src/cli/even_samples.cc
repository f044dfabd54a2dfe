#include "cli/even_samples.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "racing/lap_path.h"

namespace slipstream {
namespace {

constexpr double kHolePeriods = 3;
constexpr std::size_t kFewChanges = 10;  // one of so many readings differs
constexpr double kRoundingOff = 1e-6;    // of a sample

/// Gives the readings one by one.
class Readings {
 public:
  Readings(std::span<const double> times, std::span<const double> values)
      : times_(times), values_(values) {
    next();
  }
  bool at_end() const { return at_ == values_.size(); }
  double time() const { return times_[at_]; }
  double value() const { return values_[at_]; }
  void next() {
    do {
      ++at_;
    } while (at_ < values_.size() && std::isnan(values_[at_]));
  }

 private:
  std::span<const double> times_;
  std::span<const double> values_;
  std::size_t at_ = static_cast<std::size_t>(-1);
};

/// What a field's values are like.
class ValueKind {
 public:
  void add(double value) {
    if (count_ > 0 && value != last_) ++changes_;
    ++count_;
    last_ = value;
    least_ = std::min(least_, value);
    most_ = std::max(most_, value);
    is_whole_ = is_whole_ && value == std::trunc(value);
  }
  bool is_stepped() const { return is_whole_ || changes_ * kFewChanges < count_; }
  double range() const { return most_ - least_; }

 private:
  std::size_t count_ = 0;
  std::size_t changes_ = 0;
  double last_ = 0;
  double least_ = std::numeric_limits<double>::infinity();
  double most_ = -std::numeric_limits<double>::infinity();
  bool is_whole_ = true;
};

float as_float(double value) {
  constexpr double kMost = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -kMost, kMost));
}

}  // namespace

EvenPlan plan_even_samples(std::span<const double> times, std::span<const double> values,
                           double duration_s) {
  const double step = usual_step(times, values);
  const double period = step > 0 ? step : 1;
  EvenPlan plan;
  plan.rate_hz =
      static_cast<std::uint16_t>(std::clamp(std::round(1 / period), 1.0, kMostEvenRateHz));
  plan.samples = static_cast<std::uint32_t>(
      std::clamp(std::ceil(duration_s * plan.rate_hz - kRoundingOff), 1.0,
                 static_cast<double>(std::numeric_limits<std::uint32_t>::max())));
  plan.hole_s = kHolePeriods * period;
  ValueKind kind;
  double last_s = 0;
  const auto reach = [&](double time_s) {
    const double without_s = time_s - last_s;
    if (without_s > plan.hole_s) {
      ++plan.holes;
      if (without_s > plan.longest_hole_s) {
        plan.longest_hole_s = without_s;
        plan.longest_hole_from_s = last_s;
      }
    }
    last_s = std::max(last_s, time_s);
  };
  for (Readings reading(times, values); !reading.at_end(); reading.next()) {
    reach(reading.time());
    kind.add(reading.value());
  }
  reach(duration_s);
  plan.is_stepped = kind.is_stepped();
  plan.jump = kind.range() / 2;
  return plan;
}

std::vector<float> even_samples(std::span<const double> times, std::span<const double> values,
                                const EvenPlan& plan, double factor) {
  std::vector<float> samples;
  samples.reserve(plan.samples);
  Readings next(times, values);
  double last_s = 0;
  double last = next.at_end() ? 0 : next.value();
  for (std::uint32_t i = 0; i < plan.samples; ++i) {
    const double time_s = static_cast<double>(i) / plan.rate_hz;
    for (; !next.at_end() && next.time() <= time_s; next.next()) {
      last_s = next.time();
      last = next.value();
    }
    double value = last;
    if (!next.at_end() && !plan.is_stepped) {
      const double between_s = next.time() - last_s;
      const double step = next.value() - last;
      if (between_s <= plan.hole_s && std::abs(step) <= plan.jump) {
        value += step * ((time_s - last_s) / between_s);
      }
    }
    samples.push_back(as_float(value * factor));
  }
  return samples;
}

}  // namespace slipstream
