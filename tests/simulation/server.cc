#include "simulation/server.h"

#include <algorithm>

namespace slipstream::simulation {

Server::Server(Config config, const Environment& environment)
    : environment_(environment),
      parts_(std::move(config), environment.files, environment.clock),
      nobody_(parts_.pool),
      stats_(parts_.config.windows.size()) {}

Result<Recovered> Server::start(const std::function<void()>& progress) {
  if (auto built = build_store(environment_); !built) return std::unexpected(built.error());
  auto recovered = build_pipeline(progress);
  if (!recovered) return recovered;
  for (const auto& key : recovered->keys) keys_.add(key, 0, parts_.clock.steady());
  return recovered;
}

Result<void> Server::build_store(const Environment& environment) {
  DurableParts& p = parts_;
  p.read_ahead = ReadAhead::kNo;  // a seed gives the same run each time
  p.sectors = &sectors_;
  auto store = RollupStore::open(p.config.store.data_dir, {}, p.schema.fields());
  if (!store) return std::unexpected(store.error());
  p.store = std::move(*store);
  auto found = p.store->load();
  if (!found) return std::unexpected(found.error());
  found_ = std::move(*found);
  p.store_writer = std::make_unique<StoreWriter>(
      *p.store, std::vector<RollupSink*>{&environment.consumer}, p.clock, [](const std::string&) {},
      StoreWriterOptions{.queue_bytes = environment.store_queue_bytes});
  p.store_writer->send_marks_to(environment.marks);
  if (auto opened = open_log(p); !opened) return opened;
  auto stored = p.store->load();
  if (!stored) return std::unexpected(stored.error());
  p.store_writer->begin([&p] { return p.log->synced_offset(); }, *stored);
  return {};
}

Result<Recovered> Server::build_pipeline(const std::function<void()>& progress) {
  DurableParts& p = parts_;
  const Config& config = p.config;
  const PartitionContext context{
      .clock = p.clock,
      .ingest = p.ingest,
      .stats = stats_,
      .schema = p.schema,
      .accepted = nobody_,
      .outputs = *p.store_writer,
      .definitions = config.windows,
      .max_series = config.pipeline.max_series,
      .checkpoint_interval_ms = config.durability.checkpoint_interval_ms,
      .queue = {.items = config.pipeline.queue_batches, .bytes = config.pipeline.queue_bytes}};
  pipeline_ = std::make_unique<Pipeline>(
      PipelineOptions{.partitions = config.pipeline.partitions, .workers = config.pipeline.workers},
      context, [](PartitionId) { return PartitionObservers{}; }, p.supervisor.get());
  auto recovered =
      recover(p, *pipeline_, [&progress](std::uint64_t, std::uint64_t) { progress(); });
  if (!recovered) return recovered;
  journal_ = std::make_unique<Journal>(
      p.log.get(), *pipeline_,
      Journal::Parts{.outputs = *p.store_writer,
                     .sectors = *p.sectors,
                     .schema = p.schema,
                     .ingest = p.ingest,
                     .clock = p.clock,
                     .stats = stats_,
                     .definitions = config.windows,
                     .needed_from = [&p] { return p.log_needed_from(); }},
      JournalOptions{.flush_interval_ms = config.durability.flush_interval_ms,
                     .sync_interval_ms = config.durability.sync_interval_ms,
                     .flush_bytes = config.durability.flush_bytes,
                     .max_backlog_bytes = config.durability.max_backlog_bytes,
                     .block_bytes = 3'000,
                     .retention_check_ms = 1'000},
      [](const std::string&) {});
  return recovered;
}

bool Server::stop() {
  constexpr std::size_t kBudget = 256;
  journal_->close_windows();
  pipeline_->stop();
  // The store's thread would make room meanwhile.
  bool flushed = true;
  for (std::size_t done = 1; done > 0;) {
    done = 0;
    for (auto& worker : pipeline_->workers()) done += worker->poll(kBudget);
    flushed = journal_->flush();
    store_writer().flush();
  }
  pipeline_->checkpoint();
  return store_writer().flush() && flushed;
}

bool Server::is_at_rest() {
  for (std::uint32_t p = 0; p < pipeline_->partitions(); ++p) {
    Partition& partition = pipeline_->partition(p);
    if (partition.failure() || partition.work_in_hand() != nullptr) return false;
    if (partition.queue().depth() > 0) return false;
  }
  return journal_->durable_offset() == journal_->next_offset() &&
         store_writer().stats().waiting.value() == 0;
}

}  // namespace slipstream::simulation
