#pragma once
#include <memory>
#include <vector>

#include "app/component.h"
#include "app/data_watch.h"
#include "app/durable_parts.h"
#include "base/agent.h"
#include "net/io_thread.h"

namespace slipstream {

/// Opens the log and what watches over it, and commits to the store what comes of it. Watches
/// whether the files of both are where they were.
class StoreWriterComponent final : public Component {
 public:
  /// Who gets what is stored one by one.
  struct EventSinks {
    StoredMarkSink& marks;
    StoredLapSink& laps;
    StoredAlertSink& alerts;
  };

  /// `durable` has its store and its sectors already, and gets its log, its supervisor and its
  /// writer; `committed` are told of rollups once they are committed, `events` of the rest. All of
  /// it outlives this. The writer runs from here on: reading the log again needs it.
  static Result<std::unique_ptr<StoreWriterComponent>> open(DurableParts& durable,
                                                            std::vector<RollupSink*> committed,
                                                            const EventSinks& events,
                                                            IoThread& queries);

  std::string_view name() const override { return "store-writer"; }
  void start() override;
  bool stop() override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;
  void progress(StopProgress& progress) const override;

  const StoreWriter& writer() const { return *durable_.store_writer; }
  /// At the stop, instead of its thread, which ends: commits what is there. False: something is
  /// left.
  bool flush();

 private:
  StoreWriterComponent(DurableParts& durable, IoThread& queries);

  DurableParts& durable_;
  IoThread& queries_;
  DataWatch data_watch_;  ///< looks on the queries thread
  std::unique_ptr<AgentThread> thread_;
};

}  // namespace slipstream
