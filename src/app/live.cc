#include "app/live.h"

#include "app/health.h"
#include "ops/logging.h"

namespace slipstream {
namespace {

WindowNames window_names(const Config& config) {
  WindowNames names;
  for (const auto& window : config.windows) {
    (window.stored ? names.stored : names.unstored).push_back(window.name);
  }
  return names;
}

std::vector<std::string> identity_members(const SchemaOptions& schema) {
  std::vector<std::string> members = {schema.time, schema.track, schema.chassis, schema.lap,
                                      schema.sector};
  if (!schema.sequence.empty()) members.push_back(schema.sequence);
  return members;
}

void read_rollups(Parts& parts, StoredRollupsQuery query, StoredRollupsTaker taker) {
  parts.queries.post([&parts, query = std::move(query), taker = std::move(taker)] {
    parts.io.post([taker, page = parts.store->read_stored(query)] { taker(page); });
  });
}

void publish(Parts& parts, PublishRequest published, PublishAnswered answered) {
  IngestRequest request{.source = SourceKind::kWebSocket,
                        .body = std::move(published.points),
                        .address = published.opener.address,
                        .key = std::move(published.key)};
  request.body.reserve(request.body.size() + HttpRequest::kBodyPadding);
  // The connection's token speaks for all that comes over it.
  const Access& access = published.opener.access;
  if (!access.allows(Scope::kWrite)) {
    request.denied = access.token.empty() ? Denial::kNoToken : Denial::kWrongScope;
  }
  parts.ingest_service->submit(
      std::move(request), [&parts, answered = std::move(answered)](IngestAnswer outcome) {
        PublishAnswer answer{.refusal = outcome.refusal, .body = std::move(outcome.body)};
        if (!answer.refusal.empty()) answer.body = std::move(outcome.why);
        parts.io.post([answered, answer = std::move(answer)] { answered(answer); });
      });
}

}  // namespace

FanoutParts fanout_parts(Parts& parts) {
  return {.fields = parts.schema.fields(),
          .windows = window_names(parts.config),
          .identity = identity_members(parts.config.schema),
          .read_rollups =
              [&parts](StoredRollupsQuery query, StoredRollupsTaker taker) {
                read_rollups(parts, std::move(query), std::move(taker));
              },
          .publish =
              [&parts](PublishRequest request, PublishAnswered answered) {
                publish(parts, std::move(request), std::move(answered));
              },
          .warn = [](const std::string& message) { log_warn(message); }};
}

std::function<std::unique_ptr<PointObserver>(std::uint32_t partition)> observer_factory(
    Parts& parts) {
  return [&parts](std::uint32_t partition) {
    return std::make_unique<FieldAnalyzer>(
        partition, *parts.insights,
        FieldAnalyzerOptions{.batch_ms = parts.config.broadcast.batch_ms});
  };
}

HubOptions hub_options(const Config& config) {
  return {.fanout = {.delivery = {.max_sample_bytes = config.server.max_ws_buffer_bytes,
                                  .max_event_bytes = config.broadcast.max_event_bytes},
                     .batch = {.batch_points = config.broadcast.batch_points,
                               .max_batch_points = config.broadcast.batch_max_points,
                               .batch_max_ms = config.broadcast.batch_max_ms,
                               .batch_min_ms = config.broadcast.batch_min_ms}},
          .ring_points = config.broadcast.ring_size};
}

std::string system_message(const Parts& parts, const Rates& rates) {
  return R"({"type":"system_update","data":)" +
         health_json(parts, rates, health_problems(parts), HealthForm::kNumbers) + '}';
}

}  // namespace slipstream
