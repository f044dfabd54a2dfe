#include "app/racing_component.h"

#include "ops/logging.h"

namespace slipstream {

Result<std::unique_ptr<RacingComponent>> RacingComponent::open(const Config& config,
                                                               const Clock& clock, IoThread& io,
                                                               Hub& hub) {
  auto sectors = TrackSectors::open(config.racing.track_sectors_path.string());
  if (!sectors) return std::unexpected(sectors.error());
  std::unique_ptr<RacingComponent> component(new RacingComponent(config, clock, io, hub));
  component->sectors_ = std::move(*sectors);
  return component;
}

RacingComponent::RacingComponent(const Config& config, const Clock& clock, IoThread& io, Hub& hub)
    : config_(config), clock_(clock), io_(io), hub_(hub), insights_(config.broadcast.batch_ms) {}

void RacingComponent::start() {
  if (const auto update = insights_.poll(clock_.moment())) hub_.broadcast(*update);
  tell_when_due();
}

void RacingComponent::tell_when_due() {
  const SteadyTime now = clock_.steady();
  io_.after(std::chrono::nanoseconds(insights_.next_poll(now) - now), [this] {
    if (const auto update = insights_.poll(clock_.moment())) hub_.broadcast(*update);
    tell_when_due();
  });
}

void RacingComponent::reload() {
  const auto path = config_.racing.track_sectors_path.string();
  if (const auto reloaded = sectors_->reload(path); !reloaded) {
    log_error("the sector table stays as it is", {{"why", reloaded.error().message}});
  } else {
    log_info("sector table read again", {{"path", path.empty() ? "built in" : path}});
  }
}

std::function<PartitionObservers(PartitionId)> RacingComponent::observer_factory() {
  return [this](PartitionId partition) {
    PartitionObservers observers;
    observers.push_back(std::make_unique<FieldAnalyzer>(
        partition, insights_, FieldAnalyzerOptions{.batch_ms = config_.broadcast.batch_ms}));
    return observers;
  };
}

}  // namespace slipstream
