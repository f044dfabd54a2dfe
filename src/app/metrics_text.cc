#include "app/health.h"
#include "app/redis_health.h"
#include "base/descriptors.h"
#include "ops/metrics.h"

namespace slipstream {
namespace {

void add_ingest(MetricsPage& page, const Parts& parts) {
  for (const auto kind :
       {SourceKind::kUdp, SourceKind::kHttp, SourceKind::kWebSocket, SourceKind::kRedis}) {
    if (kind == SourceKind::kRedis && !parts.streams) continue;
    const auto& source = parts.ingest.of(kind);
    const std::string name(kSourceNames[static_cast<std::size_t>(kind)]);
    page.counter("points_received_total", "Points that arrived, valid or not",
                 real(source.received.value()), {{"source", name}});
    page.counter("points_accepted_total", "Points handed to a partition",
                 real(source.accepted.value()), {{"source", name}});
    for (std::size_t r = 0; r < kRejectReasonCount; ++r) {
      page.counter("points_rejected_total", "Points refused, by reason",
                   real(source.rejected[r].value()),
                   {{"source", name}, {"reason", std::string(kRejectReasonNames[r])}});
    }
  }
  const auto& ingest = parts.ingest;
  page.counter("udp_datagrams_total", "Datagrams received", real(ingest.udp_datagrams.value()));
  page.counter("udp_kernel_drops_total",
               "Datagrams the kernel dropped: the socket's buffer was full",
               real(ingest.udp_kernel_drops.value()));
  for (const auto& source : parts.udp) {
    const Labels socket = {{"host", source->host()},
                           {"port", std::to_string(source->port())},
                           {"decoder", source->decoder()}};
    page.counter("udp_socket_datagrams_total", "Datagrams received, by socket",
                 real(source->stats().datagrams.value()), socket);
    page.counter("udp_socket_points_total", "Points that arrived, valid or not, by socket",
                 real(source->stats().points.value()), socket);
    page.counter("udp_socket_kernel_drops_total", "Datagrams the kernel dropped, by socket",
                 real(source->stats().kernel_drops.value()), socket);
  }
  page.counter("fields_dropped_total", "Fields left out: beyond 256 a point or 4096 names",
               real(ingest.fields_dropped.value()));
  page.counter("lap_repaired_total", "Points whose lap was the logger's fault value",
               real(ingest.lap_repaired.value()));
  page.gauge("sequence_missing", "Sequence numbers skipped and not seen since",
             real(ingest.sequence_missing.value()));
  page.counter("sequence_repeats_total", "Sequence numbers seen again",
               real(ingest.sequence_repeats.value()));
  page.counter("errors_not_logged_total",
               "Errors left out of the log by its limits, per address and in all",
               real(ingest.errors_not_logged.value()));
}

void add_pipeline(MetricsPage& page, const Parts& parts) {
  const auto& stats = parts.pipeline_stats;
  for (std::size_t d = 0; d < parts.config.windows.size(); ++d) {
    const Labels window = {{"window", parts.config.windows[d].name}};
    const auto& w = stats.windows[d];
    page.counter("rollups_emitted_total", "Windows closed", real(w.rollups_emitted.value()),
                 window);
    page.counter("late_points_total", "Points that came after their window had closed",
                 real(w.late_points.value()), window);
    page.counter("window_closed_points_total", "Points in windows that closed in time",
                 real(w.closed_points.value()), window);
    page.gauge("window_open_points", "Points in open windows", real(w.open_points.value()), window);
  }
  for (std::uint32_t p = 0; p < parts.queues().partitions(); ++p) {
    page.gauge("partition_queue_depth", "Batches waiting for the partition's worker",
               real(std::uint64_t{parts.queues().depth(p)}), {{"partition", std::to_string(p)}});
  }
  page.gauge("series", "Machines known", real(stats.series.value()));
  page.histogram("ingest_to_rollup_seconds", "From a window's last receipt to its rollup's commit",
                 parts.store_writer->stats().ingest_to_rollup);
  page.histogram("batch_processing_seconds", "A partition's time for a batch", stats.processing);
  const auto batches = stats.batches.value();
  page.gauge("batch_size", "Points a batch: mean since the start; of a broadcast when it is full",
             batches == 0 ? 0 : real(stats.folded_points.value()) / real(batches),
             {{"stage", "partition"}});
}

void add_log(MetricsPage& page, const Parts& parts) {
  const auto& log = parts.journal->stats();
  page.counter("log_appended_bytes_total", "Bytes of blocks appended to the log, uncompressed",
               real(log.appended_bytes.value()));
  page.counter("log_appended_blocks_total", "Blocks appended", real(log.appended_blocks.value()));
  page.counter("log_failures_total", "Writes or syncs of the log that failed",
               real(log.failures.value()));
  page.counter("log_refused_points_total",
               "Points of blocks that the log refused for what they were; in the dead letters",
               real(log.refused_points.value()));
  page.gauge("log_failing", "1 while the log cannot be written", real(log.failing.value()));
  page.gauge("log_backlog_bytes", "Bytes of points not yet in the log",
             real(log.backlog_bytes.value()));
  page.gauge("log_lost_entries", "Entries that the log cannot give back, found since the start",
             real(parts.lost.entries()));
  page.histogram("log_fsync_seconds", "A sync of the log", log.fsync);
  const auto& supervisor = parts.supervisor->stats();
  page.counter("worker_restarts_total", "Partitions restarted after their work failed",
               real(supervisor.restarts.value()));
  page.counter("dead_letter_points_total", "Points left out: they failed twice",
               real(supervisor.dead_points.value()));
}

void add_access(MetricsPage& page, const HttpGuardStats& guard) {
  for (const auto& [reason, counter] :
       {std::pair{"no_token", &guard.no_token}, std::pair{"wrong_scope", &guard.wrong_scope},
        std::pair{"foreign_origin", &guard.foreign_origin},
        std::pair{"foreign_host", &guard.foreign_host},
        std::pair{"rate_limited", &guard.rate_limited}}) {
    page.counter("http_requests_denied_total", "Requests turned away by their head",
                 real(counter->value()), {{"reason", reason}});
  }
  for (const auto& [reason, counter] :
       {std::pair{"server_full", &guard.server_full},
        std::pair{"no_descriptors", &guard.no_descriptors},
        std::pair{"address_full", &guard.address_full}, std::pair{"made_room", &guard.made_room},
        std::pair{"timeout", &guard.timeouts}, std::pair{"answer_broken", &guard.answers_broken},
        std::pair{"handshake_failed", &guard.handshakes_failed}}) {
    page.counter("http_connections_dropped_total", "Connections turned away or cut off",
                 real(counter->value()), {{"reason", reason}});
  }
}

void add_outputs(MetricsPage& page, const Parts& parts) {
  const auto& hub = parts.hub->stats();
  page.gauge("ws_clients", "WebSocket clients", real(hub.clients.value()));
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    page.counter("ws_messages_sent_total", "Messages handed to clients",
                 real(hub.messages_sent[c].value()), {{"channel", std::string(kChannelNames[c])}});
  }
  for (std::size_t p = 0; p < kPolicyCount; ++p) {
    page.counter("ws_messages_skipped_total", "Messages a slow client did not get",
                 real(hub.messages_skipped[p].value()), {{"policy", std::string(kPolicyNames[p])}});
  }
  page.gauge("ws_clients_skipped_ratio", "Share of clients to whom messages are left out now",
             real(hub.clients_skipped_permille.value()) / 1'000);
  page.counter("ws_clients_too_far_behind_total",
               "Clients closed since what happens once did not fit their buffer",
               real(hub.clients_too_far_behind.value()));
  page.gauge("ws_filters", "Distinct filters of clients", real(hub.groups.value()));
  page.counter("ws_publishes_total", "Messages by which clients sent points",
               real(hub.publishes.value()));
  page.counter("ws_message_faults_total", "Messages of clients that were not acted upon",
               real(hub.message_faults.value()));
  page.gauge("batch_size", "Points a batch: mean since the start; of a broadcast when it is full",
             real(hub.batch_points.value()), {{"stage", "broadcast"}});
  page.gauge("broadcast_spacing_seconds", "Least time between batches, as chosen for the last one",
             real(hub.batch_spacing_us.value()) * 1e-6);
  page.counter("broadcast_rollups_dropped_total",
               "Unstored rollups not broadcast: the hub's queue was full",
               real(hub.rollups_dropped.value()));
  page.counter("broadcast_points_total", "Points broadcast", real(hub.points_broadcast.value()));
  page.counter("broadcast_points_dropped_total", "Points not broadcast: the hub's queue was full",
               real(hub.points_dropped.value()));
  page.histogram("ingest_to_broadcast_seconds", "From a point's receipt to its broadcast",
                 hub.ingest_to_broadcast);
  const auto& store = parts.store_writer->stats();
  page.counter("store_rollups_written_total", "Rollups written to SQLite",
               real(store.written.value()));
  page.counter("store_write_failures_total", "Transactions that failed",
               real(store.failed_writes.value()));
  page.counter("store_rollups_repeated_total", "Rollups that came again, dropped",
               real(store.repeated.value()));
  page.counter("store_commits_total", "Transactions committed", real(store.commits.value()));
  page.counter("checkpoints_total", "Checkpoints committed", real(store.checkpoints.value()));
  page.histogram("store_commit_seconds", "A transaction's time", store.commit_time);
  page.gauge("store_outputs_waiting", "Outputs of partitions waiting to be committed",
             real(store.waiting.value()));
  const WalState wal = parts.store->wal();
  page.gauge("store_wal_bytes", "The store's write-ahead log", real(wal.bytes));
  page.gauge("store_wal_held_seconds", "For how long a reader has kept it from being cut",
             real(wal.held_ns) * 1e-9);
  page.gauge("store_damaged", "1: damage of the store's file was met",
             parts.store->damage() ? 1 : 0);
  add_access(page, parts.http->guard_stats());
  page.gauge("http_connections", "Open connections, WebSockets included",
             real(parts.http->connections().value()));
  page.gauge("http_connections_limit",
             "Connections that may be open: max_connections, or what descriptors allow",
             real(std::uint64_t{parts.budget.connections}));
  page.gauge("descriptors_limit", "Files and sockets that the process may have open",
             real(std::uint64_t{parts.budget.limit}));
  page.gauge("descriptors_reserve", "Of these, kept for log, store and Redis",
             real(std::uint64_t{parts.budget.reserve}));
  page.gauge("descriptors_open", "Files and sockets that are open",
             real(std::uint64_t{open_descriptors()}));
}

}  // namespace

std::string metrics_text(const Parts& parts) {
  MetricsPage page;
  add_ingest(page, parts);
  add_pipeline(page, parts);
  add_log(page, parts);
  add_outputs(page, parts);
  add_redis_metrics(page, parts);
  parts.outputs->add_metrics(page);
  page.counter("clock_steps_total", "Times that this machine's wall clock was set by over a second",
               real(parts.clock_watch.steps()));
  page.gauge("build_info", "The program's version", 1, {{"version", SLIPSTREAM_VERSION}});
  return page.text();
}

}  // namespace slipstream
