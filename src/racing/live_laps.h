#pragma once
#include "model/observer.h"
#include "racing/lap_observer.h"

namespace slipstream {

/// The laps of a partition that nobody commits, for the times that whoever looks on is told, where
/// no LapObserver is beside (Redis as the log): the same laps of the same points, begun anew with
/// every start. Borrows what a LapObserver borrows. Threads: the partition's worker.
class LiveLaps final : public PartitionObserver, public LapTimes {
 public:
  LiveLaps(FieldTable& fields, const SectorMap* map) : laps_(fields, map, counts_) {}

  std::string_view name() const override { return "live laps"; }
  using PartitionObserver::observe;
  void observe(const PointBatch& batch, std::span<const Point> points) override;
  void observe_mark(const Mark& mark) override { laps_.observe_mark(mark); }
  void tick(SteadyTime) override {}
  SteadyTime next_tick() const override { return kForever; }
  void forget(std::uint32_t series) override;
  TimedLaps times_of(std::uint32_t machine, std::uint64_t series_hash,
                     std::size_t most) const override {
    return laps_.times_of(machine, series_hash, most);
  }

 private:
  void let_go_told();

  LapCounts counts_;
  LapObserver laps_;
  ToldLaps told_;
};

}  // namespace slipstream
