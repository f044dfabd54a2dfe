#include "app/redis_component.h"

#include <fmt/format.h>

#include "redis/address.h"

namespace slipstream {
namespace {

void append_connections(std::string& out, const std::vector<RedisConnectionState>& states) {
  out += '[';
  bool is_first = true;
  for (const auto& state : states) {
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

}  // namespace

Result<std::unique_ptr<RedisComponent>> RedisComponent::open(const Config& config,
                                                             const Clock& clock) {
  const auto& redis = config.redis;
  std::unique_ptr<RedisComponent> component(new RedisComponent);
  if (redis.url.empty()) return component;
  auto seeds = parse_redis_urls(redis.url);
  if (!seeds) return std::unexpected(seeds.error());
  component->servers_ = std::make_unique<RedisServers>(
      RedisServersOptions{.seeds = std::move(*seeds),
                          .connection = {.name = "slipstream",
                                         .tls = {.ca_file = redis.ca_file,
                                                 .certificate_file = redis.certificate_file,
                                                 .key_file = redis.key_file}},
                          .breaker = {},
                          .pool_size = redis.pool},
      clock);
  return component;
}

void RedisComponent::health(HealthPage& page) const {
  page.member("redis.enabled") = is_enabled() ? "true" : "false";
  if (!is_enabled()) return;
  const auto states = servers_->states();
  page.member("redis.cluster") = servers_->is_cluster() ? "true" : "false";
  append_connections(page.member("redis.connections"), states);
  for (const auto& state : states) {
    if (!state.is_needed || state.connected > 0 || state.failures == 0) continue;
    page.problem(ProblemArea::kRedis,
                 fmt::format("redis: {} ({}) does not answer, breaker {}: {}", state.node,
                             state.name, to_text(state.breaker), state.last_error));
  }
}

void RedisComponent::metrics(MetricsPage& page) const {
  if (!is_enabled()) return;
  add_commands(page, servers_->stats());
  for (const auto& state : servers_->states()) {
    const double value = state.breaker == CircuitBreaker::State::kOpen       ? 2
                         : state.breaker == CircuitBreaker::State::kHalfOpen ? 1
                                                                             : 0;
    page.gauge("circuit_state", "Of a connection's breaker: 0 closed, 1 half open, 2 open", value,
               {{"target", state.node + " " + state.name}});
  }
}

}  // namespace slipstream
