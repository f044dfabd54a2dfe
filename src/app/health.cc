#include "app/health.h"

#include <fmt/format.h>

#include "app/object_writer.h"
#include "app/redis_health.h"
#include "app/store_health.h"
#include "base/descriptors.h"
#include "base/json_text.h"

namespace slipstream {
namespace {

constexpr std::size_t kMaxLostRanges = 1'000;  ///< that are listed; all are counted

void append_metrics(std::string& out, const Parts& parts, const Rates& rates, HealthForm form) {
  const Totals totals = Totals::of(parts);
  const auto& hub = parts.hub->stats();
  ObjectWriter metrics(out);
  metrics.number("messagesReceived", totals.received);
  metrics.number("messagesBroadcast", hub.points_broadcast.value());
  metrics.number("wsClients", hub.clients.value());
  metrics.number("aggregationsProcessed", totals.rollups);
  metrics.number("errors", totals.rejected);
  metrics.number("ringBufferSize", hub.ring_points.value());
  const auto rate = [&](std::string_view name, double value) {
    const std::string text = fmt::format("{:.2f}", value);
    if (form == HealthForm::kBody) {
      metrics.text(name, text);
    } else {
      metrics.key(name) += text;
    }
  };
  rate("messageRate", rates.received);
  rate("avgProcessingTimeMs", rates.processing_ms);
  if (form == HealthForm::kBody) return;
  metrics.number("kernelDrops", totals.kernel_drops);
  rate("rollupRate", rates.rollups);
  rate("errorRate", rates.rejected);
}

void append_udp_sources(std::string& out, const Parts& parts) {
  out += '[';
  for (const auto& source : parts.udp) {
    if (&source != &parts.udp.front()) out += ',';
    ObjectWriter object(out);
    object.text("host", source->host());
    object.number("port", source->port());
    object.text("decoder", source->decoder());
    object.number("datagrams", source->stats().datagrams.value());
    object.number("points", source->stats().points.value());
    object.number("kernelDrops", source->stats().kernel_drops.value());
    object.number("receiveBufferBytes", source->receive_buffer_bytes());
  }
  out += ']';
}

void append_source(std::string& out, const Parts& parts, SourceKind kind) {
  const auto& source = parts.ingest.of(kind);
  ObjectWriter object(out);
  object.number("received", source.received.value());
  object.number("accepted", source.accepted.value());
  {
    ObjectWriter rejected(object.key("rejected"));
    for (std::size_t r = 0; r < kRejectReasonCount; ++r) {
      if (const auto n = source.rejected[r].value(); n > 0)
        rejected.number(kRejectReasonNames[r], n);
    }
  }
  if (kind != SourceKind::kUdp) return;
  object.flag("enabled", !parts.udp.empty());
  if (parts.udp.empty()) return;
  object.number("port", parts.udp.front()->port());
  object.number("datagrams", parts.ingest.udp_datagrams.value());
  object.number("kernelDrops", parts.ingest.udp_kernel_drops.value());
  object.number("receiveBufferBytes", parts.udp.front()->receive_buffer_bytes());
  append_udp_sources(object.key("sockets"), parts);
}

void append_sources(std::string& out, const Parts& parts) {
  ObjectWriter object(out);
  append_source(object.key("udp"), parts, SourceKind::kUdp);
  append_source(object.key("http"), parts, SourceKind::kHttp);
  append_source(object.key("ws"), parts, SourceKind::kWebSocket);
  if (parts.streams) append_source(object.key("redis"), parts, SourceKind::kRedis);
  ObjectWriter sequence(object.key("sequence"));
  sequence.text("member", parts.config.schema.sequence);
  sequence.number("missing", parts.ingest.sequence_missing.value());
  sequence.number("repeats", parts.ingest.sequence_repeats.value());
}

void append_partitions(std::string& out, const Parts& parts) {
  out += '[';
  for (std::uint32_t p = 0; p < parts.queues().partitions(); ++p) {
    if (p > 0) out += ',';
    ObjectWriter object(out);
    object.number("partition", p);
    object.number("queueDepth", parts.queues().depth(p));
  }
  out += ']';
}

void append_log(std::string& out, const Parts& parts) {
  const auto& stats = parts.journal->stats();
  ObjectWriter object(out);
  object.flag("enabled", parts.config.has_segment_log());
  if (!parts.config.has_segment_log()) return;
  object.text("durability", parts.config.durability.level);
  object.flag("failing", stats.failing.value() != 0);
  object.number("firstOffset", parts.log->first_offset());
  object.number("nextOffset", parts.journal->next_offset());
  object.number("durableOffset", parts.journal->durable_offset());
  object.number("checkpointOffset", parts.store_writer->needed_from());
  object.number("backlogBytes", stats.backlog_bytes.value());
  object.number("blocks", stats.appended_blocks.value());
  object.number("failures", stats.failures.value());
  object.number("refusedPoints", stats.refused_points.value());
  object.flag("checking", !parts.log_scan->is_done());
  object.number("lostEntries", parts.lost.entries());
  std::string& list = object.key("lost");
  list += '[';
  const auto ranges = parts.lost.list(kMaxLostRanges);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (i > 0) list += ',';
    ObjectWriter lost(list);
    lost.number("from", ranges[i].from);
    lost.number("to", ranges[i].to);
    lost.text("file", ranges[i].file);
    lost.text("why", ranges[i].why);
  }
  list += ']';
}

void append_clock(std::string& out, const Parts& parts) {
  const ClockWatch& watch = parts.clock_watch;
  ObjectWriter object(out);
  object.number("steps", watch.steps());
  if (watch.steps() == 0) return;
  object.key("lastStepSeconds") +=
      fmt::format("{:.3f}", static_cast<double>(watch.last_step_ns()) * 1e-9);
  append_json_time(object.key("lastStepAt"), watch.last_step_at().ns);
}

void append_windows(std::string& out, const Parts& parts) {
  out += '[';
  for (std::size_t d = 0; d < parts.config.windows.size(); ++d) {
    if (d > 0) out += ',';
    const auto& stats = parts.pipeline_stats.windows[d];
    ObjectWriter object(out);
    object.text("window", parts.config.windows[d].name);
    object.flag("stored", parts.config.windows[d].stored);
    object.number("emitted", stats.rollups_emitted.value());
    object.number("openPoints", stats.open_points.value());
    object.number("closedPoints", stats.closed_points.value());
    object.number("latePoints", stats.late_points.value());
  }
  out += ']';
}

void append_connections(std::string& out, const Parts& parts) {
  ObjectWriter object(out);
  object.number("open", parts.http->connections().value());
  object.number("most", parts.budget.connections);
  object.flag("full", parts.http->is_full());
  ObjectWriter descriptors(object.key("descriptors"));
  descriptors.number("limit", parts.budget.limit);
  descriptors.number("inUse", open_descriptors());
  descriptors.number("reserve", parts.budget.reserve);
}

void append_sentences(ObjectWriter& object, std::string_view name,
                      const std::vector<std::string>& sentences) {
  if (sentences.empty()) return;
  std::string& list = object.key(name);
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    list += i == 0 ? '[' : ',';
    append_json_string(list, sentences[i]);
  }
  list += ']';
}

}  // namespace

std::vector<std::string> health_problems(const Parts& parts) {
  std::vector<std::string> problems;
  if (const auto gone = parts.data_watch.trouble()) {
    problems.push_back(fmt::format(
        "data: {}: {} until it is back, or the server is started again", *gone,
        parts.config.has_segment_log() ? "nothing is acknowledged" : "rollups are not stored"));
  }
  std::ranges::move(store_problems(parts), std::back_inserter(problems));
  if (parts.journal->stats().failing.value() != 0) {
    problems.push_back(
        fmt::format("log: it cannot be written, nothing is acknowledged; {} bytes are waiting",
                    parts.journal->stats().backlog_bytes.value()));
  }
  for (std::uint32_t p = 0; p < parts.queues().partitions(); ++p) {
    if (!parts.queues().has_room(p, 0)) {
      problems.push_back(fmt::format("partition {}: its queue is full, points are refused", p));
    }
  }
  if (parts.http->is_starved()) {
    problems.push_back(
        fmt::format("descriptors: the system has none left for this process, of which it may have "
                    "{}; new connections are answered 503",
                    parts.budget.limit));
  } else if (parts.http->is_full()) {
    problems.push_back(
        fmt::format("connections: all {} that may be open are in use, new ones are answered 503",
                    parts.budget.connections));
  }
  std::ranges::move(redis_problems(parts), std::back_inserter(problems));
  std::ranges::move(parts.outputs->problems(), std::back_inserter(problems));
  return problems;
}

std::string health_json(const Parts& parts, const Rates& rates,
                        const std::vector<std::string>& problems, HealthForm form) {
  const auto& hub = parts.hub->stats();
  const ArrivalTime now = parts.clock.now();
  std::string out;
  {
    ObjectWriter object(out);
    object.flag("ok", problems.empty());
    append_json_time(object.key("now"), now.ns);
    append_sentences(object, "problems", problems);
    append_sentences(object, "notices", store_notices(parts));
    append_metrics(object.key("metrics"), parts, rates, form);
    object.text("version", SLIPSTREAM_VERSION);
    object.number("uptimeSeconds", (parts.clock.steady() - parts.started) / kNsPerSecond);
    append_clock(object.key("clock"), parts);
    object.text("wsPath", parts.config.server.ws_path);
    append_sources(object.key("sources"), parts);
    append_connections(object.key("connections"), parts);
    append_log(object.key("log"), parts);
    append_redis(object.key("redis"), parts);
    parts.outputs->append_health(object.key("outputs"));
    {
      ObjectWriter backpressure(object.key("backpressure"));
      backpressure.key("skippedShare") +=
          fmt::format("{:.3f}", static_cast<double>(hub.clients_skipped_permille.value()) / 1'000);
      backpressure.number("messagesSkipped", hub.skipped());
      backpressure.number("clientsTooFarBehind", hub.clients_too_far_behind.value());
      backpressure.number("pointsNotBroadcast", hub.points_dropped.value());
    }
    append_partitions(object.key("partitions"), parts);
    append_windows(object.key("windows"), parts);
    append_store(object.key("store"), parts);
    {
      const auto& supervisor = parts.supervisor->stats();
      ObjectWriter workers(object.key("workers"));
      workers.number("restarts", supervisor.restarts.value());
      workers.number("deadPoints", supervisor.dead_points.value());
    }
    object.number("series", parts.pipeline_stats.series.value());
  }
  return out;
}

}  // namespace slipstream
