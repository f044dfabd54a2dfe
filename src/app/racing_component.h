#pragma once
#include <functional>
#include <memory>

#include "app/component.h"
#include "broadcast/hub.h"
#include "net/io_thread.h"
#include "ops/config.h"
#include "racing/field_analyzer.h"
#include "racing/track_sectors.h"

namespace slipstream {

/// What racing adds: the sectors of tracks, and insights into the cars that drive, for clients.
class RacingComponent final : public Component {
 public:
  /// `hub` gets the insights; it outlives this, as `io` does. Errors: the file of sectors is bad.
  static Result<std::unique_ptr<RacingComponent>> open(const Config& config, const Clock& clock,
                                                       IoThread& io, Hub& hub);

  std::string_view name() const override { return "racing"; }
  void start() override;
  /// The table of sectors.
  void reload() override;

  const TrackSectors& sectors() const { return *sectors_; }
  /// Makes what looks at each partition's points. It borrows from this component.
  std::function<PartitionObservers(PartitionId)> observer_factory();

 private:
  RacingComponent(const Config& config, const Clock& clock, IoThread& io, Hub& hub);
  void tell_when_due();

  const Config& config_;
  const Clock& clock_;
  IoThread& io_;
  Hub& hub_;
  std::unique_ptr<TrackSectors> sectors_;
  InsightJoiner insights_;
};

}  // namespace slipstream
