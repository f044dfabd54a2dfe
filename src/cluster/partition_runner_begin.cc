// How a runner begins: what it takes over from the owners before.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "cluster/partition_runner.h"

namespace slipstream {

FeedStatus PartitionRunner::begin() {
  CHECK(partition_ == nullptr, "a runner begins once; after a loss there is another one");
  Loaded loaded;
  loaded.state.partition = stream_partition(number_);
  FeedStatus done = told_by_feed(feed_->begin(loaded));
  if (loaded.is_new) memory_.told.reset();
  if (done != FeedStatus::kWorked) return done;
  const EntryPosition given_until = loaded.given_until;
  done = catch_up_rollups();
  if (done == FeedStatus::kWorked) done = start_partition(std::move(loaded));
  if (done != FeedStatus::kWorked) return done;
  if (!memory_.told) memory_.told = EntryPlace{given_until};
  return take_over();
}

FeedStatus PartitionRunner::catch_up_rollups() {
  while (true) {
    StoredOutputs page;
    const std::uint64_t seen_before = memory_.rollups_seen;
    const FeedStatus done = feed_->stored_outputs(memory_.rollups_seen, page);
    if (done != FeedStatus::kWorked) return told_by_feed(done);
    if (page.is_empty()) return FeedStatus::kWorked;
    CHECK(memory_.rollups_seen > seen_before, "a page of rollups goes on behind the one before");
    parts_.store.accept({.partition = stream_partition(number_),
                         .rollups = std::move(page.rollups),
                         .made_elsewhere = true,
                         .marks = std::move(page.marks)});
  }
}

std::unique_ptr<Partition> PartitionRunner::make_partition(
    const std::vector<WindowDefinition>& definitions, PipelineStats& stats,
    PartitionObservers observers) {
  return std::make_unique<Partition>(stream_partition(number_),
                                     PartitionContext{.clock = parts_.clock,
                                                      .ingest = parts_.ingest,
                                                      .stats = stats,
                                                      .schema = parts_.schema,
                                                      .accepted = parts_.accepted,
                                                      .outputs = collector_,
                                                      .definitions = definitions,
                                                      .max_series = options_.max_series,
                                                      .checkpoint_interval_ms = 0,
                                                      .queue = {},
                                                      .warn = parts_.warn},
                                     std::move(observers));
}

FeedStatus PartitionRunner::start_partition(Loaded loaded) {
  if (!loaded.layout.empty() && loaded.layout != layout_) {
    if (const auto settled = settle_layout(loaded); settled != FeedStatus::kWorked) return settled;
  }
  // Numbers of rollups go on even where the checkpoint was lost and the rollups were not.
  loaded.state.begin_sequence = std::max(loaded.state.begin_sequence, memory_.rollups_seen);
  if (!loaded.state.series.empty()) tick_from_ = steady() + options_.grace_ms * kNsPerMs;
  partition_ = make_partition(options_.windows, parts_.pipeline_stats,
                              parts_.make_observers(stream_partition(number_)));
  if (const auto begun = partition_->begin(loaded.state); !begun) {
    return lost(
        fmt::format("the checkpoint {} is not understood: {}", loaded.name, begun.error().message));
  }
  return FeedStatus::kWorked;
}

/// Closes the windows that were opened under other definitions, and begins with none.
FeedStatus PartitionRunner::settle_layout(Loaded& loaded) {
  const auto definitions = definitions_from_text(loaded.layout);
  if (!definitions) return lost(definitions.error().message);
  PipelineStats old_stats(definitions->size());
  const auto old = make_partition(*definitions, old_stats, {});
  if (const auto begun = old->begin(loaded.state); !begun) return lost(begun.error().message);
  process(*old, {.kind = Work::Kind::kClose, .time = now()});
  std::vector<Output> outputs = collector_.take();

  PartitionState fresh{.partition = loaded.state.partition, .begin_sequence = old->sequence()};
  PipelineStats fresh_stats(options_.windows.size());
  const auto empty = make_partition(options_.windows, fresh_stats, {});
  if (const auto begun = empty->begin(fresh); !begun) return lost(begun.error().message);
  process(*empty, {.kind = Work::Kind::kTick, .time = now()});
  empty->checkpoint();
  for (auto& output : collector_.take()) {
    CHECK(output.checkpoint != nullptr, "an empty partition gives its checkpoint, and no rollups");
    for (const auto& series : loaded.state.series) {
      output.checkpoint->removed.push_back(series.first);
    }
    fresh.windows = output.checkpoint->windows;
    outputs.push_back(std::move(output));
  }
  loaded.state = std::move(fresh);
  stage({.outputs = std::move(outputs), .layout = layout_});
  return commit_now(kCallLimit);
}

FeedStatus PartitionRunner::take_over() {
  while (true) {
    bool has_any = false;
    const FeedStatus done = feed_->take_over(has_any);
    if (done != FeedStatus::kWorked) return told_by_feed(done);
    if (!has_any) break;
    if (const auto folded = fold_entries(); folded != FeedStatus::kWorked) return folded;
    if (folded_entries_ < kMaxUncommitted) continue;
    if (const auto committed = commit_now(kCallLimit); committed != FeedStatus::kWorked) {
      return committed;
    }
  }
  if (const auto done = commit_now(kCallLimit); done != FeedStatus::kWorked) return done;
  memory_.is_suspicious = false;
  memory_.culprits.clear();
  return FeedStatus::kWorked;
}

}  // namespace slipstream
