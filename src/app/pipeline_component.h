#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "app/component.h"
#include "app/durable_parts.h"
#include "app/log_rewrite.h"
#include "app/log_scan.h"
#include "app/recovery.h"
#include "app/store_writer_component.h"
#include "base/agent.h"
#include "pipeline/journal.h"
#include "pipeline/live_pipeline.h"
#include "pipeline/pipeline.h"

namespace slipstream {

/// The way of points through this instance: the journal, which gives them their place in the log,
/// and the workers, which fold them into windows. Where Redis is the log, windows are folded from
/// its streams: here points are only shown, and nothing is written.
class PipelineComponent final : public Component {
 public:
  using ObserverFactory = Pipeline::ObserverFactory;

  /// Reads again what the log has and the store does not. `durable` has its log; `writer` gets what
  /// comes of the points, `accepted` the points themselves. All of it outlives this.
  static Result<std::unique_ptr<PipelineComponent>> open(DurableParts& durable,
                                                         StoreWriterComponent& writer,
                                                         AcceptedSink& accepted,
                                                         const ObserverFactory& make_observers,
                                                         const RecoveryProgress& progress);

  std::string_view name() const override { return "pipeline"; }
  void start() override;
  /// Closes all windows, writes the log, and has the store take what came of it, to the last
  /// checkpoint.
  bool stop() override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;
  void totals(Totals& totals) const override;
  void progress(StopProgress& progress) const override;

  /// Where sources hand their points over, unless they go to streams.
  Journal& journal() { return *journal_; }
  PipelineStats& stats() { return stats_; }
  const PipelineStats& stats() const { return stats_; }
  /// Keys of bodies that earlier runs answered, once.
  std::vector<AnsweredKey> take_keys() { return std::exchange(keys_, {}); }

 private:
  PipelineComponent(DurableParts& durable, StoreWriterComponent& writer);
  void open_live_pipeline(AcceptedSink& accepted, const ObserverFactory& make_observers);
  Result<void> open_pipeline(AcceptedSink& accepted, const ObserverFactory& make_observers,
                             const RecoveryProgress& progress);
  void open_journal();
  WorkQueues& queues() const {
    return pipeline_ ? static_cast<WorkQueues&>(*pipeline_) : *live_pipeline_;
  }
  bool store_rest();
  void report_left(bool is_logged) const;
  void log_health(HealthPage& page) const;
  void log_metrics(MetricsPage& page) const;

  DurableParts& durable_;
  StoreWriterComponent& writer_;
  PipelineStats stats_;
  std::unique_ptr<Pipeline> pipeline_;           ///< nullptr: Redis is the log
  std::unique_ptr<LivePipeline> live_pipeline_;  ///< in place of it
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<LogScan> log_scan_;        ///< nullptr: there is no log in files
  std::unique_ptr<LogRewrite> log_rewrite_;  ///< likewise
  std::vector<AnsweredKey> keys_;
  std::unique_ptr<AgentThread> flusher_thread_;
};

}  // namespace slipstream
