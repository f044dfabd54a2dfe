#pragma once
#include <functional>
#include <memory>

#include "app/basics.h"
#include "app/component.h"
#include "broadcast/hub.h"
#include "net/io_thread.h"
#include "racing/insight_joiner.h"
#include "racing/standings.h"
#include "racing/track_sectors.h"

namespace slipstream {

/// What racing adds: the sectors of tracks, and insights into the cars that drive, for clients.
class RacingComponent final : public Component {
 public:
  /// `hub` gets the insights, `standings` where cars are. All of it outlives this. Errors: the file
  /// of sectors is bad.
  static Result<std::unique_ptr<RacingComponent>> open(const Basics& basics, IoThread& io, Hub& hub,
                                                       Standings& standings);

  std::string_view name() const override { return "racing"; }
  void start() override;
  /// The table of sectors.
  void reload() override;

  const TrackSectors& sectors() const { return *sectors_; }
  /// Makes what looks at each partition's points. It borrows from this component.
  std::function<PartitionObservers(PartitionId)> observer_factory();

 private:
  RacingComponent(const Basics& basics, IoThread& io, Hub& hub, Standings& standings);
  void tell();
  void tell_when_due();

  const Basics basics_;
  IoThread& io_;
  Hub& hub_;
  Standings& standings_;
  std::unique_ptr<TrackSectors> sectors_;
  InsightJoiner insights_;
};

}  // namespace slipstream
