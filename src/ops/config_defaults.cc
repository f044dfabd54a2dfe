#include <limits>

#include "broadcast/hub.h"
#include "cluster/cluster.h"
#include "log/segment_log.h"
#include "net/http_server.h"
#include "ops/config.h"
#include "pipeline/journal.h"
#include "pipeline/partition.h"
#include "pipeline/series_table.h"
#include "racing/field_analyzer.h"
#include "racing/race_field.h"
#include "redis/servers.h"
#include "source/ingest_service.h"
#include "source/udp_socket.h"
#include "source/udp_source.h"
#include "store/outbox.h"
#include "store/rollup_store.h"

namespace slipstream {
namespace {

template <typename Options>
const Options& room_defaults() {
  static const Options options;
  return options;
}

}  // namespace

Config::Server::Server() {
  const auto& http = room_defaults<HttpServerOptions>();
  listen = http.listen;
  port = http.port;
  max_connections = http.max_connections;
  max_body_bytes = http.max_body_bytes;
  max_ws_buffer_bytes = room_defaults<DeliveryOptions>().max_sample_bytes;
  http_points_per_second = room_defaults<IngestServiceOptions>().points_per_second_per_address;
}

Config::Security::Security() {
  const auto& http = room_defaults<HttpServerOptions>();
  header_timeout_ms = http.header_timeout_ms;
  keep_alive_timeout_ms = http.keep_alive_timeout_ms;
  body_timeout_ms = http.body_timeout_ms;
  min_bytes_per_second = http.min_bytes_per_second;
}

Config::UdpSource::UdpSource() {
  const auto& socket = room_defaults<UdpSocketOptions>();
  host = socket.host;
  port = socket.port;
  receive_buffer_bytes = socket.receive_buffer_bytes;
  const auto& source = room_defaults<UdpSourceOptions>();
  points_per_second = source.points_per_second_per_address;
  decoder = source.decoder;
}

Config::Pipeline::Pipeline() {
  const auto& queue = room_defaults<QueueLimits>();
  queue_batches = queue.items;
  queue_bytes = queue.bytes;
  max_series = static_cast<std::uint32_t>(SeriesTable::kMaxSeries);
}

Config::Durability::Durability() {
  const auto& journal = room_defaults<JournalOptions>();
  flush_interval_ms = journal.flush_interval_ms;
  sync_interval_ms = journal.sync_interval_ms;
  flush_bytes = journal.flush_bytes;
  max_backlog_bytes = journal.max_backlog_bytes;
  checkpoint_interval_ms = PartitionContext::kCheckpointIntervalMs;
  segment_bytes = room_defaults<SegmentLogOptions>().segment_bytes;
}

Config::Store::Store() {
  const auto& defaults = room_defaults<StoreOptions>();
  retention_hours = defaults.retention.hours;
  retention_rollups = defaults.retention.rollups;
}

Config::Redis::Redis() {
  const auto& cluster = room_defaults<ClusterOptions>();
  partitions = cluster.partitions;
  consume = cluster.is_consuming;
  follow = cluster.is_following;
  block_ms = cluster.block_ms;
  commit_interval_ms = cluster.commit_interval_ms;
  const auto& outbox = room_defaults<RollupDestination>();
  pipeline_size = static_cast<std::uint32_t>(outbox.rollups_per_row);
  stream_maxlen = outbox.max_rollups;
  pool = static_cast<std::uint32_t>(room_defaults<RedisServersOptions>().pool_size);
}

Config::Broadcast::Broadcast() {
  batch_ms = room_defaults<FieldAnalyzerOptions>().batch_ms;
  const auto& batch = room_defaults<TelemetryBatcherOptions>();
  batch_min_ms = batch.batch_min_ms;
  batch_points = batch.batch_points;
  batch_max_points = batch.max_batch_points;
  batch_max_ms = batch.batch_max_ms;
  ring_size = static_cast<std::uint32_t>(room_defaults<HubOptions>().ring_points);
  max_event_bytes = room_defaults<DeliveryOptions>().max_event_bytes;
  deflate = room_defaults<HttpServerOptions>().ws_deflate;
  io_uring = room_defaults<DeliveryOptions>().batches;
}

Config::Racing::Racing() {
  session_gap_minutes = room_defaults<StoreOptions>().session_gap_ns / (60 * kNsPerSecond);
}

Config::Demo::Demo() {
  const auto& field = room_defaults<FieldOptions>();
  cars = static_cast<std::uint32_t>(field.cars);
  seed = field.seed;
}

std::uint64_t Config::Durability::pinned_limit() const {
  if (pinned_max_bytes > 0) return pinned_max_bytes;
  if (log_retention_bytes > 0) return log_retention_bytes / 2;
  return std::numeric_limits<std::uint64_t>::max();
}

}  // namespace slipstream
