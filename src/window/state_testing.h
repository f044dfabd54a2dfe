#pragma once
#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "window/window_set.h"

namespace slipstream::window_testing {

/// A point that names its fields, for processes whose field ids differ.
struct NamedReading {
  std::uint32_t series = 0;
  std::int64_t event_ns = 0;
  std::int64_t arrival_ns = 0;
  std::int16_t lap = 1;
  std::int32_t sector = 0;
  std::vector<std::pair<std::string, double>> values = {};
};

/// A window set with a field table of its own: `salt` decides what ids names get.
class Process {
 public:
  Process(const std::vector<WindowDefinition>& definitions, int salt)
      : fields_(well_known(salt)), windows_(definitions, embedded_partition(3)) {
    for (int i = 0; i < salt % 5; ++i) fields_.intern(fmt::format("noise {}", i));
  }

  void add(const NamedReading& reading) { add(std::span(&reading, 1)); }
  /// Points of one batch.
  void add(std::span<const NamedReading> readings) {
    PointBatch batch;
    for (const NamedReading& reading : readings) append(reading, batch);
    for (const Point& point : batch.points) windows_.fold(batch, point, rollups_);
    describe_new();
  }
  void tick(std::int64_t now_ns) {
    windows_.tick({now_ns}, rollups_);
    describe_new();
  }
  void forget(std::uint32_t series) {
    windows_.forget(series, rollups_);
    describe_new();
  }
  void close_all() {
    windows_.close_all(rollups_);
    describe_new();
  }
  std::string saved(std::uint32_t series) const {
    std::string out;
    windows_.save_series(series, out, fields_);
    return out;
  }
  Result<void> restore(std::uint32_t series, std::string_view bytes) {
    return windows_.restore_series(series, bytes, fields_);
  }

  WindowSet& windows() { return windows_; }
  FieldTable& fields() { return fields_; }
  /// All that a rollup says, numbers to the bit; arrival in milliseconds.
  std::vector<std::string>& told() { return told_; }
  /// All that this process closed.
  const RollupBatch& closed() const { return closed_; }

 private:
  static std::array<std::string, field::kWellKnownCount> well_known(int salt) {
    std::array<std::string, field::kWellKnownCount> names;
    for (std::size_t i = 0; i < names.size(); ++i) {
      names[(i + static_cast<std::size_t>(salt)) % names.size()] = fmt::format("f{}", i);
    }
    return names;
  }
  void append(const NamedReading& reading, PointBatch& batch) {
    const auto text = [&](std::string_view of) {
      const TextRef ref{static_cast<std::uint32_t>(batch.text.size()),
                        static_cast<std::uint32_t>(of.size())};
      batch.text += of;
      return ref;
    };
    Point point{};
    point.track = text("cota");
    point.chassis = text(fmt::format("GR86-{}", reading.series));
    point.event_time = {reading.event_ns};
    point.arrival_time = {reading.arrival_ns};
    point.series = reading.series;
    point.lap = reading.lap;
    point.sector = reading.sector;
    point.first_value = static_cast<std::uint32_t>(batch.values.size());
    point.value_count = static_cast<std::uint16_t>(reading.values.size());
    for (const auto& [name, value] : reading.values) {
      batch.values.push_back({value, fields_.intern(name).value()});
    }
    batch.points.push_back(point);
  }
  void describe_new() {
    for (const auto& r : rollups_) told_.push_back(describe(*r));
    closed_.insert(closed_.end(), rollups_.begin(), rollups_.end());
    rollups_.clear();
  }
  std::string describe(const Rollup& r) const {
    std::string out = fmt::format(
        "{} {} {} lap {} sector {} count {} {}..{} partition {} sequence {} arrival {} {}{}{}{}",
        r.window, r.track, r.chassis, r.lap, r.sector, r.count, r.first_time.ns, r.last_time.ns,
        r.partition.number, r.sequence, floor_to_ms(r.last_arrival).ns, r.stored, r.late,
        r.statistics.has(StatisticGroup::kFirst), r.statistics.has(StatisticGroup::kQuantiles));
    for (const auto byte : r.window_id) out += fmt::format(" {:02x}", byte);
    for (const auto& f : r.fields) {
      out += fmt::format(" {} {}", fields_.name(f.field), f.count);
      for (const auto& statistic : kStatistics) {
        out += fmt::format(" {:x}", std::bit_cast<std::uint64_t>(f.*statistic.member));
      }
    }
    return out;
  }

  FieldTable fields_;
  WindowSet windows_;
  RollupBatch rollups_;
  RollupBatch closed_;
  std::vector<std::string> told_;
};

}  // namespace slipstream::window_testing
