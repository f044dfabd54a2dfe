#include "racing/field_analyzer.h"

#include <algorithm>
#include <array>

namespace slipstream {
namespace {

Sample sample_of(const PointBatch& batch, const Point& point) {
  // Well-known fields have the lowest numbers: one comparison a value, no jump by field.
  std::array<double, field::kWellKnownCount> known;
  known.fill(Sample::kAbsent);
  for (auto v = batch.values_begin(point); v != batch.values_end(point); ++v) {
    if (v->field < known.size()) known[v->field] = v->value;
  }
  return {.event_time = point.event_time,
          .lap = point.lap,
          .sector = std::max(point.sector, 0),
          .speed_kmh = known[field::kSpeedKmh],
          .accx_can = known[field::kAccxCan],
          .accy_can = known[field::kAccyCan],
          .steering = known[field::kSteeringAngle],
          .pbrake_f = known[field::kPbrakeF]};
}

}  // namespace

FieldAnalyzer::FieldAnalyzer(PartitionId partition, InsightSink& sink, const LapTimes& laps,
                             FieldAnalyzerOptions options)
    : partition_(partition), sink_(sink), laps_(laps), options_(options) {}

void FieldAnalyzer::observe(const PointBatch& batch, std::span<const Point> points) {
  for (const auto& point : points) {
    Car* car = car_of(batch, point);
    if (car == nullptr) {
      not_analysed_.add();
      continue;
    }
    keep(*car, sample_of(batch, point));
    if (!car->sent_points) {
      car->sent_points = true;
      active_.push_back(point.machine);
    }
  }
}

void FieldAnalyzer::forget(std::uint32_t series) {
  cars_.erase(series);
}

FieldAnalyzer::Car* FieldAnalyzer::car_of(const PointBatch& batch, const Point& point) {
  auto found = cars_.find(point.machine);
  if (found == cars_.end()) {
    if (cars_.size() >= options_.max_cars) return nullptr;
    found = cars_.try_emplace(point.machine).first;
  }
  Car& car = found->second;
  // A partition may give the number of a series it forgot to another one.
  if (car.chassis.empty() || car.series_hash != point.series_hash) {
    car = Car{};
    car.series_hash = point.series_hash;
    car.track = batch.track(point);
    car.chassis = batch.chassis(point);
  }
  return &car;
}

void FieldAnalyzer::keep(Car& car, const Sample& sample) {
  if (car.ring.size() < options_.samples_per_car) {
    car.ring.push_back(sample);
    return;
  }
  car.ring[car.oldest] = sample;
  if (++car.oldest == car.ring.size()) car.oldest = 0;
}

void FieldAnalyzer::tick(SteadyTime now) {
  const std::int64_t now_ms = now.ns / kNsPerMs;
  const std::int64_t interval = now_ms / options_.batch_ms;
  if (interval_ == interval) return;
  const bool is_first = !interval_;
  interval_ = interval;
  if (is_first) return;
  report(now_ms);
  forget_silent(now_ms);
}

SteadyTime FieldAnalyzer::next_tick() const {
  if (active_.empty()) return kForever;
  return interval_ ? SteadyTime{(*interval_ + 1) * options_.batch_ms * kNsPerMs} : kNever;
}

void FieldAnalyzer::report(std::int64_t now_ms) {
  if (active_.empty()) return;
  std::vector<VehicleInsight> insights;
  insights.reserve(active_.size());
  for (const auto machine : active_) {
    const auto found = cars_.find(machine);
    if (found == cars_.end() || !found->second.sent_points) continue;  // forgotten since it sent
    Car& car = found->second;
    const auto ring = std::span<const Sample>(car.ring);
    const TimedLaps timed = laps_.times_of(machine, car.series_hash, kLapsOfNewestTimes);
    insights.push_back(analyse(car.track, car.chassis, ring.subspan(car.oldest),
                               ring.first(car.oldest), newest_sector_times(timed.laps)));
    car.sent_points = false;
    car.last_report_ms = now_ms;
  }
  active_.clear();
  sink_.accept(partition_, std::move(insights));
}

void FieldAnalyzer::forget_silent(std::int64_t now_ms) {
  if (now_ms - last_sweep_ms_ < options_.forget_ms / 10) return;
  last_sweep_ms_ = now_ms;
  boost::unordered::erase_if(cars_, [&](const auto& entry) {
    return now_ms - entry.second.last_report_ms >= options_.forget_ms;
  });
}

}  // namespace slipstream
