#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace slipstream {

/// The racing figures: pure functions over the newest points of a car. Formulas and roundings are
/// part of the contract with dashboards.

/// What the figures need of one accepted point. NaN: the point lacks the field.
struct Sample {
  static constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

  EventTime event_time{};
  std::int32_t lap = 0;
  std::int32_t sector = 0;
  double speed_kmh = kAbsent;
  double accx_can = kAbsent;  ///< g, longitudinal
  double accy_can = kAbsent;  ///< g, lateral
  double steering = kAbsent;  ///< degrees
  double pbrake_f = kAbsent;  ///< bar
};

/// (sector, figure), by ascending sector.
using PerSector = std::vector<std::pair<std::int32_t, double>>;
/// The sector's figure, which begins as `otherwise` where it has none yet.
double& figure_of(PerSector& figures, std::int32_t sector, double otherwise);

enum class Trend : std::uint8_t { kStable, kImproving, kDegrading };
std::string_view to_string(Trend trend);

/// One car's figures, rounded as they are sent.
struct VehicleInsight {
  std::string track;
  std::string chassis;
  std::int32_t lap = 0;  ///< of the newest point
  double lap_tire_stress = 0;
  PerSector sector_stress;
  double predicted_loss_per_lap_s = 0;
  double laps_until_half_second_loss = 0;
  double avg_speed = 0, max_speed = 0;                ///< km/h
  double avg_acceleration = 0, max_acceleration = 0;  ///< g
  double avg_braking = 0, max_braking = 0;            ///< bar
  double avg_cornering = 0, max_cornering = 0;        ///< degrees of steering
  double consistency = 0;                             ///< percent
  Trend trend = Trend::kStable;
  PerSector sector_times_s;
  std::size_t point_count = 0;
};

/// The figures over `older` followed by `newer`, each from old to new (a ring's two parts).
VehicleInsight analyse(std::string_view track, std::string_view chassis,
                       std::span<const Sample> older, std::span<const Sample> newer,
                       PerSector sector_times_s);

/// A car's place in the order by average speed among the cars of its track.
struct Gap {
  std::string track;
  std::string chassis;
  std::size_t position = 1;
  double to_leader = 0;             ///< percent of the leader's speed
  std::optional<double> to_ahead;   ///< percent of its own; none for the first
  std::optional<double> to_behind;  ///< percent of that car's; none for the last
  double relative_speed = 0;        ///< km/h, own - leader's
  bool overtaking_opportunity = false;
  bool under_pressure = false;
};

/// Grouped by track, fastest first; equal speeds by chassis. A share of a standing car's speed is
/// none.
std::vector<Gap> gaps(std::span<const VehicleInsight> insights);

enum class Severity : std::uint8_t { kLow, kMedium, kHigh, kCritical };
std::string_view to_string(Severity severity);

/// How near a car is to those before and behind it in the order of its track.
struct Interval {
  std::string track;
  std::string chassis;
  std::optional<double> ahead_s;  ///< nothing: there is no car, or it is not known
  std::optional<double> behind_s;
};

/// Something a race engineer should hear about.
struct Notice {
  std::string_view type;  ///< "tire_wear", "performance" or "gap_analysis"
  Severity severity = Severity::kLow;
  std::string message;
  std::string track;
  std::string chassis;
  std::int64_t timestamp_ms = 0;
  /// The figure that gave rise to it, by its name in the messages.
  std::pair<std::string_view, std::variant<double, std::string_view>> data;
  bool is_cleared = false;  ///< it held, and does no longer
};

/// What holds now: car by car in the order of `insights`, then the intervals in theirs. Cars that
/// are within a second of each other can attack, or are under pressure.
std::vector<Notice> notices(std::span<const VehicleInsight> insights,
                            std::span<const Interval> intervals, ArrivalTime now);

}  // namespace slipstream
