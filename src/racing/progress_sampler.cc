#include "racing/progress_sampler.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/mark.h"
#include "racing/member_text.h"

namespace slipstream {
namespace {

using Members = FieldMembers<ProgressSample>;
/// Those of games have no fixed numbers.
constexpr Members::Named kTold[] = {{"session", &ProgressSample::session_number},
                                    {"pit_status", &ProgressSample::pit_status},
                                    {"tyre_age_laps", &ProgressSample::tyre_age_laps}};

/// A distance that is less by so much began anew, whatever the lap says.
constexpr double kBeganAnewM = 200;
/// A hole this large is a logger that began to count anew.
constexpr std::uint64_t kMostMissing = 10'000;
constexpr std::int64_t kTimesMs = 1'000;

/// Whether so much time has passed, on a clock that may be set back.
bool has_passed(std::int64_t from_ms, std::int64_t to_ms, std::int64_t ms) {
  return to_ms < from_ms || to_ms - from_ms >= ms;
}

}  // namespace

ProgressSampler::ProgressSampler(PartitionId partition, ProgressSink& sink,
                                 const FieldTable& fields, const LapTimes& laps,
                                 ProgressSamplerOptions options)
    : partition_(partition), sink_(sink), laps_(laps), options_(options), members_(fields, kTold) {}

void ProgressSampler::observe(const PointBatch& batch, std::span<const Point> points) {
  members_.look_up();
  for (const auto& point : points) {
    const ProgressSample sample = sample_of(batch, point);
    newest_ms_ = milliseconds_of(point.arrival_time);
    if (!std::isfinite(sample.lapdist_m)) continue;
    Car* const car = car_of(batch, point);
    if (car == nullptr) {
      not_followed_.add();
      continue;
    }
    count(*car, point);
    see(*car, point.machine, sample, batch, point);
  }
  if (!active_.empty() && has_passed(reported_ms_, newest_ms_, options_.interval_ms)) {
    report(false);
  }
}

ProgressSample ProgressSampler::sample_of(const PointBatch& batch, const Point& point) {
  ProgressSample sample{.when = point.event_time,
                        .arrival = point.arrival_time,
                        .lap = point.lap,
                        .sector = point.sector_unknown ? -1 : point.sector};
  members_.read(batch, point, sample);
  return sample;
}

ProgressSampler::Car* ProgressSampler::car_of(const PointBatch& batch, const Point& point) {
  auto found = cars_.find(point.machine);
  if (found == cars_.end()) {
    if (cars_.size() >= options_.max_cars) return nullptr;
    found = cars_.try_emplace(point.machine).first;
  }
  Car& car = found->second;
  // A partition may give the number of a series it forgot to another one.
  if (car.chassis.empty() || car.series_hash != point.series_hash) {
    std::erase(active_, point.machine);
    car = Car{};
    car.series_hash = point.series_hash;
    car.track = batch.track(point);
    car.chassis = batch.chassis(point);
    car.tells_texts = true;
  }
  return &car;
}

void ProgressSampler::count(Car& car, const Point& point) {
  ++car.received;
  if (!point.has_sequence) return;
  if (!std::exchange(car.has_sequence, true)) {
    car.newest_sequence = point.sequence;
  } else if (point.sequence > car.newest_sequence) {
    const std::uint64_t hole = point.sequence - car.newest_sequence - 1;
    if (hole < kMostMissing) car.missing += static_cast<std::uint32_t>(hole);
    car.newest_sequence = point.sequence;
  } else if (car.newest_sequence - point.sequence > kMostMissing) {
    car.newest_sequence = point.sequence;
  } else if (point.sequence < car.newest_sequence && car.missing > 0) {
    --car.missing;  // it came late
  }
}

void ProgressSampler::see(Car& car, std::uint32_t machine, const ProgressSample& sample,
                          const PointBatch& batch, const Point& point) {
  const std::int64_t now_ms = milliseconds_of(point.arrival_time);
  car.seen_ms = now_ms;
  const bool is_crossing =
      car.newest && (car.newest->lap != sample.lap || car.newest->sector != sample.sector ||
                     car.newest->lapdist_m - sample.lapdist_m > kBeganAnewM);
  const bool is_due = !car.newest || has_passed(car.sampled_ms, now_ms, options_.interval_ms);
  car.tells_times = car.tells_times || is_crossing;
  if (is_crossing && car.skipped) add(car, *std::exchange(car.skipped, std::nullopt));
  car.newest = sample;
  if (!std::exchange(car.is_active, true)) active_.push_back(machine);
  if (!is_crossing && !is_due) {
    car.skipped = sample;
    return;
  }
  car.skipped.reset();
  car.sampled_ms = now_ms;
  if (point.has_texts || !std::isnan(sample.session_number)) {
    const auto json = batch.json(point);
    const auto text_of = [&json](std::string_view name) {
      auto found = member_text(json, name);
      return found && found->text.size() <= kMaxMarkNameBytes ? std::move(found->text) : "";
    };
    const std::string session = text_of("session");
    const std::string compound = text_of("tyre_compound");
    if (session != car.session || compound != car.compound) {
      car.session = session;
      car.compound = compound;
      car.tells_texts = true;
    }
  }
  add(car, sample);
}

void ProgressSampler::add(Car& car, ProgressSample sample) {
  sample.received = std::exchange(car.received, 0);
  sample.missing = std::exchange(car.missing, 0);
  car.samples.push_back(sample);
}

void ProgressSampler::report(bool all) {
  std::vector<CarSamples> cars;
  cars.reserve(active_.size());
  std::erase_if(active_, [&](std::uint32_t machine) {
    const auto found = cars_.find(machine);
    if (found == cars_.end()) return true;  // forgotten since
    Car& car = found->second;
    if (all && car.skipped) add(car, *std::exchange(car.skipped, std::nullopt));
    if (!car.samples.empty()) cars.push_back(take(car, machine));
    car.is_active = car.skipped.has_value();
    return !car.is_active;
  });
  due_.reset();
  reported_ms_ = newest_ms_;
  if (!cars.empty()) sink_.accept(partition_, std::move(cars));
}

CarSamples ProgressSampler::take(Car& car, std::uint32_t machine) {
  CarSamples told{.track = car.track,
                  .chassis = car.chassis,
                  .session = {},
                  .compound = {},
                  .counts_points = car.has_sequence,
                  .timed = {},
                  .samples = std::exchange(car.samples, {})};
  if (std::exchange(car.tells_texts, false)) {
    told.session = car.session;
    told.compound = car.compound;
  }
  if (car.tells_times || has_passed(car.timed_ms, newest_ms_, kTimesMs)) {
    car.tells_times = false;
    car.timed_ms = newest_ms_;
    told.timed = laps_.times_of(machine, car.series_hash, CarSamples::kMostTimed);
  }
  return told;
}

void ProgressSampler::tick(SteadyTime now) {
  if (!active_.empty()) {
    if (!due_) {
      due_ = SteadyTime{now.ns + options_.interval_ms * kNsPerMs};
    } else if (now >= *due_) {
      report(true);
    }
  }
  forget_silent(newest_ms_);
}

SteadyTime ProgressSampler::next_tick() const {
  if (active_.empty()) return kForever;
  return due_ ? *due_ : kNever;
}

void ProgressSampler::forget(std::uint32_t series) {
  cars_.erase(series);
}

void ProgressSampler::forget_silent(std::int64_t now_ms) {
  if (!has_passed(swept_ms_, now_ms, options_.forget_ms / 10)) return;
  swept_ms_ = now_ms;
  boost::unordered::erase_if(cars_, [&](const auto& entry) {
    return now_ms - entry.second.seen_ms >= options_.forget_ms;
  });
}

}  // namespace slipstream
