#include "app/aggregates_component.h"

#include <fmt/format.h>

#include "ops/logging.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kAggregatesLimit{1'000};

}  // namespace

AggregatesComponent::AggregatesComponent(const Config& config, const Clock& clock,
                                         RedisComponent& redis, const RollupStore& store)
    : redis_(redis),
      outbox_(*store.outbox()),
      sink_(redis.servers(), outbox_, AggregateSink::Options{config.redis.stream_maxlen}, clock,
            [](const std::string& text) { log_warn(text); }) {}

void AggregatesComponent::start() {
  thread_ = std::make_unique<AgentThread>("redis-sink", sink_);
}

bool AggregatesComponent::stop() {
  redis_.hurry();
  thread_->stop(false);
  sink_.flush(kAggregatesLimit);
  return true;
}

void AggregatesComponent::health(HealthPage& page) const {
  const auto& waiting = outbox_.stats();
  const auto& stats = sink_.stats();
  if (stats.failing.value() != 0) {
    page.problem(ProblemArea::kRedis,
                 fmt::format("redis: {} streams of aggregates cannot be written, {} rollups "
                             "wait: {}",
                             stats.failing.value(), waiting.rollups.value(), sink_.last_error()));
  }
  auto object = page.object("redis.aggregates");
  object.number("failing", stats.failing.value());
  object.number("waitingRows", waiting.rows.value());
  object.number("waitingRollups", waiting.rollups.value());
  object.number("sent", stats.sent.value());
  object.number("repeated", stats.repeated.value());
  object.number("dropped", waiting.dropped.value());
  object.text("lastError", sink_.last_error());
}

void AggregatesComponent::metrics(MetricsPage& page) const {
  const auto& waiting = outbox_.stats();
  const auto& stats = sink_.stats();
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

}  // namespace slipstream
