#include "cluster/partition_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "pipeline/sectors.h"

namespace slipstream {
namespace {

constexpr std::int64_t kTickNs = 50 * kNsPerMs;
constexpr std::int64_t kStallMs = 500;
constexpr std::int64_t kOpenBlockMs = 100;  ///< while windows are open, so that they can be closed
/// Under load a commit is due when so many points share the writing of a series' open windows.
constexpr std::uint64_t kPointsPerSeries = 64;

}  // namespace

PartitionRunner::PartitionRunner(std::unique_ptr<PartitionFeed> feed, const ClusterParts& parts,
                                 const ClusterOptions& options, std::uint32_t number,
                                 PartitionMemory& memory)
    : feed_(std::move(feed)),
      parts_(parts),
      options_(options),
      number_(number),
      layout_(to_text(options.windows)),
      memory_(memory),
      last_tick_(parts.clock.steady()) {}

PartitionRunner::~PartitionRunner() = default;

FeedStatus PartitionRunner::step() {
  CHECK(partition_ != nullptr, "a runner that has not begun has no state to fold into");
  if (!feed_->is_asked()) {
    if (!parts_.store.has_room()) {
      partition_->tick();
      return FeedStatus::kIdle;
    }
    ask();
  }
  FeedTurn turn;
  const FeedStatus read = feed_->read(turn, in(kSlice));
  if (read == FeedStatus::kIdle) {
    partition_->tick();
    return FeedStatus::kIdle;
  }
  return read == FeedStatus::kWorked ? on_turn(turn) : told_by_feed(read);
}

FeedStatus PartitionRunner::finish(bool close) {
  // Nothing has come, nothing is open: it is not waited for.
  if (feed_->is_waiting_for_news() && !has_uncommitted() && !partition_->has_open_windows()) {
    return FeedStatus::kWorked;
  }
  is_finishing_ = true;
  if (const auto drained = drain(in(kFinishLimit)); drained != FeedStatus::kWorked) return drained;
  if (close) process(*partition_, {.kind = Work::Kind::kClose, .time = now()});
  return commit_now(kFinishLimit);
}

void PartitionRunner::ask() {
  CHECK(!committing_, "the commit before is answered before another one is sent");
  if (!staged_ && commit_is_due()) stage_commit();
  std::int64_t wait_ms = 0;
  if (!has_uncommitted()) {
    wait_ms = partition_->has_open_windows() ? std::min(kOpenBlockMs, options_.block_ms)
                                             : options_.block_ms;
  }
  committing_ = std::exchange(staged_, std::nullopt);
  if (committing_) committing_since_ = steady();
  feed_->ask(std::chrono::milliseconds(wait_ms));
}

FeedStatus PartitionRunner::drain(Deadline deadline) {
  while (feed_->is_asked()) {
    FeedTurn turn;
    FeedStatus done = feed_->read(turn, deadline);
    if (done == FeedStatus::kIdle) {
      if (std::chrono::steady_clock::now() < deadline) continue;
      return lost("no answer in time");
    }
    done = done == FeedStatus::kWorked ? on_turn(turn) : told_by_feed(done);
    if (done != FeedStatus::kWorked) return done;
  }
  return FeedStatus::kWorked;
}

FeedStatus PartitionRunner::on_turn(const FeedTurn& turn) {
  CHECK(turn.has_committed == committing_.has_value(),
        "a commit is permanent when the turn that took it along is answered, and no other is");
  if (turn.has_committed) after_commit();
  is_drained_ = turn.is_drained;
  // The log works on while this is folded.
  if (turn.is_full && !turn.is_last && parts_.store.has_room() && !is_finishing_) ask();
  if (const auto folded = fold_entries(); folded != FeedStatus::kWorked) return folded;
  partition_->tick();
  if (is_drained_) tick();
  if (turn.is_last) return told_by_feed(FeedStatus::kLost);
  if (feed_->is_asked() && !staged_ && commit_is_due()) stage_commit();
  if (turn.has_committed || !has_uncommitted()) is_well_ = true;
  return FeedStatus::kWorked;
}

FeedStatus PartitionRunner::fold_entries() {
  EntryBatch entries;
  const auto told = [this] {
    return memory_.told ? std::optional(memory_.told->entry) : std::nullopt;
  };
  while (feed_->next(
      entries,
      {.boundary = told(), .one_by_one = memory_.is_suspicious, .culprits = &memory_.culprits})) {
    if (const auto folded = fold(entries); folded != FeedStatus::kWorked) return folded;
  }
  return FeedStatus::kWorked;
}

FeedStatus PartitionRunner::fold(EntryBatch& entries) {
  CHECK(!entries.batch || !entries.mark.mark, "a mark is behind points, or before them");
  if (folded_entries_ == 0) first_folded_ = steady();
  folded_entries_ += entries.entries;
  std::ranges::move(entries.dead, std::back_inserter(dead_));
  entries.dead.clear();
  if (!entries.batch && !entries.mark.mark) return FeedStatus::kWorked;
  // Of this our clients know, or are not to hear any more; our own were told of when it came in.
  const bool is_told = memory_.told && entries.last <= *memory_.told;
  try {
    process(*partition_, work_of(entries, is_told || entries.is_own));
  } catch (const std::exception& failure) {
    parts_.warn(
        fmt::format("partition {}: its work failed, it starts again from its checkpoint: {}",
                    number_, failure.what()));
    if (memory_.is_suspicious) memory_.culprits[entries.last.entry] = failure.what();
    memory_.is_suspicious = true;
    return lost("its work failed");
  }
  memory_.told = std::max(memory_.told.value_or(EntryPlace{}), entries.last);
  return FeedStatus::kWorked;
}

Work PartitionRunner::work_of(EntryBatch& entries, bool is_silent) {
  if (entries.mark.mark) {
    return {.kind = Work::Kind::kMark,
            .mark = std::move(entries.mark.mark),
            .is_copy = entries.mark.is_copy,
            .replayed = is_silent};
  }
  derive_sectors(*entries.batch, parts_.sectors);
  folded_points_ += entries.batch->points.size();
  return {.batch = std::move(entries.batch), .time = now(), .replayed = is_silent};
}

void PartitionRunner::process(Partition& partition, Work work) {
  work.offset = position_;
  position_ += work.count;
  partition.process(work);
  if (work.batch) parts_.pool.put(std::move(work.batch));
}

/// A machine is not idle whose points wait in the log.
void PartitionRunner::tick() {
  const SteadyTime at = steady();
  if (at - last_tick_ < kTickNs) return;
  const std::int64_t gap_ns = at - std::exchange(last_tick_, at);
  if (gap_ns > (options_.block_ms + kStallMs) * kNsPerMs) {
    tick_from_ = at + options_.grace_ms * kNsPerMs;
  }
  if (at < tick_from_) return;
  process(*partition_, {.kind = Work::Kind::kTick, .time = floor_to_ms(now())});
}

bool PartitionRunner::has_uncommitted() const {
  return staged_ || folded_entries_ > 0 || !collector_.is_empty();
}

bool PartitionRunner::commit_is_due() const {
  return has_uncommitted() && (is_drained_ || folded_entries_ >= kMaxUncommitted ||
                               folded_points_ >= kPointsPerSeries * partition_->changed_series() ||
                               steady() - first_folded_ >= options_.commit_interval_ms * kNsPerMs);
}

void PartitionRunner::stage_commit() {
  partition_->checkpoint();
  CHECK(folded_points_ == 0 || !collector_.is_empty(),
        "points are acknowledged only together with the state that they are in");
  folded_points_ = 0;
  stage({.outputs = collector_.take(),
         .entries = std::exchange(folded_entries_, 0),
         .dead = std::exchange(dead_, {}),
         .layout = layout_});
}

void PartitionRunner::stage(PartitionCommit commit) {
  CHECK(!staged_, "a commit that is put together is sent before the next one is");
  staged_ = std::move(commit);
  feed_->stage(*staged_);
}

void PartitionRunner::after_commit() {
  CHECK(committing_.has_value(), "only what was sent can have become permanent");
  parts_.stats.commits.add();
  const std::int64_t took_ns = steady() - committing_since_;
  parts_.stats.commit_time.observe_ns(took_ns);
  trace_commit(took_ns);
  parts_.stats.entries_dead.add(committing_->dead.size());
  for (auto& output : committing_->outputs) {
    if (output.rollups.empty() && output.marks.empty()) continue;
    for (const auto& rollup : output.rollups) {
      if (rollup->stored) memory_.rollups_seen = std::max(memory_.rollups_seen, rollup->sequence);
    }
    for (const auto& mark : output.marks) {
      memory_.rollups_seen = std::max(memory_.rollups_seen, mark.sequence);
    }
    parts_.store.accept({.partition = stream_partition(number_),
                         .rollups = std::move(output.rollups),
                         .marks = std::move(output.marks)});
  }
  committing_.reset();
}

void PartitionRunner::trace_commit(std::int64_t took_ns) const {
  std::size_t rollups = 0;
  for (const auto& output : committing_->outputs) rollups += output.rollups.size();
  for (const auto& output : committing_->outputs) {
    for (const SampledTracePtr& sampled : output.sampled) {
      sampled->child(kCommitSpan, sampled->since(committing_since_),
                     {{kPartitionAttribute, attribute_of(number_)},
                      {kRollupsAttribute, attribute_of(rollups)}});
      parts_.stats.commit_time.exemplify(took_ns, sampled->id(), sampled->now());
    }
  }
}

FeedStatus PartitionRunner::commit_now(std::chrono::milliseconds limit) {
  CHECK(!feed_->is_asked(), "what is on its way may hold entries that are to be in the commit");
  while (has_uncommitted()) {
    if (!staged_) stage_commit();
    committing_ = std::exchange(staged_, std::nullopt);
    committing_since_ = steady();
    if (const auto done = feed_->commit(in(limit)); done != FeedStatus::kWorked) {
      return told_by_feed(done);
    }
    after_commit();
  }
  return FeedStatus::kWorked;
}

FeedStatus PartitionRunner::lost(std::string why) {
  error_ = std::move(why);
  return FeedStatus::kLost;
}

FeedStatus PartitionRunner::told_by_feed(FeedStatus status) {
  if (status == FeedStatus::kIdle) return lost("no answer in time");
  if (status == FeedStatus::kLost) error_ = feed_->error();
  return status;
}

}  // namespace slipstream
