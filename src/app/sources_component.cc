#include "app/sources_component.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/access_setup.h"
#include "app/api.h"
#include "app/influx_routes.h"
#include "app/marks_route.h"
#include "app/relay_setup.h"
#include "codec/decoders.h"
#include "net/address_list.h"
#include "net/http_server.h"
#include "ops/logging.h"
#include "ops/udp_settings.h"

namespace slipstream {
namespace {

std::string time_hint(const TimeHints::Hint& hint, std::string_view source,
                      const std::string& time) {
  const auto begin = fmt::format(
      "points by {} come without '{}', and get the time of their arrival: their member "
      "'{}' ",
      source, time, hint.member);
  if (hint.kind == TimeHints::Kind::kIsEarly) {
    return begin + "would be a time before 2000, and is taken as a field";
  }
  return begin +
         fmt::format("looks like one. [schema] time = \"{}\" (SCHEMA_TIME) takes it", hint.member);
}

void log_rejection(const RejectionReport& report) {
  log_warn("point refused", {{"source", std::string(report.source)},
                             {"address", std::string(report.address)},
                             {"reason", std::string(to_string(report.rejection.reason))},
                             {"why", report.rejection.message},
                             {"sample", printable_sample(report.sample)},
                             {"not_logged", std::to_string(report.suppressed)}});
}

void log_left_out(const LeftOutReport& report) {
  log_warn(
      "points refused that are not logged one by one",
      {{"refused", std::to_string(report.refusals)},
       {"addresses", fmt::format("{}{}", report.are_more ? "more than " : "", report.addresses)}});
}

Durability durability_named(std::string_view name) {
  return name == "received"     ? Durability::kReceived
         : name == "logged"     ? Durability::kLogged
         : name == "replicated" ? Durability::kReplicated
                                : Durability::kFsynced;
}

IngestServiceOptions service_options(const Config& config, Tracer* tracer) {
  return {.points_per_second_per_address = config.server.http_points_per_second,
          .max_body_bytes = config.server.max_body_bytes,
          .durability = durability_named(config.durability.level),
          .max_points_bytes = config.durability.max_backlog_bytes,
          .has_replicas = config.has_redis_log(),
          .tracer = tracer};
}

}  // namespace

Result<std::unique_ptr<SourcesComponent>> SourcesComponent::open(
    const Basics& basics, IoThread& io, PointSink& sink, const Gauge& viewers,
    const std::vector<AnsweredKey>& keys) {
  std::unique_ptr<SourcesComponent> component(new SourcesComponent(basics, io, sink, viewers));
  for (const auto& key : keys) component->ingest_service_.remember(key);
  for (const auto& source : basics.config.udp) {
    if (!source.enabled) continue;
    if (auto opened = component->open_udp(source); !opened) {
      return std::unexpected(opened.error());
    }
  }
  if (auto good = component->check_relays_of_udp(); !good) return std::unexpected(good.error());
  return component;
}

SourcesComponent::SourcesComponent(const Basics& basics, IoThread& io, PointSink& sink,
                                   const Gauge& viewers)
    : basics_(basics),
      io_(io),
      sink_(sink),
      viewers_(basics.config.has_redis_log() ? elsewhere_ : viewers),
      rejection_log_({.refused = log_rejection, .left_out = log_left_out},
                     basics.ingest.errors_not_logged),
      fields_left_out_(basics.ingest, basics.schema.fields()),
      ingest_service_(service_options(basics.config, basics.tracer), basics.schema, basics.ingest,
                      basics.clock, sink, basics.pool, rejection_log_) {
  elsewhere_.set(1);
  read_formats();
}

void SourcesComponent::read_formats() {
  for (const auto& format : basics_.config.formats) {
    if (format_named(format.name) != nullptr) continue;
    auto all = std::make_shared<PackedFormats>();
    for (const auto& other : basics_.config.formats) {
      if (other.name == format.name) all->push_back(other);
    }
    formats_.push_back(decoder_of_formats(std::move(all)));
  }
}

const DecoderKind* SourcesComponent::format_named(std::string_view name) const {
  const auto found = std::ranges::find(formats_, name, &DecoderKind::name);
  return found == formats_.end() ? nullptr : &*found;
}

Result<void> SourcesComponent::open_udp(const Config::UdpSource& settings) {
  const DecoderKind* const format = format_named(settings.decoder);
  if (format == nullptr && find_decoder(settings.decoder) == nullptr) {
    return fail(
        fmt::format("UDP port {}: there is no decoder '{}'", settings.port, settings.decoder));
  }
  auto allow = AddressList::parse(settings.allow);
  if (!allow) return std::unexpected(allow.error());
  auto sockets = UdpSocket::open_several({.host = settings.host,
                                          .port = settings.port,
                                          .receive_buffer_bytes = settings.receive_buffer_bytes},
                                         settings.receivers.value_or(1));
  if (!sockets) return std::unexpected(sockets.error());
  for (const auto& warning : sockets->front().warnings()) log_warn(warning);
  auto relay = open_relay(settings);
  if (!relay) return std::unexpected(relay.error());
  for (std::size_t n = 0; n < relay->size(); ++n) look_for(settings, *(*relay)[n], n);
  udp_.push_back(std::make_unique<UdpSource>(
      std::move(*sockets),
      UdpSourceOptions{.host = settings.host,
                       .allow = std::move(*allow),
                       .points_per_second_per_address = settings.points_per_second,
                       .decoder = settings.decoder,
                       .format = format},
      UdpSource::Borrowed{.schema = basics_.schema,
                          .ingest = basics_.ingest,
                          .clock = basics_.clock,
                          .sink = sink_,
                          .pool = basics_.pool,
                          .rejection_log = rejection_log_,
                          .viewers = viewers_,
                          .tracer = basics_.tracer},
      settings.decode_helpers.value_or(0), std::move(*relay)));
  return {};
}

/// A target whose host is not known yet. The ports that it must not be are known by then.
void SourcesComponent::look_for(const Config::UdpSource& settings, RelayTarget& target,
                                std::size_t number) {
  if (target.endpoint()) return;
  const auto source = static_cast<std::size_t>(&settings - basics_.config.udp.data());
  log_warn(fmt::format(
      "{}[[udp.forward]] to = \"{}\": {}. Nothing is sent there until its name is known",
      basics_.config.before(forward_called(udp_section(source), number)), target.to(),
      target.trouble(basics_.clock.steady())));
  late_names_.add([this, &target] {
    if (!look_again(target, own_ports_)) return false;
    log_info("what UDP brings is sent on from now on: the name is known", {{"to", target.to()}});
    return true;
  });
}

/// Once all ports are known, also those that were free ones.
Result<void> SourcesComponent::check_relays_of_udp() {
  auto& own = own_ports_;
  for (const auto& source : udp_) own.push_back({source->host(), source->port()});
  for (const auto& console : basics_.config.gt7) own.push_back({{}, console.port});
  for (const auto& source : udp_) {
    for (const auto& target : source->relay()) {
      if (auto good = check_no_loop(*target, own); !good) return good;
    }
  }
  return {};
}

/// Unlike HTTP it is open as it comes: what sends by UDP is another machine.
void SourcesComponent::tell_open_udp() const {
  std::string ports;
  for (const auto& source : udp_) {
    if (is_loopback(source->host())) continue;
    ports += fmt::format("{}{}", ports.empty() ? "" : ", ", source->port());
  }
  if (ports.empty()) return;
  log_info(
      "UDP takes points from other machines, as games and cars send them: UDP_HOST=127.0.0.1 "
      "closes it, UDP_ALLOW names who may",
      {{"port", ports}});
}

void SourcesComponent::start() {
  tell_open_udp();
  io_.every(std::chrono::seconds(1), [this] { tell_left_out(); });
  ingest_thread_ = std::make_unique<AgentThread>("http-ingest", ingest_service_);
  UdpSource::ThreadNumbers numbers;
  for (auto& source : udp_) source->start(numbers);
  late_names_.start();
}

void SourcesComponent::tell_left_out() {
  const SteadyTime now = basics_.clock.steady();
  rejection_log_.tell(now);
  if (const auto sentence = fields_left_out_.look(now)) log_warn(*sentence);
  for (std::size_t i = 0; i < kSourceKindCount; ++i) {
    if (const auto hint = basics_.ingest.time_hints.take(static_cast<SourceKind>(i))) {
      log_warn(time_hint(*hint, kSourceNames[i], basics_.config.schema.time));
    }
  }
}

bool SourcesComponent::stop() {
  late_names_.stop();
  for (auto& source : udp_) source->stop();
  ingest_service_.close();
  ingest_thread_->stop(true);
  rejection_log_.finish();
  return true;
}

void SourcesComponent::routes(HttpServer& http) {
  add_ingest_routes(http, ingest_service_);
  add_influx_routes(http, ingest_service_);
  add_mark_ingest_route(http, ingest_service_);
}

void SourcesComponent::append_udp(std::string& out) const {
  out += '[';
  for (const auto& source : udp_) {
    if (&source != &udp_.front()) out += ',';
    ObjectWriter object(out);
    object.text("host", source->host());
    object.number("port", source->port());
    object.text("decoder", source->decoder());
    object.number("datagrams", source->stats().datagrams.value());
    object.number("points", source->stats().points.value());
    object.number("kernelDrops", source->stats().kernel_drops.value());
    object.number("receiveBufferBytes", source->receive_buffer_bytes());
    object.number("receivers", source->receivers().size());
    object.number("decodeHelpers", source->helpers());
    object.number("helpedDatagrams", source->stats().helped_datagrams.value());
    if (!source->relay().empty()) append_relay(object.key("forward"), source->relay());
  }
  out += ']';
}

void SourcesComponent::append_source(std::string& out, SourceKind kind) const {
  const auto& source = basics_.ingest.of(kind);
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
  object.flag("enabled", !udp_.empty());
  if (udp_.empty()) return;
  object.number("port", udp_.front()->port());
  object.number("datagrams", basics_.ingest.udp_datagrams.value());
  object.number("kernelDrops", basics_.ingest.udp_kernel_drops.value());
  object.number("receiveBufferBytes", udp_.front()->receive_buffer_bytes());
  append_udp(object.key("sockets"));
}

void SourcesComponent::health(HealthPage& page) const {
  for (const auto& source : udp_) {
    tell_relay_trouble(page, source->port(), source->relay(), basics_.clock.steady());
  }
  auto object = page.object("sources");
  append_source(object.key("udp"), SourceKind::kUdp);
  append_source(object.key("http"), SourceKind::kHttp);
  append_source(object.key("ws"), SourceKind::kWebSocket);
  if (reads_streams()) append_source(object.key("redis"), SourceKind::kRedis);
  append_games(object.key("games"));
  {
    ObjectWriter marks(object.key("marks"));
    marks.number("taken", basics_.ingest.marks.value());
    marks.number("refused", basics_.ingest.marks_refused.value());
  }
  ObjectWriter sequence(object.key("sequence"));
  sequence.text("member", basics_.config.schema.sequence);
  sequence.number("missing", basics_.ingest.sequence_missing.value());
  sequence.number("repeats", basics_.ingest.sequence_repeats.value());
}

void SourcesComponent::append_games(std::string& out) const {
  ObjectWriter games(out);
  for (const auto& row : kGameStats) {
    games.number(row.member, (basics_.ingest.games.*row.counter).value());
  }
}

void SourcesComponent::metrics(MetricsPage& page) const {
  for (const auto kind :
       {SourceKind::kUdp, SourceKind::kHttp, SourceKind::kWebSocket, SourceKind::kRedis}) {
    if (kind == SourceKind::kRedis && !reads_streams()) continue;
    const auto& source = basics_.ingest.of(kind);
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
  const auto& ingest = basics_.ingest;
  page.counter("udp_datagrams_total", "Datagrams received", real(ingest.udp_datagrams.value()));
  page.counter("udp_kernel_drops_total",
               "Datagrams the kernel dropped: the socket's buffer was full",
               real(ingest.udp_kernel_drops.value()));
  for (const auto& source : udp_) {
    const Labels socket = {{"host", source->host()},
                           {"port", std::to_string(source->port())},
                           {"decoder", source->decoder()}};
    page.counter("udp_socket_datagrams_total", "Datagrams received, by socket",
                 real(source->stats().datagrams.value()), socket);
    page.counter("udp_socket_points_total", "Points that arrived, valid or not, by socket",
                 real(source->stats().points.value()), socket);
    page.counter("udp_socket_helped_datagrams_total",
                 "Datagrams that helpers decoded: a receiver could not keep up",
                 real(source->stats().helped_datagrams.value()), socket);
    page.counter("udp_socket_kernel_drops_total", "Datagrams the kernel dropped, by socket",
                 real(source->stats().kernel_drops.value()), socket);
    add_relay_metrics(page, socket, source->relay());
  }
  for (const auto& row : kGameStats) {
    page.counter("games_left_out_total",
                 "What games sent that is in no point: datagrams, frames (without_lap, waiting) or "
                 "marks, by reason",
                 real((ingest.games.*row.counter).value()), {{"reason", std::string(row.reason)}});
  }
  page.counter("marks_taken_total", "Marks that have got their place in the log",
               real(ingest.marks.value()));
  page.counter("marks_refused_total",
               "Marks refused: for what they said, for want of room, or since Redis is the log",
               real(ingest.marks_refused.value()));
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

void SourcesComponent::totals(Totals& totals) const {
  for (const auto& source : basics_.ingest.sources) {
    totals.received += source.received.value();
    totals.accepted += source.accepted.value();
    for (const auto& reason : source.rejected) totals.rejected += reason.value();
  }
  totals.kernel_drops += basics_.ingest.udp_kernel_drops.value();
}

}  // namespace slipstream
