#include "racing/insights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace slipstream {
namespace {

constexpr double kNearS = 1;

// A result of -0 would be written "-0".
double round2(double value) {
  return std::round(value * 1e2) / 1e2 + 0.0;
}
double round3(double value) {
  return std::round(value * 1e3) / 1e3 + 0.0;
}

double or_zero(double value) {
  return std::isnan(value) ? 0 : value;
}

/// Average and maximum of the values that are there; the maximum starts at 0.
struct Figures {
  double sum = 0;
  double max = 0;
  std::size_t count = 0;

  void add(double value) {
    if (std::isnan(value)) return;
    sum += value;
    max = std::max(max, value);
    ++count;
  }
  double mean() const { return count == 0 ? 0 : sum / static_cast<double>(count); }
};

class StressTotals {
 public:
  void add(std::int32_t sector, double stress) {
    total_ += stress;
    // Points of a sector come in runs.
    if (last_ >= totals_.size() || totals_[last_].first != sector) {
      const auto found = std::ranges::find(totals_, sector, &PerSector::value_type::first);
      last_ = static_cast<std::size_t>(found - totals_.begin());
      if (found == totals_.end()) totals_.emplace_back(sector, 0.0);
    }
    totals_[last_].second += stress;
  }
  double total() const { return total_; }
  PerSector take() {
    std::ranges::sort(totals_);
    return std::move(totals_);
  }

 private:
  PerSector totals_;
  std::size_t last_ = 0;
  double total_ = 0;
};

double tire_stress(const Sample& s) {
  const double longitudinal = or_zero(s.accx_can);
  const double lateral = or_zero(s.accy_can);
  const double steering = std::abs(or_zero(s.steering)) / 360;
  return longitudinal * longitudinal + lateral * lateral + steering * steering;
}

/// Two passes, since one pass of squares loses the digits of a steady speed.
double consistency_percent(std::span<const Sample> older, std::span<const Sample> newer) {
  Figures moving;
  for (const auto part : {older, newer}) {
    for (const auto& s : part) {
      if (s.speed_kmh > 0) moving.add(s.speed_kmh);
    }
  }
  if (moving.count < 2) return 0;
  const double mean = moving.mean();
  double squares = 0;
  for (const auto part : {older, newer}) {
    for (const auto& s : part) {
      if (s.speed_kmh > 0) squares += (s.speed_kmh - mean) * (s.speed_kmh - mean);
    }
  }
  return (1 - std::sqrt(squares / static_cast<double>(moving.count)) / mean) * 100;
}

Trend trend_of(std::span<const Sample> older, std::span<const Sample> newer) {
  const std::size_t count = older.size() + newer.size();
  if (count <= 10) return Trend::kStable;
  std::array<Figures, 2> halves;
  std::size_t i = 0;
  for (const auto part : {older, newer}) {
    for (const auto& s : part) halves[i++ < count / 2 ? 0 : 1].add(s.speed_kmh);
  }
  if (halves[0].count == 0 || halves[1].count == 0) return Trend::kStable;
  const double change = halves[1].mean() - halves[0].mean();
  if (change > 2) return Trend::kImproving;
  if (change < -2) return Trend::kDegrading;
  return Trend::kStable;
}

/// (a - b) as a percentage of `base`; none of a standing car.
std::optional<double> percent(double a, double b, double base) {
  if (base == 0) return std::nullopt;
  return (a - b) / base * 100;
}

std::optional<double> rounded(std::optional<double> value) {
  return value ? std::optional(round2(*value)) : std::nullopt;
}

}  // namespace

double& figure_of(PerSector& figures, std::int32_t sector, double otherwise) {
  auto place = std::ranges::lower_bound(figures, sector, {}, &PerSector::value_type::first);
  if (place == figures.end() || place->first != sector) {
    place = figures.emplace(place, sector, otherwise);
  }
  return place->second;
}

std::string_view to_string(Trend trend) {
  constexpr std::array<std::string_view, 3> kNames = {"stable", "improving", "degrading"};
  return kNames[static_cast<std::size_t>(trend)];
}

std::string_view to_string(Severity severity) {
  constexpr std::array<std::string_view, 4> kNames = {"low", "medium", "high", "critical"};
  return kNames[static_cast<std::size_t>(severity)];
}

VehicleInsight analyse(std::string_view track, std::string_view chassis,
                       std::span<const Sample> older, std::span<const Sample> newer,
                       PerSector sector_times_s) {
  Figures speed, acceleration, braking, cornering;
  StressTotals stress;
  for (const auto part : {older, newer}) {
    for (const auto& s : part) {
      speed.add(s.speed_kmh);
      acceleration.add(s.accx_can);
      braking.add(s.pbrake_f);
      cornering.add(std::abs(s.steering));
      stress.add(s.sector, tire_stress(s));
    }
  }

  VehicleInsight insight;
  insight.track = track;
  insight.chassis = chassis;
  insight.point_count = older.size() + newer.size();
  if (insight.point_count > 0) insight.lap = (newer.empty() ? older : newer).back().lap;
  insight.lap_tire_stress = stress.total();
  insight.sector_stress = stress.take();
  insight.predicted_loss_per_lap_s = round3(insight.lap_tire_stress * 0.00005);
  const double loss =
      insight.predicted_loss_per_lap_s == 0 ? 0.01 : insight.predicted_loss_per_lap_s;
  insight.laps_until_half_second_loss = round2(std::max(1.0, 0.5 / loss));
  insight.avg_speed = round2(speed.mean());
  insight.max_speed = round2(speed.max);
  insight.avg_acceleration = round3(acceleration.mean());
  insight.max_acceleration = round3(acceleration.max);
  insight.avg_braking = round2(braking.mean());
  insight.max_braking = round2(braking.max);
  insight.avg_cornering = round2(cornering.mean());
  insight.max_cornering = round2(cornering.max);
  insight.consistency = round2(consistency_percent(older, newer));
  insight.trend = trend_of(older, newer);
  insight.sector_times_s = std::move(sector_times_s);
  for (auto& [sector, seconds] : insight.sector_times_s) seconds = round3(seconds);
  return insight;
}

std::vector<Gap> gaps(std::span<const VehicleInsight> insights) {
  std::vector<const VehicleInsight*> order;
  order.reserve(insights.size());
  for (const auto& insight : insights) order.push_back(&insight);
  std::ranges::sort(order, [](const VehicleInsight* a, const VehicleInsight* b) {
    if (a->track != b->track) return a->track < b->track;
    if (a->avg_speed != b->avg_speed) return a->avg_speed > b->avg_speed;
    return a->chassis < b->chassis;
  });

  std::vector<Gap> result;
  result.reserve(order.size());
  std::size_t first = 0;  // the leader of the track at hand
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto& car = *order[i];
    if (car.track != order[first]->track) first = i;
    const double own = car.avg_speed;
    const double leader = order[first]->avg_speed;
    Gap gap;
    gap.track = car.track;
    gap.chassis = car.chassis;
    gap.position = i - first + 1;
    gap.to_leader = round2(percent(leader, own, leader).value_or(0));
    gap.relative_speed = round2(own - leader);
    if (i > first) {
      const auto ahead = percent(order[i - 1]->avg_speed, own, own);
      gap.overtaking_opportunity = ahead && *ahead > 0 && *ahead < 2;
      gap.to_ahead = rounded(ahead);
    }
    if (i + 1 < order.size() && order[i + 1]->track == car.track) {
      const auto behind = percent(own, order[i + 1]->avg_speed, own);
      gap.under_pressure = behind && *behind > 0 && *behind < 1;
      gap.to_behind = rounded(behind);
    }
    result.push_back(std::move(gap));
  }
  return result;
}

std::vector<Notice> notices(std::span<const VehicleInsight> insights,
                            std::span<const Interval> intervals, ArrivalTime now) {
  std::vector<Notice> result;
  const auto add = [&](std::string_view type, Severity severity, const auto& of,
                       std::string message, std::string_view figure,
                       std::variant<double, std::string_view> value) {
    result.push_back({type,
                      severity,
                      std::move(message),
                      of.track,
                      of.chassis,
                      now.ns / kNsPerMs,
                      {figure, value}});
  };

  for (const auto& car : insights) {
    const double laps = car.laps_until_half_second_loss;
    if (laps < 10) {
      const auto severity = laps < 2   ? Severity::kCritical
                            : laps < 5 ? Severity::kHigh
                                       : Severity::kMedium;
      add("tire_wear", severity, car,
          fmt::format("{}: tires lose half a second in {} laps", car.chassis, laps),
          "laps_until_0_5s_loss", laps);
    }
    if (car.trend == Trend::kDegrading) {
      add("performance", Severity::kMedium, car, fmt::format("{}: pace is degrading", car.chassis),
          "performanceTrend", to_string(car.trend));
    }
    if (car.consistency < 80) {
      add("performance", Severity::kLow, car,
          fmt::format("{}: consistency is {}%", car.chassis, car.consistency), "consistency",
          car.consistency);
    }
  }
  for (const auto& interval : intervals) {
    if (interval.ahead_s && *interval.ahead_s < kNearS) {
      add("gap_analysis", Severity::kLow, interval,
          fmt::format("{}: can attack, the car ahead is {:.1f} s away", interval.chassis,
                      *interval.ahead_s),
          "gap_ahead_s", round3(*interval.ahead_s));
    }
    if (interval.behind_s && *interval.behind_s < kNearS) {
      add("gap_analysis", Severity::kMedium, interval,
          fmt::format("{}: under pressure, the car behind is {:.1f} s away", interval.chassis,
                      *interval.behind_s),
          "gap_behind_s", round3(*interval.behind_s));
    }
  }
  return result;
}

}  // namespace slipstream
