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
#include "model/schema.h"
#include "racing/field_members.h"
#include "racing/progress_sample.h"
#include "racing/timed_lap.h"

namespace slipstream {

struct ProgressSamplerOptions {
  std::int64_t interval_ms = 100;  ///< between samples of a car, and between reports
  std::size_t max_cars = 1'024;    ///< points of further machines are counted, not looked at
  std::int64_t forget_ms = 600'000;
};

/// Tells where the cars of one partition are, some times a second: of each car a sample every
/// interval, and the points on both sides of a change of lap, of sector, or of a distance that
/// begins anew. The times of its laps are told as its laps are told (LapTimes): with such a change,
/// and once a second, since they may change for some time. Machines without a distance have none.
///
/// Reports ride on points; where points stop coming, a tick tells what was left.
/// Memory: max_cars, each with some samples between two reports. Borrows the sink, the fields
/// and who knows the times of laps, which outlive it.
/// Threads: the partition's worker; not_followed() from any.
class ProgressSampler final : public PartitionObserver {
 public:
  ProgressSampler(PartitionId partition, ProgressSink& sink, const FieldTable& fields,
                  const LapTimes& laps, ProgressSamplerOptions options = {});

  std::string_view name() const override { return "progress"; }
  using PartitionObserver::observe;
  void observe(const PointBatch& batch, std::span<const Point> points) override;
  void tick(SteadyTime now) override;
  SteadyTime next_tick() const override;
  void forget(std::uint32_t series) override;

  /// Points of cars beyond max_cars.
  std::uint64_t not_followed() const { return not_followed_.value(); }

 private:
  struct Car {
    std::uint64_t series_hash = 0;
    std::string track;
    std::string chassis;
    std::string session;
    std::string compound;
    bool tells_texts = false;  ///< with the next report
    bool has_sequence = false;
    std::uint64_t newest_sequence = 0;
    std::uint32_t received = 0;  ///< since the newest sample
    std::uint32_t missing = 0;
    std::optional<ProgressSample> skipped;  ///< the newest point, where it is no sample
    std::int64_t sampled_ms = 0;            ///< when the newest sample arrived
    std::int64_t seen_ms = 0;
    bool tells_times = true;    ///< with the next report
    std::int64_t timed_ms = 0;  ///< when they were told
    std::optional<ProgressSample> newest;
    bool is_active = false;
    std::vector<ProgressSample> samples;
  };

  Car* car_of(const PointBatch& batch, const Point& point);
  ProgressSample sample_of(const PointBatch& batch, const Point& point);
  void count(Car& car, const Point& point);
  void see(Car& car, std::uint32_t machine, const ProgressSample& sample, const PointBatch& batch,
           const Point& point);
  static void add(Car& car, ProgressSample sample);
  CarSamples take(Car& car, std::uint32_t machine);
  /// `all`: also the points that are newer than a car's newest sample.
  void report(bool all);
  void forget_silent(std::int64_t now_ms);

  const PartitionId partition_;
  ProgressSink& sink_;
  const LapTimes& laps_;
  const ProgressSamplerOptions options_;
  FieldMembers<ProgressSample> members_;
  boost::unordered_flat_map<std::uint32_t, Car> cars_;  // by Point::machine
  std::vector<std::uint32_t> active_;  // with samples, or a skipped point, that were not reported
  std::int64_t newest_ms_ = 0;         // of the points' arrival
  std::int64_t reported_ms_ = 0;       // on the same clock
  std::optional<SteadyTime> due_;      // of the tick that reports what points leave
  std::int64_t swept_ms_ = 0;
  Counter not_followed_;
};

}  // namespace slipstream
