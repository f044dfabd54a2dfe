#include "app/hub_component.h"

#include <fmt/format.h>

#include <future>

#include "app/api.h"
#include "base/check.h"
#include "base/json_text.h"
#include "broadcast/stored_events.h"
#include "model/tags.h"
#include "net/http_server.h"
#include "ops/logging.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kHubCloseLimit{1'500};

WindowNames window_names(const Config& config) {
  WindowNames names;
  for (const auto& window : config.windows) {
    (window.stored ? names.stored : names.unstored).push_back(window.name);
  }
  return names;
}

HubOptions hub_options(const Config& config, const Clock& clock) {
  return {.fanout = {.delivery = {.max_sample_bytes = config.server.max_ws_buffer_bytes,
                                  .max_event_bytes = config.broadcast.max_event_bytes,
                                  .batches = config.broadcast.io_uring},
                     .batch = {.batch_points = config.broadcast.batch_points,
                               .max_batch_points = config.broadcast.batch_max_points,
                               .batch_max_ms = config.broadcast.batch_max_ms,
                               .batch_min_ms = config.broadcast.batch_min_ms}},
          .ring_points = config.broadcast.ring_size,
          .told_offset_ms = config.clocks.told_offset_ms,
          .foxglove = {.session_id = fmt::format("{:x}", clock.now().ns),
                       .max_sample_bytes = config.server.max_ws_buffer_bytes,
                       .max_event_bytes = config.broadcast.max_event_bytes}};
}

}  // namespace

Result<std::unique_ptr<HubComponent>> HubComponent::open(const Basics& basics,
                                                         const RollupStore& store, IoThread& io,
                                                         IoThread& queries) {
  const auto newest = store.newest();
  if (!newest) return std::unexpected(newest.error());
  std::unique_ptr<HubComponent> component(new HubComponent(basics, store, io, queries));
  component->hub_.begin_rollups(*newest);
  const auto newest_mark = store.newest_mark();
  if (!newest_mark) return std::unexpected(newest_mark.error());
  component->hub_.begin_events(Channel::kMarks, *newest_mark);
  const auto newest_lap = store.newest_lap();
  if (!newest_lap) return std::unexpected(newest_lap.error());
  component->hub_.begin_events(Channel::kLaps, *newest_lap);
  return component;
}

HubComponent::HubComponent(const Basics& basics, const RollupStore& store, IoThread& io,
                           IoThread& queries)
    : basics_(basics),
      store_(store),
      io_(io),
      queries_(queries),
      hub_(io, hub_options(basics.config, basics.clock), basics.clock, basics.pool,
           fanout_parts()) {}

std::vector<std::string> HubComponent::identity_members(const SchemaOptions& schema) {
  std::vector<std::string> members = {schema.time, schema.track,  schema.chassis,
                                      schema.lap,  schema.sector, std::string(tags::kMember)};
  if (!schema.sequence.empty()) members.push_back(schema.sequence);
  return members;
}

FanoutParts HubComponent::fanout_parts() {
  return {.fields = basics_.schema.fields(),
          .windows = window_names(basics_.config),
          .identity = identity_members(basics_.config.schema),
          .read_rollups =
              [this](StoredRollupsQuery query, StoredRollupsTaker taker) {
                read_rollups(std::move(query), std::move(taker));
              },
          .read_events =
              [this](Channel channel, const StoredEventsQuery& query, StoredEventsTaker taker) {
                read_events(channel, query, std::move(taker));
              },
          .publish =
              [this](PublishRequest request, PublishAnswered answered) {
                publish(std::move(request), std::move(answered));
              },
          .warn = [](const std::string& message) { log_warn(message); }};
}

void HubComponent::read_rollups(StoredRollupsQuery query, StoredRollupsTaker taker) {
  queries_.post([this, query = std::move(query), taker = std::move(taker)] {
    io_.post([taker, page = store_.read_stored(query)] { taker(page); });
  });
}

void HubComponent::read_events(Channel channel, const StoredEventsQuery& query,
                               StoredEventsTaker taker) {
  queries_.post([this, channel, query, taker = std::move(taker)] {
    auto page = stored_events_of(channel, query);
    io_.post([taker, page = std::move(page)] { taker(page); });
  });
}

Result<StoredEvents> HubComponent::stored_events_of(Channel channel,
                                                    const StoredEventsQuery& query) const {
  if (channel == Channel::kMarks) return events_of(store_.read_stored_marks(query));
  if (channel == Channel::kLaps) return events_of(store_.read_stored_laps(query));
  CHECK(channel == Channel::kAlerts, "a channel's events are read where they are stored");
  return events_of(store_.read_stored_alerts(query));
}

void HubComponent::publish(PublishRequest published, PublishAnswered answered) {
  CHECK(ingest_ != nullptr, "clients are served only when all that they may ask for is there");
  IngestRequest request{.source = SourceKind::kWebSocket,
                        .body = std::move(published.points),
                        .address = published.opener.address,
                        .key = std::move(published.key),
                        .traceparent = std::move(published.traceparent)};
  request.body.reserve(request.body.size() + HttpRequest::kBodyPadding);
  // The connection's token speaks for all that comes over it.
  const Access& access = published.opener.access;
  if (!access.allows(Scope::kWrite)) {
    request.denied = access.token.empty() ? Denial::kNoToken : Denial::kWrongScope;
  }
  ingest_->submit(
      std::move(request), [&io = io_, answered = std::move(answered)](IngestAnswer outcome) {
        PublishAnswer answer{.refusal = outcome.refusal, .body = std::move(outcome.body)};
        if (!answer.refusal.empty()) answer.body = std::move(outcome.why);
        io.post([answered, answer = std::move(answer)] { answered(answer); });
      });
}

void HubComponent::start() {
  io_.every(std::chrono::seconds(1), [this] { tell_clocks_off(); });
}

void HubComponent::tell_clocks_off() {
  const ClocksOff off = clocks_off();
  if (!reminder_.is_due(off.machines > 0, basics_.clock.steady())) return;
  log_warn(off.to_sentence(basics_.config.clocks.told_offset_ms));
}

bool HubComponent::stop() {
  auto closed = std::make_shared<std::promise<void>>();
  io_.post([this, closed] { hub_.close(kHubCloseLimit, [closed] { closed->set_value(); }); });
  closed->get_future().wait_for(kHubCloseLimit * 2);
  return true;
}

void HubComponent::routes(HttpServer& http) {
  add_live_routes(http, hub_, basics_.clock, basics_.config.server.ws_path);
}

void HubComponent::health(HealthPage& page) const {
  const auto& stats = hub_.stats();
  append_json_string(page.member("wsPath"), basics_.config.server.ws_path);
  auto backpressure = page.object("backpressure");
  backpressure.key("skippedShare") +=
      fmt::format("{:.3f}", static_cast<double>(stats.clients_skipped_permille.value()) / 1'000);
  backpressure.number("messagesSkipped", stats.skipped());
  backpressure.number("clientsTooFarBehind", stats.clients_too_far_behind.value());
  backpressure.number("pointsNotBroadcast", stats.points_dropped.value());
  const ClocksOff off = clocks_off();
  const std::int64_t told_offset_ms = basics_.config.clocks.told_offset_ms;
  if (off.machines > 0) page.notice(off.to_sentence(told_offset_ms));
  auto clocks = page.object("clocks");
  clocks.number("toldOffsetMs", told_offset_ms);
  clocks.number("off", off.machines);
  std::string& furthest = clocks.key("furthest");
  furthest += '[';
  for (const auto& machine : off.furthest) {
    if (&machine != off.furthest.data()) furthest += ',';
    ObjectWriter object(furthest);
    object.text("track", machine.track);
    object.text("chassis", machine.chassis);
    object.number("offsetMs", machine.offset_ms);
  }
  furthest += ']';
}

void HubComponent::metrics(MetricsPage& page) const {
  const auto& hub = hub_.stats();
  page.gauge("ws_clients", "WebSocket clients", real(hub.clients.value()));
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    page.counter("ws_messages_sent_total", "Messages handed to clients",
                 real(hub.messages_sent[c].value()), {{"channel", std::string(kChannelNames[c])}});
  }
  for (std::size_t p = 0; p < kPolicyCount; ++p) {
    page.counter("ws_messages_skipped_total", "Messages a slow client did not get",
                 real(hub.messages_skipped[p].value()), {{"policy", std::string(kPolicyNames[p])}});
  }
  page.gauge("foxglove_clients", "WebSocket clients of /foxglove",
             real(hub.foxglove_clients.value()));
  page.counter("foxglove_messages_sent_total", "Messages handed to clients of /foxglove",
               real(hub.foxglove_sent.value()));
  page.counter("foxglove_messages_skipped_total", "Messages a slow client of /foxglove did not get",
               real(hub.foxglove_skipped.value()));
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
  page.gauge("clocks_off", "Machines whose clock is off by more than CLOCK_TOLD_OFFSET_MS",
             real(clocks_off().machines));
  page.counter("broadcast_rollups_dropped_total",
               "Unstored rollups not broadcast: the hub's queue was full",
               real(hub.rollups_dropped.value()));
  page.counter("broadcast_points_total", "Points broadcast", real(hub.points_broadcast.value()));
  page.counter("broadcast_points_dropped_total", "Points not broadcast: the hub's queue was full",
               real(hub.points_dropped.value()));
  page.histogram("ingest_to_broadcast_seconds", "From a point's receipt to its broadcast",
                 hub.ingest_to_broadcast);
}

void HubComponent::totals(Totals& totals) const {
  const auto& stats = hub_.stats();
  totals.broadcast += stats.points_broadcast.value();
  totals.skipped += stats.skipped();
  totals.clients += stats.clients.value();
  totals.ring_points += stats.ring_points.value();
}

}  // namespace slipstream
