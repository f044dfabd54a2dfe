#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "app/connection_budget.h"
#include "app/data_watch.h"
#include "app/durable_parts.h"
#include "app/log_scan.h"
#include "app/outputs.h"
#include "base/agent.h"
#include "base/clock_watch.h"
#include "base/heap.h"
#include "broadcast/hub.h"
#include "broadcast/rollup_memory.h"
#include "cluster/partition_group.h"
#include "net/http_server.h"
#include "net/io_thread.h"
#include "pipeline/journal.h"
#include "pipeline/live_pipeline.h"
#include "pipeline/pipeline.h"
#include "racing/field_analyzer.h"
#include "redis_streams/redis_streams.h"
#include "redis_streams/stream_appender.h"
#include "source/ingest_service.h"
#include "source/udp_source.h"

namespace slipstream {

/// Everything a running server is made of. Members stand in the order in which they need each
/// other: what stands further down may borrow from what stands above. Topology puts it together.
struct Parts : DurableParts {
  explicit Parts(Config settings)
      : DurableParts(std::move(settings), posix_file_system(), system_clock()),
        pipeline_stats(config.windows.size()) {}

  const SteadyTime started = clock.steady();
  ClockWatch clock_watch{clock};
  std::atomic<bool> ready{false};
  ConnectionBudget budget;

  std::unique_ptr<RedisServers> redis;  ///< nullptr: no Redis
  std::unique_ptr<Outputs> outputs;
  DataWatch data_watch{*this};  ///< looks on the queries thread
  HeapKeeper heap;              ///< the queries thread's
  std::unique_ptr<RollupMemory> memory;
  std::unique_ptr<InsightJoiner> insights;

  IoThread io{"io"};
  IoThread queries{"queries"};  ///< answers from SQLite, which may take a while
  std::unique_ptr<Hub> hub;

  PipelineStats pipeline_stats;
  std::unique_ptr<Pipeline> pipeline;           ///< nullptr: Redis is the log
  std::unique_ptr<LivePipeline> live_pipeline;  ///< in place of it
  std::unique_ptr<Journal> journal;
  std::unique_ptr<LogScan> log_scan;           ///< nullptr: there is no log in files
  std::unique_ptr<ClusterStats> stream_stats;  ///< nullptr, as what follows: no Redis
  std::unique_ptr<RedisStreams> redis_streams;
  std::unique_ptr<PartitionGroup> streams;          ///< nullptr: none are read
  std::unique_ptr<StreamAppender> stream_appender;  ///< nullptr: points do not go to streams
  std::unique_ptr<RejectionLog> rejection_log;
  std::vector<std::unique_ptr<UdpSource>> udp;  ///< none: all are switched off
  std::unique_ptr<IngestService> ingest_service;
  std::unique_ptr<HttpServer> http;

  /// Where points go that are in the log, or on their way there.
  WorkQueues& queues() const {
    return pipeline ? static_cast<WorkQueues&>(*pipeline) : *live_pipeline;
  }
  /// Where sources hand their points over.
  PointSink& ingest_sink() const {
    return stream_appender ? static_cast<PointSink&>(*stream_appender) : *journal;
  }

  std::unique_ptr<AgentThread> store_thread;
  std::unique_ptr<AgentThread> flusher_thread;
  std::unique_ptr<AgentThread> ingest_thread;
  std::unique_ptr<AgentThread> stream_appender_thread;
  std::vector<std::unique_ptr<AgentThread>> udp_threads;  ///< one each
};

}  // namespace slipstream
