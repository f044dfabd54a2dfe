#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "window/window_set.h"

namespace slipstream::window_testing {

inline constexpr FieldId kSpeed = field::kSpeedKmh;

/// What a test says of a point.
struct Reading {
  std::uint32_t series = 0;
  std::int64_t ms = 0;
  std::int32_t lap = 1;
  std::int32_t sector = 0;
  double value = 1;  ///< of kSpeed; NaN: the point lacks the field
  std::string tags = {};
};

/// A window set, and what came out of it. Arrival time is event time unless told.
class Fold {
 public:
  explicit Fold(std::vector<WindowDefinition> definitions) : windows_(std::move(definitions), {}) {}

  void add(const Reading& reading) { add(reading, reading.ms); }
  void add(const Reading& reading, std::int64_t arrival_ms) {
    PointBatch batch;
    const std::string chassis = "GR86-" + std::to_string(reading.series);
    batch.text = "cota" + chassis + reading.tags;
    Point point{};
    point.track = {0, 4};
    point.chassis = {4, static_cast<std::uint32_t>(chassis.size())};
    point.tags = {point.chassis.offset + point.chassis.length,
                  static_cast<std::uint32_t>(reading.tags.size())};
    point.event_time = {reading.ms * kNsPerMs};
    point.arrival_time = {arrival_ms * kNsPerMs};
    point.series = reading.series;
    point.lap = static_cast<std::int16_t>(reading.lap);
    point.sector = reading.sector;
    if (!std::isnan(reading.value)) {
      batch.values.push_back({reading.value, kSpeed});
      point.value_count = 1;
    }
    batch.points.push_back(point);
    windows_.fold(batch, batch.points.back(), rollups_);
  }
  void tick_ms(std::int64_t now_ms) { windows_.tick({now_ms * kNsPerMs}, rollups_); }
  void forget(std::uint32_t series) { windows_.forget(series, rollups_); }
  void close_all() { windows_.close_all(rollups_); }

  const RollupBatch& rollups() const { return rollups_; }
  const WindowCounts& counts(std::size_t definition) const { return windows_.counts(definition); }

 private:
  WindowSet windows_;
  RollupBatch rollups_;
};

}  // namespace slipstream::window_testing
