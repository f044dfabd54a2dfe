#include "app/stream_log_component.h"

#include <fmt/format.h>

#include "ops/logging.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kAppenderLimit{1'500};

}  // namespace

StreamLogComponent::StreamLogComponent(const Basics& basics, RedisComponent& redis,
                                       const StreamOptions& options, PointSink& live)
    : redis_(redis),
      appender_(
          redis.servers(),
          StreamAppenderOptions{.names = options.names,
                                .instance = options.instance,
                                .flush_interval_ms = basics.config.durability.flush_interval_ms,
                                .max_backlog_bytes = basics.config.durability.max_backlog_bytes,
                                .wait_replicas = basics.config.redis.wait_replicas},
          live, basics.pool, basics.ingest, basics.clock,
          [](const std::string& text) { log_warn(text); }) {}

void StreamLogComponent::start() {
  thread_ = std::make_unique<AgentThread>("stream-log", appender_);
}

bool StreamLogComponent::stop() {
  redis_.hurry();
  thread_->stop(false);
  return appender_.flush(std::chrono::steady_clock::now() + kAppenderLimit);
}

void StreamLogComponent::health(HealthPage& page) const {
  const auto& stats = appender_.stats();
  if (stats.failing.value() != 0) {
    page.problem(ProblemArea::kRedis,
                 fmt::format("redis: {} streams cannot be written, {} bytes of points wait",
                             stats.failing.value(), stats.backlog_bytes.value()));
  }
  auto log = page.object("redis.log");
  log.number("failing", stats.failing.value());
  log.number("backlogBytes", stats.backlog_bytes.value());
  log.number("entries", stats.entries.value());
  log.number("points", stats.points.value());
  log.number("retries", stats.retries.value());
  log.number("lost", stats.lost.value());
}

void StreamLogComponent::metrics(MetricsPage& page) const {
  const auto& stats = appender_.stats();
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
