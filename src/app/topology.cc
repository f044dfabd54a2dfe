#include "app/topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <limits>

#include "app/access_setup.h"
#include "app/api.h"
#include "app/dead_letters.h"
#include "app/health.h"
#include "app/live.h"
#include "app/streams_setup.h"
#include "base/check.h"
#include "base/descriptors.h"
#include "codec/decoders.h"
#include "net/address_list.h"
#include "net/tls_context.h"
#include "ops/logging.h"
#include "store/schema_sql.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kInsightPollInterval{50};
constexpr std::chrono::seconds kHeapInterval{10};
constexpr std::chrono::milliseconds kHubCloseLimit{1'500};
constexpr std::chrono::milliseconds kAppenderLimit{1'500};
constexpr std::chrono::milliseconds kLastConnectLimit{300};  ///< to Redis, at the stop
constexpr std::size_t kLastReceiveRounds = 256;  ///< datagrams that the kernel holds at the stop

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

void warn(const std::string& message) {
  log_warn(message);
}

Durability durability_named(std::string_view name) {
  return name == "received"     ? Durability::kReceived
         : name == "logged"     ? Durability::kLogged
         : name == "replicated" ? Durability::kReplicated
                                : Durability::kFsynced;
}

}  // namespace

Topology::Topology(Config config) : parts_(std::make_unique<Parts>(std::move(config))) {}

Topology::~Topology() {
  stop();
}

Result<std::unique_ptr<Topology>> Topology::start(Config config, const RecoveryProgress& progress) {
  std::unique_ptr<Topology> topology(new Topology(std::move(config)));
  auto budget = plan_connections(topology->parts_->config, descriptor_limit());
  if (!budget) return std::unexpected(budget.error());
  topology->parts_->budget = *budget;
  Result<void> built = topology->build_store();
  if (built) built = topology->build_pipeline(progress);
  if (built) built = topology->build_sources();
  if (!built) return std::unexpected(topology->with_advice(built.error()));
  topology->start_threads();
  topology->start_timers();
  topology->parts_->ready.store(true);
  return topology;
}

/// Damage of the store that shows only when it is read.
Error Topology::with_advice(Error error) const {
  const Parts& p = *parts_;
  if (p.store && p.store->damage() && error.code == ErrorCode::kCorrupt) {
    error.message = fmt::format("{}: {}: {}", (p.config.store.data_dir / kStoreFile).string(),
                                error.message, kStoreDamageAdvice);
  }
  return error;
}

Result<void> Topology::build_store() {
  Parts& p = *parts_;
  const Config& config = p.config;
  auto sectors = TrackSectors::open(config.racing.track_sectors_path.string());
  if (!sectors) return std::unexpected(sectors.error());
  p.sectors = std::move(*sectors);

  // Without its name on the disk all that is synced in it is lost with the power.
  if (auto made = p.files.make_directories(config.store.data_dir); !made) return made;
  auto lock = DataLock::take(config.store.data_dir);
  if (!lock) return std::unexpected(lock.error());
  p.lock = std::move(*lock);
  if (auto built = build_redis(p); !built) return built;
  auto outputs = Outputs::make(config, p.redis.get());
  if (!outputs) return std::unexpected(outputs.error());
  p.outputs = std::move(*outputs);
  auto store = RollupStore::open(config.store.data_dir,
                                 {.retention_hours = config.store.retention_hours,
                                  .retention_rollups = config.store.retention_rollups,
                                  .destinations = p.outputs->destinations()},
                                 p.schema.fields());
  if (!store) return std::unexpected(store.error());
  p.store = std::move(*store);
  p.outputs->open(*p.store, p.clock);
  p.memory = std::make_unique<RollupMemory>(p.schema.fields(), config.store.memory_rollups);
  p.hub = std::make_unique<Hub>(p.io, hub_options(config), p.clock, p.pool, fanout_parts(p));
  const auto newest = p.store->newest();
  if (!newest) return std::unexpected(newest.error());
  p.hub->begin_rollups(*newest);
  p.store_writer = std::make_unique<StoreWriter>(
      *p.store, std::vector<RollupSink*>{p.memory.get(), p.hub.get()}, p.clock, warn,
      StoreWriterOptions{.has_log = config.has_segment_log()});
  if (auto opened = open_log(p); !opened) return opened;
  p.data_watch.begin();

  auto stored = p.store->load();
  if (!stored) return std::unexpected(stored.error());
  p.store_writer->begin(
      [&p] {
        return p.config.has_segment_log() ? p.log->synced_offset()
                                          : std::numeric_limits<LogOffset>::max();
      },
      *stored);
  p.store_thread = std::make_unique<AgentThread>("store", *p.store_writer);
  return {};
}

Result<void> Topology::build_pipeline(const RecoveryProgress& progress) {
  Parts& p = *parts_;
  const Config& config = p.config;
  p.insights = std::make_unique<InsightJoiner>(config.broadcast.batch_ms);
  if (config.has_redis_log()) {
    build_live_pipeline();
  } else if (auto built = build_folding_pipeline(progress); !built) {
    return built;
  }

  const auto& durability = config.durability;
  p.journal = std::make_unique<Journal>(
      config.has_segment_log() ? p.log.get() : nullptr, p.queues(),
      Journal::Parts{
          .outputs = *p.store_writer,
          .sectors = *p.sectors,
          .schema = p.schema,
          .ingest = p.ingest,
          .clock = p.clock,
          .stats = p.pipeline_stats,
          .definitions = config.windows,
          .needed_from = [&p] { return p.log_needed_from(); },
          .dead = [&p](LogOffset base, std::string_view payload,
                       const std::string& why) { write_dead_letters(p, base, payload, why); }},
      JournalOptions{
          .flush_interval_ms = durability.flush_interval_ms,
          .flush_bytes = durability.flush_bytes,
          .max_backlog_bytes = durability.max_backlog_bytes,
          .block_bytes = std::min(4 * durability.flush_bytes, JournalOptions{}.block_bytes)},
      warn);
  if (config.has_segment_log()) {
    p.log_scan = std::make_unique<LogScan>(p.files, log_folder(config), *p.log, p.lost);
  }
  auto stored = p.store->load();
  if (!stored) return std::unexpected(stored.error());
  if (p.live_pipeline) {
    p.recovered_keys.insert(p.recovered_keys.begin(), stored->keys.begin(), stored->keys.end());
  }
  return build_streams(p, *stored);
}

/// For what streams bring the windows are theirs: here points are only shown.
void Topology::build_live_pipeline() {
  Parts& p = *parts_;
  const auto& pipeline = p.config.pipeline;
  p.live_pipeline = std::make_unique<LivePipeline>(
      LivePipeline::Options{
          .partitions = pipeline.partitions,
          .workers = pipeline.workers,
          .queue = {.items = pipeline.queue_batches, .bytes = pipeline.queue_bytes}},
      LiveParts{.clock = p.clock,
                .ingest = p.ingest,
                .stats = p.pipeline_stats,
                .schema = p.schema,
                .accepted = *p.hub,
                .max_series = pipeline.max_series},
      observer_factory(p));
}

Result<void> Topology::build_folding_pipeline(const RecoveryProgress& progress) {
  Parts& p = *parts_;
  const Config& config = p.config;
  const PartitionContext context{
      .clock = p.clock,
      .ingest = p.ingest,
      .stats = p.pipeline_stats,
      .schema = p.schema,
      .accepted = *p.hub,
      .outputs = *p.store_writer,
      .definitions = config.windows,
      .max_series = config.pipeline.max_series,
      .checkpoint_interval_ms =
          config.has_segment_log() ? config.durability.checkpoint_interval_ms : 0,
      .queue = {.items = config.pipeline.queue_batches, .bytes = config.pipeline.queue_bytes}};
  p.pipeline = std::make_unique<Pipeline>(
      PipelineOptions{.partitions = config.pipeline.partitions, .workers = config.pipeline.workers},
      context, observer_factory(p), config.has_segment_log() ? p.supervisor.get() : nullptr);
  auto recovered = recover(p, *p.pipeline, progress);
  if (!recovered) return std::unexpected(recovered.error());
  report(*recovered);
  p.recovered_keys = std::move(recovered->keys);
  return {};
}

Result<void> Topology::build_sources() {
  Parts& p = *parts_;
  const Config& config = p.config;
  p.rejection_log = std::make_unique<RejectionLog>(
      RejectionLog::Lines{.refused = log_rejection, .left_out = log_left_out},
      p.ingest.errors_not_logged);
  p.ingest_service = std::make_unique<IngestService>(
      IngestServiceOptions{.points_per_second_per_address = config.server.http_points_per_second,
                           .max_body_bytes = config.server.max_body_bytes,
                           .durability = durability_named(config.durability.level),
                           .max_points_bytes = config.durability.max_backlog_bytes,
                           .has_replicas = config.has_redis_log()},
      p.schema, p.ingest, p.clock, p.ingest_sink(), p.pool, *p.rejection_log);
  for (const auto& key : p.recovered_keys) p.ingest_service->remember(key);
  p.recovered_keys.clear();
  for (const auto& source : config.udp) {
    if (!source.enabled) continue;
    if (auto built = build_udp_source(source); !built) return built;
  }

  auto options = http_server_options(config);
  if (!options) return std::unexpected(options.error());
  options->max_connections = p.budget.connections;
  options->max_turned_away = p.budget.turned_away;
  report_access(config, *options);
  report_budget(config, p.budget);
  auto http = HttpServer::open(p.io, std::move(*options));
  if (!http) return std::unexpected(http.error());
  p.http = std::move(*http);
  add_routes(p, rates_);
  return {};
}

Result<void> Topology::build_udp_source(const Config::UdpSource& settings) {
  Parts& p = *parts_;
  if (find_decoder(settings.decoder) == nullptr) {
    return fail(
        fmt::format("UDP port {}: there is no decoder '{}'", settings.port, settings.decoder));
  }
  auto allow = AddressList::parse(settings.allow);
  if (!allow) return std::unexpected(allow.error());
  auto socket = UdpSocket::open({.host = settings.host,
                                 .port = settings.port,
                                 .receive_buffer_bytes = settings.receive_buffer_bytes});
  if (!socket) return std::unexpected(socket.error());
  for (const auto& warning : socket->warnings()) log_warn(warning);
  p.udp.push_back(std::make_unique<UdpSource>(
      std::move(*socket),
      UdpSourceOptions{.host = settings.host,
                       .allow = std::move(*allow),
                       .points_per_second_per_address = settings.points_per_second,
                       .decoder = settings.decoder},
      p.schema, p.ingest, p.clock, p.ingest_sink(), p.pool, *p.rejection_log));
  return {};
}

void Topology::report(const Recovered& recovered) const {
  if (recovered.points == 0) return;
  log_info("points read again from the log",
           {{"points", std::to_string(recovered.points)},
            {"seconds", fmt::format("{:.3f}", recovered.seconds)},
            {"points_per_s", fmt::format("{:.0f}", static_cast<double>(recovered.points) /
                                                       std::max(recovered.seconds, 1e-9))}});
}

void Topology::start_threads() {
  Parts& p = *parts_;
  running_ = true;
  p.queries.start();
  if (p.pipeline) p.pipeline->start();
  if (p.live_pipeline) p.live_pipeline->start();
  p.flusher_thread = std::make_unique<AgentThread>("flusher", *p.journal);
  p.ingest_thread = std::make_unique<AgentThread>("http-ingest", *p.ingest_service);
  if (p.streams) p.streams->start();
  if (p.stream_appender) {
    p.stream_appender_thread = std::make_unique<AgentThread>("stream-log", *p.stream_appender);
  }
  p.outputs->start();
  p.http->start();
  p.io.start();
  for (auto& source : p.udp) {
    const std::size_t number = p.udp_threads.size() + 1;
    p.udp_threads.push_back(std::make_unique<AgentThread>(
        number == 1 ? "udp" : fmt::format("udp-{}", number), *source));
  }
  if (p.log_scan) p.log_scan->start();
}

void Topology::start_timers() {
  Parts& p = *parts_;
  rate_meter_.advance(Totals::of(p));
  line_meter_.advance(Totals::of(p));
  p.io.every(kInsightPollInterval, [&p] {
    if (const auto update = p.insights->poll(p.clock.moment())) p.hub->broadcast(*update);
  });
  p.io.every(std::chrono::seconds(1), [this, &p] {
    tell_clock_step();
    rates_ = rate_meter_.advance(Totals::of(p));
    p.rejection_log->tell(p.clock.steady());
    if (p.hub->wants(Channel::kSystem)) {
      p.hub->broadcast(Channel::kSystem, system_message(p, rates_));
    }
  });
  p.queries.every(std::chrono::milliseconds(DataWatch::kIntervalMs), [&p] { p.data_watch.look(); });
  p.queries.every(kHeapInterval, [&p] {
    if (const auto bytes = p.heap.keep(); bytes > 0) {
      log_line(LogLevel::kDebug, "memory given back to the system",
               {{"bytes", std::to_string(bytes)}});
    }
  });
  if (p.config.log.metrics_interval_s > 0) {
    p.io.every(std::chrono::seconds(p.config.log.metrics_interval_s),
               [this] { log_periodic_line(); });
  }
}

void Topology::tell_clock_step() {
  const auto step_ns = parts_->clock_watch.look();
  if (!step_ns) return;
  const double seconds = static_cast<double>(*step_ns) * 1e-9;
  log_warn(
      fmt::format("this machine's clock went {} by {:.1f} s: {}. Log, windows and live updates go "
                  "on; points without a time of their own are stamped by it",
                  seconds < 0 ? "back" : "forward", std::abs(seconds),
                  seconds < 0 ? "somebody, or a time server, set it"
                              : "somebody, or a time server, set it, or the machine slept"));
}

void Topology::log_periodic_line() {
  const Rates rates = line_meter_.advance(Totals::of(*parts_));
  const auto text = [](double value) { return fmt::format("{:.2f}", value); };
  log_info("rates", {{"points_per_s", text(rates.received)},
                     {"rollups_per_s", text(rates.rollups)},
                     {"errors_per_s", text(rates.rejected)},
                     {"kernel_drops_per_s", text(rates.kernel_drops)},
                     {"skipped_per_s", text(rates.skipped)},
                     {"batch_ms", text(rates.processing_ms)},
                     {"clients", std::to_string(parts_->hub->stats().clients.value())}});
}

void Topology::reload() {
  reload_certificate();
  const auto path = parts_->config.racing.track_sectors_path.string();
  if (const auto reloaded = parts_->sectors->reload(path); !reloaded) {
    log_error("the sector table stays as it is", {{"why", reloaded.error().message}});
  } else {
    log_info("sector table read again", {{"path", path.empty() ? "built in" : path}});
  }
}

void Topology::reload_certificate() {
  const auto& security = parts_->config.security;
  if (security.tls_certificate.empty()) return;
  auto tls = TlsContext::load(security.tls_certificate, security.tls_key);
  if (!tls) {
    log_error("the certificate stays as it is", {{"why", tls.error().message}});
    return;
  }
  log_info("certificate read again", {{"file", security.tls_certificate.string()},
                                      {"days_left", std::to_string((*tls)->days_left())}});
  parts_->http->use_certificate(std::move(*tls));
}

void Topology::report_left(bool is_logged) const {
  const Parts& p = *parts_;
  if (!is_logged) {
    log_error("the log cannot be written: points that were not acknowledged as in it are given up",
              {{"points", std::to_string(p.journal->waiting_points())}});
  } else if (p.config.has_segment_log()) {
    log_warn("the store cannot be written: the next start makes its rollups again, from the log",
             {{"outputs", std::to_string(p.store_writer->stats().waiting.value())}});
  } else {
    log_error("the store cannot be written, and there is no log: rollups are given up",
              {{"outputs", std::to_string(p.store_writer->stats().waiting.value())}});
  }
}

StopProgress Topology::stop_progress() const {
  const Parts& p = *parts_;
  StopProgress progress{.is_committing = p.store_writer->is_committing(),
                        .rows = p.store->rows_written(),
                        .rows_left = p.store_writer->rows_left()};
  progress.steps = progress.rows + p.pipeline_stats.folded_points.value() +
                   p.journal->stats().appended_bytes.value();
  const auto machines = static_cast<std::uint64_t>(p.pipeline_stats.series.value());
  for (std::size_t d = 0; d < p.config.windows.size(); ++d) {
    const WindowStats& window = p.pipeline_stats.windows[d];
    progress.steps += window.rollups_emitted.value();
    // Of most machines one is open at most.
    const auto open = static_cast<std::uint64_t>(window.open_points.value());
    if (p.config.windows[d].stored) progress.rows_left += std::min(open, machines);
  }
  return progress;
}

bool Topology::stop() {
  if (!std::exchange(running_, false)) return true;
  Parts& p = *parts_;
  const auto appender_limit = std::chrono::steady_clock::now() + kAppenderLimit;
  p.ready.store(false);
  if (p.log_scan) p.log_scan->stop();
  if (p.redis) p.redis->hurry(kLastConnectLimit);
  p.http->stop_accepting();
  CHECK(p.udp_threads.size() == p.udp.size(), "every source that runs has a thread to be stopped");
  for (std::size_t i = 0; i < p.udp.size(); ++i) {
    p.udp_threads[i]->stop(false);
    p.udp[i]->poll(kLastReceiveRounds);
  }
  p.ingest_service->close();
  p.ingest_thread->stop(true);
  p.rejection_log->finish();
  bool is_appended = true;
  if (p.stream_appender) {
    p.stream_appender_thread->stop(false);
    is_appended = p.stream_appender->flush(appender_limit);
  }
  if (p.streams) p.streams->stop();
  p.journal->close_windows();
  if (p.pipeline) p.pipeline->stop();
  if (p.live_pipeline) p.live_pipeline->stop();
  p.flusher_thread->stop(false);
  const bool is_logged = p.journal->flush();
  p.store_thread->stop(false);
  bool is_stored = p.store_writer->flush();
  // What many machines' windows give at once is more than may wait for the store.
  while (is_stored && p.pipeline && p.pipeline->fold_on() > 0) {
    is_stored = p.store_writer->flush();
  }
  if (p.config.has_segment_log()) {
    p.pipeline->checkpoint();
    is_stored = p.store_writer->flush();
  }
  if (!is_logged || !is_stored) report_left(is_logged);

  auto closed = std::make_shared<std::promise<void>>();
  p.io.post([&p, closed] { p.hub->close(kHubCloseLimit, [closed] { closed->set_value(); }); });
  p.outputs->stop();
  closed->get_future().wait_for(kHubCloseLimit * 2);
  p.queries.stop();
  p.io.stop();
  return is_appended && is_logged && (is_stored || p.config.has_segment_log());
}

}  // namespace slipstream
