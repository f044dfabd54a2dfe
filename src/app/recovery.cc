#include "app/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "app/dead_letters.h"
#include "app/layout.h"
#include "history/pinned_segments.h"
#include "ops/logging.h"
#include "pipeline/journal.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kRoomPause{1};

std::vector<Partition*> all_of(Pipeline& pipeline) {
  std::vector<Partition*> all;
  for (std::uint32_t p = 0; p < pipeline.partitions(); ++p) all.push_back(&pipeline.partition(p));
  return all;
}

Result<void> begin_partitions(Pipeline& pipeline, const StoredState& stored) {
  for (const auto& state : stored.partitions) {
    if (state.partition.number >= pipeline.partitions()) continue;
    if (auto begun = pipeline.partition(state.partition.number).begin(state); !begun) {
      return fail(fmt::format("the state of partition {} in the store: {}", state.partition.number,
                              begun.error().message));
    }
  }
  return {};
}

std::uint64_t newest_sequence(const StoredState& stored) {
  std::uint64_t newest = 0;
  for (const auto& state : stored.partitions) newest = std::max(newest, state.sequence);
  return newest;
}

void tell_lost(DurableParts& parts, const std::vector<LostRange>& ranges) {
  for (const auto& lost : ranges) {
    log_error("a part of the log cannot be read: its points are in no window",
              {{"from", std::to_string(lost.from)},
               {"to", std::to_string(lost.to)},
               {"file", lost.file},
               {"why", lost.why}});
  }
  parts.lost.add(ranges);
}

/// Folds what is left of the log as the old layout would, closes its windows there, and commits
/// them.
Result<void> settle_old_layout(DurableParts& parts, const Layout& old, const StoredState& stored,
                               const std::string& layout_now) {
  PipelineStats stats(old.windows.size());
  NobodyListens nobody(parts.pool);
  Pipeline pipeline({.partitions = old.partitions, .workers = 1},
                    {.clock = parts.clock,
                     .ingest = parts.ingest,
                     .stats = stats,
                     .schema = parts.schema,
                     .accepted = nobody,
                     .outputs = *parts.store_writer,
                     .definitions = old.windows,
                     .max_series = old.max_series,
                     .queue = {}},
                    [](PartitionId) { return PartitionObservers{}; });
  if (auto begun = begin_partitions(pipeline, stored); !begun) return begun;
  LogOffset durable = parts.log->synced_offset();
  parts.store_writer->begin([&durable] { return durable; }, stored);
  const auto progress = [&](LogOffset) {
    while (!parts.store_writer->has_room()) parts.store_writer->poll(1);
  };
  auto recovered = parts.supervisor->recover(all_of(pipeline), parts.log->next_offset(), progress);
  if (!recovered) return std::unexpected(recovered.error());
  parts.recovered_keys = std::move(recovered->keys);
  tell_lost(parts, recovered->lost);

  Journal journal(parts.log.get(), pipeline,
                  {.outputs = *parts.store_writer,
                   .sectors = *parts.sectors,
                   .schema = parts.schema,
                   .ingest = parts.ingest,
                   .clock = parts.clock,
                   .stats = stats,
                   .definitions = old.windows,
                   .needed_from = [] { return LogOffset{0}; }},
                  {}, [](const std::string& text) { log_warn(text); });
  journal.close_windows(layout_now);
  for (auto& worker : pipeline.workers()) {
    while (worker->poll(64) > 0) {
    }
  }
  for (const Partition* const partition : all_of(pipeline)) {
    if (partition->position() != journal.next_offset()) {
      return fail("the open windows cannot be closed: the store does not take their rollups");
    }
  }
  if (!journal.flush()) return fail("the log cannot be written");
  durable = journal.durable_offset();
  if (!parts.store_writer->flush()) return fail("the store cannot be written");
  return {};
}

}  // namespace

std::filesystem::path log_folder(const Config& config) {
  return config.store.data_dir / "log";
}

std::filesystem::path pinned_folder(const Config& config) {
  return config.store.data_dir / kPinnedFolder;
}

Result<void> open_log(DurableParts& parts) {
  const auto& durability = parts.config.durability;
  const Layout now = Layout::of(parts.config);
  auto stored = parts.store->load();
  if (!stored) return std::unexpected(stored.error());

  LogOffset needed = 0;
  for (const auto& state : stored->partitions) {
    needed = std::max({needed, state.offset, state.committed_offset.value_or(0)});
  }
  if (now.has_log) {
    for (const DeadRange& dead : stored->dead) needed = std::max(needed, dead.to);
  }
  auto log = SegmentLog::open(parts.files, log_folder(parts.config),
                              {.segment_bytes = durability.segment_bytes,
                               .segment_age_ms = durability.segment_minutes * 60'000,
                               .retention_bytes = durability.log_retention_bytes,
                               .retention_ms = durability.log_retention_hours * 3'600'000,
                               .at_least_offset = needed,
                               .clock = &parts.clock});
  if (!log) return std::unexpected(log.error());
  parts.log = std::move(*log);
  for (const auto& finding : parts.log->findings()) log_warn(finding);
  parts.lost.add(parts.log->lost());

  parts.supervisor = std::make_unique<Supervisor>(
      Supervisor::Parts{
          .log = parts.log.get(),
          .schema = parts.schema,
          .pool = parts.pool,
          .outputs = *parts.store_writer,
          .load = [&parts](PartitionId p) { return parts.store->load_partition(p); },
          .dead_letters = [&parts](const DeadRange& dead) { write_dead_letters(parts, dead); },
          .warn = [](const std::string& text) { log_error(text); },
          .ahead = parts.read_ahead},
      stored->dead);

  const std::string text = now.to_text();
  if (stored->layout == text && now.has_log) return {};
  LogOffset begin = parts.log->first_offset();  // a new store: all that the log still has
  std::uint64_t sequence = newest_sequence(*stored);
  if (stored->layout) {
    auto old = Layout::parse(*stored->layout);
    if (!old) return std::unexpected(old.error());
    if (old->has_log) {
      log_info("the windows or partitions have changed: those open are closed", {});
      if (auto settled = settle_old_layout(parts, *old, *stored, text); !settled) return settled;
      stored = parts.store->load();
      if (!stored) return std::unexpected(stored.error());
      sequence = newest_sequence(*stored);
    }
    begin = parts.log->next_offset();
  }
  if (!now.has_log) begin = 0;
  return parts.store->start_layout(text, now.partitions, begin, sequence, parts.clock.now());
}

Result<Recovered> recover(DurableParts& parts, Pipeline& pipeline,
                          const RecoveryProgress& progress) {
  const auto began = std::chrono::steady_clock::now();
  auto stored = parts.store->load();
  if (!stored) return std::unexpected(stored.error());
  if (auto begun = begin_partitions(pipeline, *stored); !begun) {
    return std::unexpected(begun.error());
  }
  Recovered recovered;
  recovered.keys = std::move(stored->keys);
  std::ranges::move(parts.recovered_keys, std::back_inserter(recovered.keys));
  if (parts.config.has_segment_log()) {
    const LogOffset end = parts.log->next_offset();
    LogOffset from = end;
    for (const auto& state : stored->partitions) from = std::min(from, state.offset);
    const auto partitions = all_of(pipeline);
    auto summary = parts.supervisor->recover(partitions, end, [&](LogOffset at) {
      progress(at - std::min(at, from), end - from);
      while (!parts.store_writer->has_room()) std::this_thread::sleep_for(kRoomPause);
      for (Partition* const partition : partitions) partition->tick();
    });
    if (!summary) return std::unexpected(summary.error());
    recovered.points = summary->points;
    tell_lost(parts, summary->lost);
    std::ranges::move(summary->keys, std::back_inserter(recovered.keys));
  }
  recovered.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return recovered;
}

}  // namespace slipstream
