#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "model/observer.h"
#include "model/partition_id.h"
#include "racing/insights.h"
#include "racing/timed_lap.h"

namespace slipstream {

/// Takes the insights of the cars of a partition that sent points in the last interval.
/// Threads: any worker.
class InsightSink {
 public:
  virtual ~InsightSink() = default;
  virtual void accept(PartitionId partition, std::vector<VehicleInsight> insights) = 0;
};

struct FieldAnalyzerOptions {
  std::int64_t batch_ms = 600;
  std::size_t samples_per_car = 500;
  std::size_t max_cars = 4'096;      ///< points of further machines are counted, not analysed
  std::int64_t forget_ms = 600'000;  ///< a car silent for so long gives its memory back
};

/// Keeps the newest points of each car of one partition, and hands on the figures of those that
/// sent any, every batch_ms. Intervals are aligned to the steady clock, so that all partitions
/// report at the same time.
/// Memory: at most max_cars x samples_per_car samples. Borrows the sink and who knows the times of
/// laps, which outlive it.
/// Threads: the partition's worker; not_analysed() from any.
class FieldAnalyzer final : public PartitionObserver {
 public:
  FieldAnalyzer(PartitionId partition, InsightSink& sink, const LapTimes& laps,
                FieldAnalyzerOptions options = {});

  std::string_view name() const override { return "field"; }
  using PartitionObserver::observe;
  void observe(const PointBatch& batch, std::span<const Point> points) override;
  void tick(SteadyTime now) override;
  SteadyTime next_tick() const override;
  void forget(std::uint32_t series) override;

  /// Points of machines beyond max_cars.
  std::uint64_t not_analysed() const { return not_analysed_.value(); }

 private:
  struct Car {
    std::uint64_t series_hash = 0;
    std::string track;
    std::string chassis;
    std::vector<Sample> ring;  ///< grows to samples_per_car, then `oldest` goes around
    std::size_t oldest = 0;
    bool sent_points = false;  ///< since the last report
    std::int64_t last_report_ms = 0;
  };

  Car* car_of(const PointBatch& batch, const Point& point);
  void keep(Car& car, const Sample& sample);
  void report(std::int64_t now_ms);
  void forget_silent(std::int64_t now_ms);

  const PartitionId partition_;
  InsightSink& sink_;
  const LapTimes& laps_;
  const FieldAnalyzerOptions options_;
  boost::unordered_flat_map<std::uint32_t, Car> cars_;  // by Point::machine
  std::vector<std::uint32_t> active_;     // machines that sent points since the last report
  std::optional<std::int64_t> interval_;  // number of the one at hand
  std::int64_t last_sweep_ms_ = 0;
  Counter not_analysed_;
};

}  // namespace slipstream
