#include "app/outputs_component.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "app/streams_setup.h"
#include "base/check.h"
#include "ops/logging.h"
#include "output/output_kinds.h"
#include "output/redis_aggregates.h"
#include "output/webhook.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kLastSendLimit{1'000};

/// As it was told before there were others: in `redis`, and under names of Redis's own.
void tell_aggregates(HealthPage& page, const OutboxSender& aggregates) {
  const auto& waiting = aggregates.waiting();
  const auto& stats = aggregates.stats();
  if (stats.failing.value() != 0) {
    page.problem(
        ProblemArea::kRedis,
        fmt::format("redis: {} streams of aggregates cannot be written, {} rollups wait: {}",
                    stats.failing.value(), waiting.rollups.value(), aggregates.last_error()));
  }
  auto object = page.object("redis.aggregates");
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

Result<std::unique_ptr<OutputsComponent>> OutputsComponent::make(const Config& config,
                                                                 RedisComponent& redis,
                                                                 const Clock& clock) {
  std::unique_ptr<OutputsComponent> outputs(new OutputsComponent(config.has_redis_log(), redis));
  if (redis.is_enabled()) {
    outputs->made_.push_back(
        std::make_unique<RedisAggregates>(redis.servers(), aggregates_destination(config),
                                          config.redis.stream_maxlen, outputs->own_rollups_));
  }
  for (const auto& settings : config.outputs) {
    auto sender = make_sender(output_kinds(), settings);
    if (!sender) {
      return fail(fmt::format("[[output]] {}: {}", settings.name, sender.error().message),
                  sender.error().code);
    }
    outputs->made_.push_back(std::move(*sender));
  }
  for (const auto& settings : config.webhooks) {
    auto webhook = Webhook::make(settings, clock);
    if (!webhook) {
      return fail(fmt::format("[[webhook]] {}: {}", settings.name, webhook.error().message),
                  webhook.error().code);
    }
    outputs->made_.push_back(std::move(*webhook));
  }
  return outputs;
}

std::vector<RollupDestination> OutputsComponent::destinations() const {
  std::vector<RollupDestination> destinations;
  for (const auto& sender : made_) destinations.push_back(sender->destination());
  return destinations;
}

void OutputsComponent::open(const RollupStore& store, const Clock& clock) {
  CHECK(senders_.empty(), "a destination has one sender");
  for (auto& sender : std::exchange(made_, {})) {
    RollupOutbox* const outbox = store.outbox()->of(sender->destination().name);
    CHECK(outbox != nullptr, "the store was opened for all destinations");
    // With the log elsewhere nothing comes to it but what a run before had with the embedded one.
    const bool is_used = !has_cluster_ || sender->destination().of_cluster;
    if (!is_used && outbox->shards().empty()) continue;
    senders_.push_back(std::make_unique<OutboxSender>(
        *outbox, std::move(sender), clock, [](const std::string& text) { log_warn(text); }));
  }
}

void OutputsComponent::start() {
  for (const auto& sender : senders_) {
    threads_.push_back(std::make_unique<AgentThread>(sender->name() + "-sink", *sender));
  }
}

bool OutputsComponent::stop() {
  if (redis_.is_enabled()) redis_.hurry();
  CHECK(threads_.size() == senders_.size(), "every sender that runs has a thread to be stopped");
  std::vector<std::jthread> last;
  for (std::size_t i = 0; i < senders_.size(); ++i) {
    last.emplace_back([this, i] {
      threads_[i]->stop(false);
      senders_[i]->flush(kLastSendLimit);
    });
  }
  return true;
}

const OutboxSender* OutputsComponent::of(std::string_view destination) const {
  const auto found = std::ranges::find(
      senders_, destination, [](const auto& sender) -> std::string_view { return sender->name(); });
  return found == senders_.end() ? nullptr : found->get();
}

void OutputsComponent::health(HealthPage& page) const {
  if (const auto* const aggregates = of(kAggregatesOutput)) tell_aggregates(page, *aggregates);
  std::string& list = page.member("outputs");
  list += '[';
  for (const auto& sender : senders_) {
    if (sender != senders_.front()) list += ',';
    ObjectWriter object(list);
    object.text("destination", sender->name());
    object.number("failing", sender->stats().failing.value());
    object.number("waitingRows", sender->waiting().rows.value());
    object.number("waitingRollups", sender->waiting().rollups.value());
    object.number("sent", sender->stats().sent.value());
    object.number("repeated", sender->stats().repeated.value());
    object.number("dropped", sender->waiting().dropped.value());
    object.number("expired", sender->stats().expired.value());
    object.text("lastError", sender->last_error());
    if (sender->name() == kAggregatesOutput || sender->stats().failing.value() == 0) continue;
    page.problem(ProblemArea::kOther,
                 fmt::format("destination {}: it cannot be written, {} wait: {}", sender->name(),
                             sender->waiting().rollups.value(), sender->last_error()));
  }
  list += ']';
}

void OutputsComponent::metrics(MetricsPage& page) const {
  if (const auto* const aggregates = of(kAggregatesOutput)) add_aggregates(page, *aggregates);
  for (const auto& sender : senders_) {
    const Labels labels = {{"destination", sender->name()}};
    const auto& waiting = sender->waiting();
    const auto& stats = sender->stats();
    page.gauge("output_waiting_rollups", "Rollups, or alerts, that wait for a destination",
               real(waiting.rollups.value()), labels);
    page.gauge("output_waiting_rows", "Rows of the outbox that they are in",
               real(waiting.rows.value()), labels);
    page.counter("output_dropped_total", "Those that gave way to newer ones, unsent",
                 real(waiting.dropped.value()), labels);
    page.counter("output_expired_total", "Alerts dropped, since they waited for too long",
                 real(stats.expired.value()), labels);
    page.counter("output_sent_total", "Rollups, or alerts, that a destination has got",
                 real(stats.sent.value()), labels);
    page.counter("output_repeated_total", "Those sent again that it had already",
                 real(stats.repeated.value()), labels);
    page.counter("output_failures_total", "Tries to send that failed", real(stats.failures.value()),
                 labels);
    page.gauge("output_failing", "Its shards that cannot be sent", real(stats.failing.value()),
               labels);
    page.histogram("output_send_seconds", "Rows' way to a destination and back", stats.send,
                   labels);
  }
}

const OwnRollups* OutputsComponent::own_rollups() const {
  return of(kAggregatesOutput) == nullptr ? nullptr : &own_rollups_;
}

}  // namespace slipstream
