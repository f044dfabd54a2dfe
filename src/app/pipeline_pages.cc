#include <fmt/format.h>

#include <algorithm>

#include "app/pipeline_component.h"

// What PipelineComponent says of itself.

namespace slipstream {
namespace {

constexpr std::size_t kMaxLostRanges = 1'000;  ///< that are listed; all are counted

void append_lost(std::string& list, const LostRanges& lost) {
  list += '[';
  bool is_first = true;
  for (const LostRange& range : lost.list(kMaxLostRanges)) {
    if (!std::exchange(is_first, false)) list += ',';
    ObjectWriter object(list);
    object.number("from", range.from);
    object.number("to", range.to);
    object.text("file", range.file);
    object.text("why", range.why);
  }
  list += ']';
}

}  // namespace

void PipelineComponent::health(HealthPage& page) const {
  std::string& partitions = page.member("partitions");
  partitions += '[';
  for (std::uint32_t p = 0; p < queues().partitions(); ++p) {
    if (p > 0) partitions += ',';
    ObjectWriter object(partitions);
    object.number("partition", p);
    object.number("queueDepth", queues().depth(p));
    if (!queues().has_room(p, 0)) {
      page.problem(ProblemArea::kQueues,
                   fmt::format("partition {}: its queue is full, points are refused", p));
    }
  }
  partitions += ']';

  std::string& windows = page.member("windows");
  windows += '[';
  const auto& definitions = durable_.config.windows;
  for (std::size_t d = 0; d < definitions.size(); ++d) {
    if (d > 0) windows += ',';
    const auto& stats = stats_.windows[d];
    ObjectWriter object(windows);
    object.text("window", definitions[d].name);
    object.flag("stored", definitions[d].stored);
    object.number("emitted", stats.rollups_emitted.value());
    object.number("openPoints", stats.open_points.value());
    object.number("closedPoints", stats.closed_points.value());
    object.number("latePoints", stats.late_points.value());
  }
  windows += ']';

  page.member("series") += std::to_string(stats_.series.value());
  const auto& supervisor = durable_.supervisor->stats();
  auto workers = page.object("workers");
  workers.number("restarts", supervisor.restarts.value());
  workers.number("deadPoints", supervisor.dead_points.value());
  log_health(page);
}

void PipelineComponent::log_health(HealthPage& page) const {
  const auto& stats = journal_->stats();
  if (stats.failing.value() != 0) {
    page.problem(ProblemArea::kLog,
                 fmt::format("log: it cannot be written, nothing is acknowledged; {} bytes are "
                             "waiting",
                             stats.backlog_bytes.value()));
  }
  auto object = page.object("log");
  object.flag("enabled", durable_.config.has_segment_log());
  if (!durable_.config.has_segment_log()) return;
  object.text("durability", durable_.config.durability.level);
  object.flag("failing", stats.failing.value() != 0);
  object.number("firstOffset", durable_.log->first_offset());
  object.number("nextOffset", journal_->next_offset());
  object.number("durableOffset", journal_->durable_offset());
  object.number("checkpointOffset", durable_.store_writer->needed_from());
  object.number("backlogBytes", stats.backlog_bytes.value());
  object.number("blocks", stats.appended_blocks.value());
  object.number("failures", stats.failures.value());
  object.number("refusedPoints", stats.refused_points.value());
  object.flag("checking", !log_scan_->is_done());
  object.number("lostEntries", durable_.lost.entries());
  append_lost(object.key("lost"), durable_.lost);
  const auto& rewritten = log_rewrite_->stats();
  ObjectWriter rewriting(object.key("rewriting"));
  rewriting.number("segments", rewritten.segments.value());
  rewriting.number("bytesBefore", rewritten.bytes_before.value());
  rewriting.number("bytesAfter", rewritten.bytes_after.value());
  rewriting.flag("failing", log_rewrite_->is_failing());
}

void PipelineComponent::metrics(MetricsPage& page) const {
  const auto& definitions = durable_.config.windows;
  for (std::size_t d = 0; d < definitions.size(); ++d) {
    const Labels window = {{"window", definitions[d].name}};
    const auto& w = stats_.windows[d];
    page.counter("rollups_emitted_total", "Windows closed", real(w.rollups_emitted.value()),
                 window);
    page.counter(
        "late_points_total",
        "Points that came after the watermark, or a change of place, had closed their window",
        real(w.late_points.value()), window);
    page.counter("window_closed_points_total", "Points in windows that closed in time",
                 real(w.closed_points.value()), window);
    page.gauge("window_open_points", "Points in open windows", real(w.open_points.value()), window);
  }
  for (std::uint32_t p = 0; p < queues().partitions(); ++p) {
    page.gauge("partition_queue_depth", "Batches waiting for the partition's worker",
               real(std::uint64_t{queues().depth(p)}), {{"partition", std::to_string(p)}});
  }
  page.gauge("series", "Series known", real(stats_.series.value()));
  page.histogram("ingest_to_rollup_seconds", "From a window's last receipt to its rollup's commit",
                 durable_.store_writer->stats().ingest_to_rollup);
  page.histogram("batch_processing_seconds", "A partition's time for a batch", stats_.processing);
  const auto batches = stats_.batches.value();
  page.gauge("batch_size", "Points a batch: mean since the start; of a broadcast when it is full",
             batches == 0 ? 0 : real(stats_.folded_points.value()) / real(batches),
             {{"stage", "partition"}});
  log_metrics(page);
}

void PipelineComponent::log_metrics(MetricsPage& page) const {
  const auto& log = journal_->stats();
  page.counter("log_appended_bytes_total", "Bytes of blocks appended to the log, uncompressed",
               real(log.appended_bytes.value()));
  page.counter("log_appended_blocks_total", "Blocks appended", real(log.appended_blocks.value()));
  page.counter("log_failures_total", "Writes or syncs of the log that failed",
               real(log.failures.value()));
  page.counter("log_refused_points_total",
               "Points of blocks that the log refused for what they were; in the dead letters",
               real(log.refused_points.value()));
  page.gauge("log_failing", "1 while the log cannot be written", real(log.failing.value()));
  page.gauge("log_backlog_bytes", "Bytes of points not yet synced to the log",
             real(log.backlog_bytes.value()));
  page.gauge("log_lost_entries", "Entries that the log cannot give back, found since the start",
             real(durable_.lost.entries()));
  page.histogram("log_fsync_seconds", "A sync of the log", log.fsync);
  if (log_rewrite_) {
    const auto& rewritten = log_rewrite_->stats();
    page.counter("log_rewritten_segments_total",
                 "Segments of small blocks that were rewritten into large ones",
                 real(rewritten.segments.value()));
    page.counter("log_rewritten_bytes_total", "Bytes of those segments before",
                 real(rewritten.bytes_before.value()));
    page.counter("log_rewritten_into_bytes_total", "Bytes that they were rewritten into",
                 real(rewritten.bytes_after.value()));
    page.gauge("log_rewrite_failing", "1 since the last rewriting failed",
               real(std::uint64_t{log_rewrite_->is_failing()}));
  }
  const auto& supervisor = durable_.supervisor->stats();
  page.counter("worker_restarts_total", "Partitions restarted after their work failed",
               real(supervisor.restarts.value()));
  page.counter("dead_letter_points_total", "Points left out: they failed twice",
               real(supervisor.dead_points.value()));
}

void PipelineComponent::totals(Totals& totals) const {
  for (const auto& window : stats_.windows) totals.rollups += window.rollups_emitted.value();
  totals.batches += stats_.processing.count();
  totals.processing_seconds += stats_.processing.sum_seconds();
}

void PipelineComponent::progress(StopProgress& progress) const {
  progress.steps += stats_.folded_points.value() + journal_->stats().appended_bytes.value();
  const auto series = static_cast<std::uint64_t>(stats_.series.value());
  const auto& definitions = durable_.config.windows;
  for (std::size_t d = 0; d < definitions.size(); ++d) {
    progress.steps += stats_.windows[d].rollups_emitted.value();
    // Of most series one is open at most.
    const auto open = static_cast<std::uint64_t>(stats_.windows[d].open_points.value());
    if (definitions[d].stored) progress.rows_left += std::min(open, series);
  }
}

}  // namespace slipstream
