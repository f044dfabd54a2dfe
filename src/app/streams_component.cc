#include "app/streams_component.h"

#include <fmt/format.h>

#include "base/iso_time.h"
#include "ops/logging.h"

namespace slipstream {
namespace {

/// A connection lost and made again is no problem yet.
constexpr std::int64_t kPassingNs = 2 * kNsPerSecond;

void append_stream_partitions(std::string& out, const PartitionGroup& group) {
  out += '[';
  const auto& stats = group.stats();
  for (std::uint32_t p = 0; p < stats.partitions.size(); ++p) {
    if (p > 0) out += ',';
    ObjectWriter object(out);
    object.number("partition", p);
    object.flag("owned", group.owns(p));
    if (group.owns(p)) {
      object.number("lag", stats.partitions[p].lag.value());
      object.number("pending", stats.partitions[p].pending.value());
    }
    object.text("lastError", group.failure(p).why);
  }
  out += ']';
}

}  // namespace

StreamsComponent::StreamsComponent(const Basics& basics, const Parts& parts, RedisComponent& redis,
                                   const OwnRollups* own_rollups, StreamOptions options,
                                   const std::vector<std::uint64_t>& rollups_seen)
    : clock_(basics.clock),
      redis_(redis),
      stats_(options.cluster.partitions),
      cluster_(cluster_parts(basics, parts)),
      streams_({.servers = redis.servers(), .cluster = cluster_, .own_rollups = own_rollups},
               std::move(options)),
      group_(cluster_, streams_.options().cluster, streams_, rollups_seen) {}

ClusterParts StreamsComponent::cluster_parts(const Basics& basics, const Parts& parts) {
  return {.clock = basics.clock,
          .ingest = basics.ingest,
          .pipeline_stats = parts.pipeline_stats,
          .schema = basics.schema,
          .pool = basics.pool,
          .sectors = parts.sectors,
          .accepted = parts.accepted,
          .store = parts.store,
          .stats = stats_,
          .make_observers = parts.make_observers,
          .warn = [](const std::string& text) { log_warn(text); },
          .tracer = basics.tracer};
}

bool StreamsComponent::stop() {
  redis_.hurry();
  group_.stop();
  return true;
}

void StreamsComponent::health(HealthPage& page) const {
  add_problems(page);
  const auto& options = streams_.options();
  auto object = page.object("redis.streams");
  object.text("group", options.names.group);
  object.text("consumer", options.consumer);
  object.text("instance", options.instance);
  object.number("instances", group_.members());
  object.number("entries", stats_.entries.value());
  object.number("entriesAgain", stats_.entries_again.value());
  object.number("entriesDead", stats_.entries_dead.value());
  object.number("entriesDeleted", stats_.entries_deleted.value());
  object.number("commits", stats_.commits.value());
  object.number("commitsRefused", stats_.commits_refused.value());
  object.number("fenced", stats_.fenced.value());
  object.number("restarts", stats_.restarts.value());
  object.number("takeovers", stats_.takeovers.value());
  append_stream_partitions(object.key("partitions"), group_);
}

/// Partitions that cannot be read or committed, the first one's reason for all.
void StreamsComponent::add_problems(HealthPage& page) const {
  const SteadyTime now = clock_.steady();
  std::size_t count = 0;
  std::string first;
  for (std::uint32_t p = 0; p < stats_.partitions.size(); ++p) {
    const auto failure = group_.failure(p);
    if (failure.why.empty() || now - failure.since.steady < kPassingNs) continue;
    if (count++ == 0) {
      first =
          fmt::format("partition {} since {}: {}", p, iso_time(failure.since.wall.ns), failure.why);
    }
  }
  if (count == 0) return;
  page.problem(ProblemArea::kRedis,
               fmt::format("redis: {} of {} partitions cannot be read or committed: {}", count,
                           stats_.partitions.size(), first));
}

void StreamsComponent::metrics(MetricsPage& page) const {
  for (std::uint32_t p = 0; p < stats_.partitions.size(); ++p) {
    const Labels partition = {{"partition", std::to_string(p)}};
    const bool is_owned = group_.owns(p);
    page.gauge("redis_partition_owned", "1 for the partitions that this instance owns",
               is_owned ? 1 : 0, partition);
    if (!is_owned) continue;
    page.gauge("redis_stream_lag", "Entries not yet delivered to the group; -1: not known",
               real(stats_.partitions[p].lag.value()), partition);
    page.gauge("redis_pending", "Entries delivered and not yet acknowledged; -1: not known",
               real(stats_.partitions[p].pending.value()), partition);
  }
  page.counter("redis_entries_total", "Entries read", real(stats_.entries.value()));
  page.counter("redis_entries_again_total",
               "Entries read again: after a restart, of an owner before, of a strange consumer",
               real(stats_.entries_again.value()));
  page.counter("redis_entries_dead_total", "Entries that went to the dead-letter stream",
               real(stats_.entries_dead.value()));
  page.counter("redis_entries_deleted_total", "Entries deleted while they were pending",
               real(stats_.entries_deleted.value()));
  page.counter("redis_commits_total", "Transactions of rollups, checkpoint and acknowledgements",
               real(stats_.commits.value()));
  page.counter("redis_commits_refused_total", "Transactions that Redis refused; done again",
               real(stats_.commits_refused.value()));
  page.counter("redis_fenced_total", "Partitions found taken by another instance",
               real(stats_.fenced.value()));
  page.counter("redis_partition_restarts_total", "Partitions begun again at their checkpoint",
               real(stats_.restarts.value()));
  page.counter("redis_takeovers_total", "Partitions taken", real(stats_.takeovers.value()));
  page.gauge("redis_instances", "Instances of the group", real(std::uint64_t{group_.members()}));
  page.histogram("redis_commit_seconds", "A transaction's time", stats_.commit_time);
  page.gauge("batch_size", "Points a batch, mean since the start", real(stats_.batch.value()),
             {{"stage", "redis"}});
}

}  // namespace slipstream
