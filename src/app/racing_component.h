#pragma once
#include <functional>
#include <memory>

#include "app/basics.h"
#include "app/component.h"
#include "broadcast/hub.h"
#include "net/io_thread.h"
#include "racing/insight_joiner.h"
#include "racing/standings.h"
#include "racing/timed_lap.h"
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
  /// What looks at a partition's points; of what tells its laps it learns their times. It borrows
  /// from both.
  PartitionObservers make_observers(PartitionId partition, const LapTimes& laps);
  /// Makes the same for partitions whose laps nobody tells. It borrows from this component.
  std::function<PartitionObservers(PartitionId)> live_observers();

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
