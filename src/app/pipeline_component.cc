#include "app/pipeline_component.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/dead_letters.h"
#include "ops/logging.h"

namespace slipstream {
namespace {

void report_recovered(const Recovered& recovered) {
  if (recovered.points == 0) return;
  log_info("points read again from the log",
           {{"points", std::to_string(recovered.points)},
            {"seconds", fmt::format("{:.3f}", recovered.seconds)},
            {"points_per_s", fmt::format("{:.0f}", static_cast<double>(recovered.points) /
                                                       std::max(recovered.seconds, 1e-9))}});
}

}  // namespace

Result<std::unique_ptr<PipelineComponent>> PipelineComponent::open(
    DurableParts& durable, StoreWriterComponent& writer, AcceptedSink& accepted,
    const ObserverFactory& make_observers, const RecoveryProgress& progress) {
  std::unique_ptr<PipelineComponent> component(new PipelineComponent(durable, writer));
  if (durable.config.has_redis_log()) {
    component->open_live_pipeline(accepted, make_observers);
    auto stored = durable.store->load();
    if (!stored) return std::unexpected(stored.error());
    component->keys_ = std::move(stored->keys);
    std::ranges::move(durable.recovered_keys, std::back_inserter(component->keys_));
  } else if (auto opened = component->open_pipeline(accepted, make_observers, progress); !opened) {
    return std::unexpected(opened.error());
  }
  durable.recovered_keys.clear();
  component->open_journal();
  return component;
}

PipelineComponent::PipelineComponent(DurableParts& durable, StoreWriterComponent& writer)
    : durable_(durable), writer_(writer), stats_(durable.config.windows.size()) {}

void PipelineComponent::open_live_pipeline(AcceptedSink& accepted,
                                           const ObserverFactory& make_observers) {
  const auto& pipeline = durable_.config.pipeline;
  live_pipeline_ = std::make_unique<LivePipeline>(
      LivePipeline::Options{
          .partitions = pipeline.partitions,
          .workers = pipeline.workers,
          .queue = {.items = pipeline.queue_batches, .bytes = pipeline.queue_bytes}},
      LiveParts{.clock = durable_.clock,
                .ingest = durable_.ingest,
                .stats = stats_,
                .schema = durable_.schema,
                .accepted = accepted,
                .max_series = pipeline.max_series},
      make_observers);
}

Result<void> PipelineComponent::open_pipeline(AcceptedSink& accepted,
                                              const ObserverFactory& make_observers,
                                              const RecoveryProgress& progress) {
  const Config& config = durable_.config;
  const PartitionContext context{
      .clock = durable_.clock,
      .ingest = durable_.ingest,
      .stats = stats_,
      .schema = durable_.schema,
      .accepted = accepted,
      .outputs = *durable_.store_writer,
      .definitions = config.windows,
      .max_series = config.pipeline.max_series,
      .checkpoint_interval_ms =
          config.has_segment_log() ? config.durability.checkpoint_interval_ms : 0,
      .queue = {.items = config.pipeline.queue_batches, .bytes = config.pipeline.queue_bytes},
      .warn = [](const std::string& text) { log_warn(text); }};
  pipeline_ = std::make_unique<Pipeline>(
      PipelineOptions{.partitions = config.pipeline.partitions, .workers = config.pipeline.workers},
      context, make_observers, config.has_segment_log() ? durable_.supervisor.get() : nullptr);
  auto recovered = recover(durable_, *pipeline_, progress);
  if (!recovered) return std::unexpected(recovered.error());
  report_recovered(*recovered);
  keys_ = std::move(recovered->keys);
  return {};
}

void PipelineComponent::open_journal() {
  DurableParts& durable = durable_;
  const auto& durability = durable.config.durability;
  const bool has_log = durable.config.has_segment_log();
  journal_ = std::make_unique<Journal>(
      has_log ? durable.log.get() : nullptr, queues(),
      Journal::Parts{
          .outputs = *durable.store_writer,
          .sectors = *durable.sectors,
          .schema = durable.schema,
          .ingest = durable.ingest,
          .clock = durable.clock,
          .stats = stats_,
          .definitions = durable.config.windows,
          .needed_from = [&durable] { return durable.log_needed_from(); },
          .durable_moved = [&durable] { durable.store_writer->log_moved(); },
          .dead = [&durable](
                      LogOffset base, std::string_view payload,
                      const std::string& why) { write_dead_letters(durable, base, payload, why); }},
      JournalOptions{
          .flush_interval_ms = durability.flush_interval_ms,
          .sync_interval_ms = durability.sync_interval_ms,
          .flush_bytes = durability.flush_bytes,
          .max_backlog_bytes = durability.max_backlog_bytes,
          .block_bytes = std::min(4 * durability.flush_bytes, JournalOptions{}.block_bytes)},
      [](const std::string& text) { log_warn(text); });
  if (has_log) {
    log_scan_ = std::make_unique<LogScan>(durable.files, log_folder(durable.config), *durable.log,
                                          durable.lost);
    log_rewrite_ =
        std::make_unique<LogRewrite>(durable.files, log_folder(durable.config), *durable.log);
  }
}

void PipelineComponent::start() {
  if (pipeline_) pipeline_->start();
  if (live_pipeline_) live_pipeline_->start();
  flusher_thread_ = std::make_unique<AgentThread>("flusher", *journal_);
  if (log_scan_) log_scan_->start();
  if (log_rewrite_) log_rewrite_->start();
}

bool PipelineComponent::stop() {
  if (log_scan_) log_scan_->stop();
  if (log_rewrite_) log_rewrite_->stop();
  journal_->close_windows();
  if (pipeline_) pipeline_->stop();
  if (live_pipeline_) live_pipeline_->stop();
  flusher_thread_->stop(false);
  const bool is_logged = journal_->flush();
  const bool is_stored = store_rest();
  if (!is_logged || !is_stored) report_left(is_logged);
  return is_logged && (is_stored || durable_.config.has_segment_log());
}

bool PipelineComponent::store_rest() {
  bool is_stored = writer_.flush();
  // What many machines' windows give at once is more than may wait for the store.
  while (is_stored && pipeline_ && pipeline_->fold_on() > 0) is_stored = writer_.flush();
  if (!durable_.config.has_segment_log()) return is_stored;
  pipeline_->checkpoint();
  return writer_.flush();
}

void PipelineComponent::report_left(bool is_logged) const {
  const auto outputs = std::to_string(durable_.store_writer->stats().waiting.value());
  if (!is_logged) {
    log_error("the log cannot be written: points that were not acknowledged as synced are given up",
              {{"points", std::to_string(journal_->waiting_points())}});
  } else if (durable_.config.has_segment_log()) {
    log_warn("the store cannot be written: the next start makes its rollups again, from the log",
             {{"outputs", outputs}});
  } else {
    log_error("the store cannot be written, and there is no log: rollups are given up",
              {{"outputs", outputs}});
  }
}

}  // namespace slipstream
