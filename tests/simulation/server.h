#pragma once
#include <functional>
#include <memory>

#include "app/durable_parts.h"
#include "app/recovery.h"
#include "pipeline/journal.h"
#include "pipeline/pipeline.h"
#include "racing/track_sectors.h"
#include "source/answered_keys.h"

namespace slipstream::simulation {

/// One life of the server's durable path: the real parts, put together as Topology does it, but
/// without threads: who has it polls it. Destroying it is a kill: nothing is flushed.
class Server {
 public:
  struct Environment {
    FileSystem& files;
    const Clock& clock;
    RollupSink& consumer;
    StoredMarkSink& marks;
    std::size_t store_queue_bytes;
  };
  Server(Config config, const Environment& environment);

  /// `progress` is called during the recovery, and may throw.
  Result<Recovered> start(const std::function<void()>& progress);
  /// As Topology::stop(). False: something is left, which the log has.
  bool stop();

  DurableParts& parts() { return parts_; }
  Pipeline& pipeline() { return *pipeline_; }
  Journal& journal() { return *journal_; }
  StoreWriter& store_writer() { return *parts_.store_writer; }
  AnsweredKeys& keys() { return keys_; }
  /// The time that a key is stamped with now.
  ArrivalTime key_time() const { return unset_since(begun_, parts_.clock.steady()); }
  bool is_at_rest();
  /// Of all partitions, before anything is recovered.
  const StoredState& found() const { return found_; }

 private:
  class NobodyListens final : public AcceptedSink {
   public:
    explicit NobodyListens(BatchPool& pool) : pool_(pool) {}
    void accept(PointBatchPtr batch) override { pool_.put(std::move(batch)); }

   private:
    BatchPool& pool_;
  };

  Result<void> build_store(const Environment& environment);
  Result<Recovered> build_pipeline(const std::function<void()>& progress);

  const Environment environment_;
  const TrackSectors sectors_;
  DurableParts parts_;
  NobodyListens nobody_;
  PipelineStats stats_;
  StoredState found_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<Journal> journal_;
  AnsweredKeys keys_;
  const Moment begun_ = parts_.clock.moment();
};

}  // namespace slipstream::simulation
