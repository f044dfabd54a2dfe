#include "app/redis_health.h"

#include <fmt/format.h>

#include "app/object_writer.h"
#include "app/streams_setup.h"
#include "base/iso_time.h"

namespace slipstream {
namespace {

/// A connection lost and made again is no problem yet.
constexpr std::int64_t kPassingNs = 2 * kNsPerSecond;

void append_redis_connections(std::string& out, const Parts& parts) {
  out += '[';
  bool is_first = true;
  for (const auto& state : parts.redis->states()) {
    if (!std::exchange(is_first, false)) out += ',';
    ObjectWriter object(out);
    object.text("node", state.node);
    object.text("name", state.name);
    object.number("connected", state.connected);
    object.text("breaker", to_text(state.breaker));
    object.number("failures", state.failures);
    object.number("reconnects", state.reconnects);
    object.text("lastError", state.last_error);
    append_json_time(object.key("since"), state.since.wall.ns);
  }
  out += ']';
}

void append_stream_partitions(std::string& out, const Parts& parts) {
  out += '[';
  const auto& stats = parts.streams->stats();
  for (std::uint32_t p = 0; p < stats.partitions.size(); ++p) {
    if (p > 0) out += ',';
    ObjectWriter object(out);
    object.number("partition", p);
    object.flag("owned", parts.streams->owns(p));
    if (parts.streams->owns(p)) {
      object.number("lag", stats.partitions[p].lag.value());
      object.number("pending", stats.partitions[p].pending.value());
    }
    object.text("lastError", parts.streams->failure(p).why);
  }
  out += ']';
}

void append_group(std::string& out, const Parts& parts) {
  const auto& options = parts.redis_streams->options();
  const auto& stats = parts.streams->stats();
  ObjectWriter object(out);
  object.text("group", options.names.group);
  object.text("consumer", options.consumer);
  object.text("instance", options.instance);
  object.number("instances", parts.streams->members());
  object.number("entries", stats.entries.value());
  object.number("entriesAgain", stats.entries_again.value());
  object.number("entriesDead", stats.entries_dead.value());
  object.number("entriesDeleted", stats.entries_deleted.value());
  object.number("commits", stats.commits.value());
  object.number("commitsRefused", stats.commits_refused.value());
  object.number("fenced", stats.fenced.value());
  object.number("restarts", stats.restarts.value());
  object.number("takeovers", stats.takeovers.value());
  append_stream_partitions(object.key("partitions"), parts);
}

void add_commands(MetricsPage& page, const RedisStats& stats) {
  for (std::size_t c = 0; c < RedisStats::kNames.size(); ++c) {
    const auto add = [&](const Counter& counter, const char* outcome) {
      if (counter.value() == 0) return;
      page.counter("redis_commands_total", "Commands sent to Redis, by how they ended",
                   real(counter.value()),
                   {{"command", std::string(RedisStats::kNames[c])}, {"outcome", outcome}});
    };
    add(stats.ok[c], "ok");
    add(stats.error[c], "error");
  }
  page.counter("redis_reconnects_total", "Connections to Redis made again",
               real(stats.reconnects.value()));
  page.counter("redis_redirects_total", "MOVED and ASK followed", real(stats.redirects.value()));
}

void add_group(MetricsPage& page, const Parts& parts) {
  const auto& stats = parts.streams->stats();
  for (std::uint32_t p = 0; p < stats.partitions.size(); ++p) {
    const Labels partition = {{"partition", std::to_string(p)}};
    const bool is_owned = parts.streams->owns(p);
    page.gauge("redis_partition_owned", "1 for the partitions that this instance owns",
               is_owned ? 1 : 0, partition);
    if (!is_owned) continue;
    page.gauge("redis_stream_lag", "Entries not yet delivered to the group; -1: not known",
               real(stats.partitions[p].lag.value()), partition);
    page.gauge("redis_pending", "Entries delivered and not yet acknowledged; -1: not known",
               real(stats.partitions[p].pending.value()), partition);
  }
  page.counter("redis_entries_total", "Entries read", real(stats.entries.value()));
  page.counter("redis_entries_again_total",
               "Entries read again: after a restart, of an owner before, of a strange consumer",
               real(stats.entries_again.value()));
  page.counter("redis_entries_dead_total", "Entries that went to the dead-letter stream",
               real(stats.entries_dead.value()));
  page.counter("redis_entries_deleted_total", "Entries deleted while they were pending",
               real(stats.entries_deleted.value()));
  page.counter("redis_commits_total", "Transactions of rollups, checkpoint and acknowledgements",
               real(stats.commits.value()));
  page.counter("redis_commits_refused_total", "Transactions that Redis refused; done again",
               real(stats.commits_refused.value()));
  page.counter("redis_fenced_total", "Partitions found taken by another instance",
               real(stats.fenced.value()));
  page.counter("redis_partition_restarts_total", "Partitions begun again at their checkpoint",
               real(stats.restarts.value()));
  page.counter("redis_takeovers_total", "Partitions taken", real(stats.takeovers.value()));
  page.gauge("redis_instances", "Instances of the group",
             real(std::uint64_t{parts.streams->members()}));
  page.histogram("redis_commit_seconds", "A transaction's time", stats.commit_time);
  page.gauge("batch_size", "Points a batch, mean since the start", real(stats.batch.value()),
             {{"stage", "redis"}});
}

/// Partitions that cannot be read or committed, the first one's reason for all.
void add_stream_problems(std::vector<std::string>& problems, const Parts& parts) {
  const SteadyTime now = parts.clock.steady();
  std::size_t count = 0;
  std::string first;
  for (std::uint32_t p = 0; p < parts.streams->stats().partitions.size(); ++p) {
    const auto failure = parts.streams->failure(p);
    if (failure.why.empty() || now - failure.since.steady < kPassingNs) continue;
    if (count++ == 0) {
      first =
          fmt::format("partition {} since {}: {}", p, iso_time(failure.since.wall.ns), failure.why);
    }
  }
  if (count == 0) return;
  problems.push_back(fmt::format("redis: {} of {} partitions cannot be read or committed: {}",
                                 count, parts.streams->stats().partitions.size(), first));
}

void append_aggregates(std::string& out, const OutboxSender& aggregates) {
  const auto& waiting = aggregates.waiting();
  const auto& stats = aggregates.stats();
  ObjectWriter object(out);
  object.number("failing", stats.failing.value());
  object.number("waitingRows", waiting.rows.value());
  object.number("waitingRollups", waiting.rollups.value());
  object.number("sent", stats.sent.value());
  object.number("repeated", stats.repeated.value());
  object.number("dropped", waiting.dropped.value());
  object.text("lastError", aggregates.last_error());
}

void add_aggregates(MetricsPage& page, const OutboxSender& aggregates) {
  const auto& waiting = aggregates.waiting();
  const auto& stats = aggregates.stats();
  page.gauge("redis_outbox_rollups", "Rollups that wait to be sent to Redis",
             real(waiting.rollups.value()));
  page.gauge("redis_outbox_rows", "Rows of the outbox that they are in",
             real(waiting.rows.value()));
  page.counter("redis_outbox_dropped_total", "Rollups that gave way to newer ones, unsent",
               real(waiting.dropped.value()));
  page.counter("redis_aggregates_sent_total", "Rollups written to the aggregates",
               real(stats.sent.value()));
  page.counter("redis_aggregates_repeated_total", "Rollups sent again that Redis had already",
               real(stats.repeated.value()));
  page.counter("redis_aggregates_failures_total", "Writes to the aggregates that failed",
               real(stats.failures.value()));
  page.gauge("redis_aggregates_failing", "Streams of aggregates that cannot be written",
             real(stats.failing.value()));
  page.histogram("redis_aggregates_send_seconds", "Rows' way to Redis and back", stats.send);
}

}  // namespace

void append_redis(std::string& out, const Parts& parts) {
  ObjectWriter object(out);
  object.flag("enabled", parts.redis != nullptr);
  if (!parts.redis) return;
  object.flag("cluster", parts.redis->is_cluster());
  append_redis_connections(object.key("connections"), parts);
  if (parts.streams) append_group(object.key("streams"), parts);
  if (const auto* const aggregates = parts.outputs->of(kAggregatesOutput)) {
    append_aggregates(object.key("aggregates"), *aggregates);
  }
  if (!parts.stream_appender) return;
  const auto& stats = parts.stream_appender->stats();
  ObjectWriter log(object.key("log"));
  log.number("failing", stats.failing.value());
  log.number("backlogBytes", stats.backlog_bytes.value());
  log.number("entries", stats.entries.value());
  log.number("points", stats.points.value());
  log.number("retries", stats.retries.value());
  log.number("lost", stats.lost.value());
}

std::vector<std::string> redis_problems(const Parts& parts) {
  std::vector<std::string> problems;
  if (!parts.redis) return problems;
  for (const auto& state : parts.redis->states()) {
    if (!state.is_needed || state.connected > 0 || state.failures == 0) continue;
    problems.push_back(fmt::format("redis: {} ({}) does not answer, breaker {}: {}", state.node,
                                   state.name, to_text(state.breaker), state.last_error));
  }
  if (parts.streams) add_stream_problems(problems, parts);
  const auto* const aggregates = parts.outputs->of(kAggregatesOutput);
  if (aggregates != nullptr && aggregates->stats().failing.value() != 0) {
    problems.push_back(
        fmt::format("redis: {} streams of aggregates cannot be written, {} rollups wait: {}",
                    aggregates->stats().failing.value(), aggregates->waiting().rollups.value(),
                    aggregates->last_error()));
  }
  if (parts.stream_appender && parts.stream_appender->stats().failing.value() != 0) {
    problems.push_back(fmt::format("redis: {} streams cannot be written, {} bytes of points wait",
                                   parts.stream_appender->stats().failing.value(),
                                   parts.stream_appender->stats().backlog_bytes.value()));
  }
  return problems;
}

void add_redis_metrics(MetricsPage& page, const Parts& parts) {
  if (!parts.redis) return;
  add_commands(page, parts.redis->stats());
  for (const auto& state : parts.redis->states()) {
    const double value = state.breaker == CircuitBreaker::State::kOpen       ? 2
                         : state.breaker == CircuitBreaker::State::kHalfOpen ? 1
                                                                             : 0;
    page.gauge("circuit_state", "Of a connection's breaker: 0 closed, 1 half open, 2 open", value,
               {{"target", state.node + " " + state.name}});
  }
  if (parts.streams) add_group(page, parts);
  if (const auto* const aggregates = parts.outputs->of(kAggregatesOutput)) {
    add_aggregates(page, *aggregates);
  }
  if (!parts.stream_appender) return;
  const auto& stats = parts.stream_appender->stats();
  page.gauge("redis_log_failing", "Streams that cannot be written", real(stats.failing.value()));
  page.gauge("redis_log_backlog_bytes", "Bytes of points not yet in Redis",
             real(stats.backlog_bytes.value()));
  page.counter("redis_log_points_total", "Points written to streams", real(stats.points.value()));
  page.counter("redis_log_retries_total", "Entries sent again", real(stats.retries.value()));
  page.counter("redis_log_lost_entries_total", "Entries that Redis had taken and has no more",
               real(stats.lost.value()));
  page.histogram("redis_log_append_seconds", "An entry's way to Redis and back", stats.append);
}

}  // namespace slipstream
