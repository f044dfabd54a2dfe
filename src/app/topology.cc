#include "app/topology.h"

#include <type_traits>
#include <utility>

#include "app/alerts_component.h"
#include "app/clock_component.h"
#include "app/game_links_component.h"
#include "app/heap_component.h"
#include "app/history_component.h"
#include "app/http_component.h"
#include "app/hub_component.h"
#include "app/laps_component.h"
#include "app/outputs_component.h"
#include "app/overview_component.h"
#include "app/pipeline_component.h"
#include "app/racing_component.h"
#include "app/redis_component.h"
#include "app/sources_component.h"
#include "app/standings_component.h"
#include "app/store_component.h"
#include "app/store_writer_component.h"
#include "app/stream_log_component.h"
#include "app/streams_component.h"
#include "app/streams_setup.h"
#include "app/threads_component.h"
#include "app/tracing_component.h"
#include "base/descriptors.h"

namespace slipstream {
namespace {

/// By partition of the streams.
Result<std::vector<std::uint64_t>> newest_of_streams(const Config& config,
                                                     const RollupStore& store) {
  auto stored = store.load();
  if (!stored) return std::unexpected(stored.error());
  std::vector<std::uint64_t> newest(config.redis.partitions);
  for (const auto& [partition, sequence] : stored->stream_sequences) {
    if (partition.number < newest.size()) newest[partition.number] = sequence;
  }
  return newest;
}

}  // namespace

Topology::Topology(Config config)
    : durable_(std::move(config), posix_file_system(), system_clock()) {}

Topology::~Topology() {
  stop();
}

Result<std::unique_ptr<Topology>> Topology::start(Config config, const RecoveryProgress& progress) {
  std::unique_ptr<Topology> topology(new Topology(std::move(config)));
  const auto budget = plan_connections(topology->durable_.config, descriptor_limit());
  if (!budget) return std::unexpected(budget.error());
  if (auto opened = topology->open(*budget, progress); !opened) {
    const auto* const store = topology->components_.find<StoreComponent>();
    return std::unexpected(store == nullptr ? opened.error() : store->with_advice(opened.error()));
  }
  topology->running_ = true;
  topology->components_.start();
  return topology;
}

/// This is the list. Each borrows from those above it, and hands what it has to them.
Result<void> Topology::open(const ConnectionBudget& budget, const RecoveryProgress& progress) {
  ComponentList& list = components_;
  const Config& config = durable_.config;

  auto& threads = list.add(std::make_unique<ThreadsComponent>());
  IoThread& io = threads.io();
  IoThread& queries = threads.queries();
  list.add(std::make_unique<ClockComponent>(durable_.clock, io));
  list.add(std::make_unique<HeapComponent>(queries));

  const auto redis = list.add(RedisComponent::open(config, durable_.clock));
  if (!redis) return std::unexpected(redis.error());
  const bool has_redis = (*redis)->is_enabled();

  auto outputs = OutputsComponent::make(config, **redis, durable_.clock);
  if (!outputs) return std::unexpected(outputs.error());
  const auto store = list.add(StoreComponent::open(durable_, queries, (*outputs)->destinations()));
  if (!store) return std::unexpected(store.error());
  const RollupStore& rollups = (*store)->store();
  if (const auto tracing = list.add(TracingComponent::open(durable_)); !tracing) {
    return std::unexpected(tracing.error());
  }
  const Basics basics = durable_.basics();
  (*outputs)->open(rollups, basics.clock);
  const OwnRollups* const own_rollups = list.add(std::move(*outputs)).own_rollups();

  const auto alerts = list.add(AlertsComponent::open(durable_, queries));
  if (!alerts) return std::unexpected(alerts.error());

  const auto hub = list.add(HubComponent::open(basics, rollups, io, queries));
  if (!hub) return std::unexpected(hub.error());
  Hub& live = (*hub)->hub();

  list.add(std::make_unique<OverviewComponent>(config, basics.clock, io, live, list));

  auto& standings = list.add(std::make_unique<StandingsComponent>(
      StandingsComponent::Parts{.clock = basics.clock,
                                .io = io,
                                .hub = live,
                                .book = rollups,
                                .queries = queries,
                                .session_gap_ns = config.racing.session_gap_ns()}));
  const auto racing = list.add(RacingComponent::open(basics, io, live, standings.standings()));
  if (!racing) return std::unexpected(racing.error());
  durable_.sectors = &(*racing)->sectors();

  const auto writer = list.add(
      StoreWriterComponent::open(durable_, {&(*store)->memory(), &live},
                                 {.marks = live, .laps = live, .alerts = **alerts}, queries));
  if (!writer) return std::unexpected(writer.error());
  if (auto begun = (*alerts)->begin(live); !begun) return begun;

  auto& laps = list.add(std::make_unique<LapsComponent>(durable_, queries));
  // Where Redis is the log, nobody here commits what an observer tells.
  const auto observers =
      config.has_redis_log()
          ? (*racing)->live_observers()
          : laps.beside([&racing = **racing](PartitionId partition, const LapTimes& times) {
              return racing.make_observers(partition, times);
            });
  const auto pipeline =
      list.add(PipelineComponent::open(durable_, **writer, live, observers, progress));
  if (!pipeline) return std::unexpected(pipeline.error());
  PointSink* ingest = &(*pipeline)->journal();
  const auto history = list.add(HistoryComponent::open(
      HistoryComponent::Parts{.durable = durable_,
                              .book = rollups,
                              .io = io,
                              .queries = queries,
                              .journal = (*pipeline)->journal(),
                              .identity = HubComponent::identity_members(config.schema)}));
  if (!history) return std::unexpected(history.error());
  (*hub)->recall_from((*history)->recordings());
  laps.pin_by((*history)->pins());

  if (has_redis) {
    const auto newest = newest_of_streams(config, rollups);
    if (!newest) return std::unexpected(newest.error());
    const StreamOptions options = stream_options(config);
    list.add(std::make_unique<StreamsComponent>(
        basics,
        StreamsComponent::Parts{.pipeline_stats = (*pipeline)->stats(),
                                .sectors = (*racing)->sectors(),
                                .accepted = live,
                                .store = *durable_.store_writer,
                                .make_observers = (*racing)->live_observers()},
        **redis, own_rollups, options, *newest));
    if (config.has_redis_log()) {
      auto& log = list.add(std::make_unique<StreamLogComponent>(basics, **redis, options, *ingest));
      ingest = &log.sink();
    }
  }

  const auto sources = list.add(
      SourcesComponent::open(basics, io, *ingest, live.stats().clients, (*pipeline)->take_keys()));
  if (!sources) return std::unexpected(sources.error());
  (*hub)->publish_to((*sources)->ingest_service());
  const auto games = list.add(GameLinksComponent::open(basics, io, *ingest, (*sources)->viewers(),
                                                       (*sources)->rejection_log()));
  if (!games) return std::unexpected(games.error());

  const auto http = list.add(HttpComponent::open(config, budget, io, list));
  if (!http) return std::unexpected(http.error());
  return {};
}

bool Topology::stop() {
  if (!std::exchange(running_, false)) return true;
  return components_.stop();
}

StopProgress Topology::stop_progress() const {
  StopProgress progress;
  for (const auto& component : components_) component->progress(progress);
  return progress;
}

void Topology::reload() {
  components_.reload();
}

Totals Topology::totals() const {
  return components_.get<OverviewComponent>().all_totals();
}

std::uint16_t Topology::port() const {
  return components_.get<HttpComponent>().port();
}

std::uint16_t Topology::udp_port() const {
  const auto& udp = components_.get<SourcesComponent>().udp();
  return udp.empty() ? std::uint16_t{0} : udp.front()->port();
}

}  // namespace slipstream
