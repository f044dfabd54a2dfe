#include "app/racing_component.h"

#include "ops/logging.h"
#include "racing/live_laps.h"
#include "racing/progress_sampler.h"

namespace slipstream {

Result<std::unique_ptr<RacingComponent>> RacingComponent::open(const Basics& basics, IoThread& io,
                                                               Hub& hub, Standings& standings) {
  auto sectors = TrackSectors::open(basics.config.racing.track_sectors_path.string());
  if (!sectors) return std::unexpected(sectors.error());
  std::unique_ptr<RacingComponent> component(new RacingComponent(basics, io, hub, standings));
  component->sectors_ = std::move(*sectors);
  return component;
}

RacingComponent::RacingComponent(const Basics& basics, IoThread& io, Hub& hub, Standings& standings)
    : basics_(basics),
      io_(io),
      hub_(hub),
      standings_(standings),
      insights_(basics.config.broadcast.batch_ms) {}

void RacingComponent::start() {
  tell();
  tell_when_due();
}

void RacingComponent::tell() {
  const Moment now = basics_.clock.moment();
  if (const auto update = insights_.poll(now, standings_.intervals(now.wall))) {
    hub_.broadcast(*update);
  }
}

void RacingComponent::tell_when_due() {
  const SteadyTime now = basics_.clock.steady();
  io_.after(std::chrono::nanoseconds(insights_.next_poll(now) - now), [this] {
    tell();
    tell_when_due();
  });
}

void RacingComponent::reload() {
  const auto path = basics_.config.racing.track_sectors_path.string();
  if (const auto reloaded = sectors_->reload(path); !reloaded) {
    log_error("the sector table stays as it is", {{"why", reloaded.error().message}});
  } else {
    log_info("sector table read again", {{"path", path.empty() ? "built in" : path}});
  }
}

PartitionObservers RacingComponent::make_observers(PartitionId partition, const LapTimes& laps) {
  PartitionObservers observers;
  observers.push_back(std::make_unique<FieldAnalyzer>(
      partition, insights_, laps,
      FieldAnalyzerOptions{.batch_ms = basics_.config.broadcast.batch_ms}));
  observers.push_back(
      std::make_unique<ProgressSampler>(partition, standings_, basics_.schema.fields(), laps));
  return observers;
}

std::function<PartitionObservers(PartitionId)> RacingComponent::live_observers() {
  return [this](PartitionId partition) {
    auto laps = std::make_unique<LiveLaps>(basics_.schema.fields(), sectors_.get());
    PartitionObservers observers = make_observers(partition, *laps);
    // Laps are told of points before those who ask for their times.
    observers.insert(observers.begin(), std::move(laps));
    return observers;
  };
}

}  // namespace slipstream
