#include "store/store_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace slipstream {

StoreWriter::StoreWriter(RollupStore& store, std::vector<RollupSink*> committed, const Clock& clock,
                         Warn warn, StoreWriterOptions options)
    : store_(store),
      sinks_(std::move(committed)),
      clock_(clock),
      begun_(clock.moment()),
      age_clock_(clock),
      warn_(std::move(warn)),
      options_(std::move(options)),
      queue_({.items = 1'000'000, .bytes = options_.queue_bytes}) {}

void StoreWriter::begin(DurableOffset durable, const StoredState& stored) {
  CHECK(current_.empty(), "the store is loaded while no commit is under way");
  durable_ = std::move(durable);
  sequences_ = stored.stream_sequences;
  checkpoints_.clear();
  for (const auto& state : stored.partitions) {
    sequences_[state.partition] = state.sequence;
    checkpoints_[state.partition] = state.offset;
  }
  publish_needed();
}

void StoreWriter::publish_needed() {
  const auto oldest =
      std::ranges::min_element(checkpoints_, {}, &decltype(checkpoints_)::value_type::second);
  needed_from_.store(oldest == checkpoints_.end() ? 0 : oldest->second, std::memory_order_release);
}

void StoreWriter::accept(Output output) {
  const std::size_t bytes = output.bytes();
  if (output.checkpoint && output.checkpoint->is_whole) whole_waiting_.fetch_add(1);
  stats_.waiting.add(1);
  stats_.waiting_rows.add(static_cast<std::int64_t>(output.rows()));
  const LogOffset position = output.position;
  // Whoever folds looks for room before; a key comes with points that have found theirs.
  queue_.force(std::move(output), bytes);
  // Else log_moved() will.
  if (durable_ && position <= durable_()) wake();
}

StoreWriter::Limit StoreWriter::idle_limit() {
  if (is_damaged_) return kLongestIdle;
  const bool may_take = waiting_.size() < kOutputsPerCommit && queue_.depth() > 0;
  const bool has_durable = !waiting_.empty() && waiting_.front().position <= durable_();
  if (!may_take && !has_durable && current_.empty()) return kLongestIdle;
  return Limit(std::max<std::int64_t>(std::max(commit_at_, retry_at_) - clock_.steady(), 0));
}

void StoreWriter::take_durable() {
  // While commits fail, outputs stay in the queue, which is what partitions look at.
  if (waiting_.size() < kOutputsPerCommit) queue_.take(taken_, kOutputsPerCommit);
  std::move(taken_.begin(), taken_.end(), std::back_inserter(waiting_));
  taken_.clear();
  const LogOffset durable = durable_();
  while (current_.size() < kOutputsPerCommit && !waiting_.empty() &&
         waiting_.front().position <= durable) {
    current_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    rows_in_commit_ += static_cast<std::int64_t>(current_.back().rows());
    gather(current_.back());
  }
}

void StoreWriter::gather(Output& output) {
  CHECK(output.partition || (output.rollups.empty() && !output.checkpoint),
        "rollups and checkpoints are some partition's");
  const std::uint64_t newest_before = output.partition ? sequences_[*output.partition] : 0;
  const Outbox* const outbox = output.made_elsewhere ? nullptr : store_.outbox();
  for (auto& rollup : output.rollups) {
    if (is_repeated(output, *rollup)) {
      stats_.repeated.add();
      continue;
    }
    if (rollup->stored) commit_.rollups.push_back(rollup);
    if (outbox != nullptr && outbox->wants(*rollup)) commit_.outgoing.push_back(rollup);
    passing_.push_back(std::move(rollup));
  }
  if (output.checkpoint) {
    commit_.checkpoints.push_back({*output.partition, {output.position, output.checkpoint.get()}});
  }
  std::ranges::move(output.laps.activities, std::back_inserter(commit_.laps.activities));
  std::ranges::move(output.laps.laps, std::back_inserter(commit_.laps.laps));
  std::ranges::move(output.alerts, std::back_inserter(commit_.alerts));
  std::ranges::move(output.track_lines, std::back_inserter(commit_.track_lines));
  std::move(output.keys.begin(), output.keys.end(), std::back_inserter(commit_.keys));
  std::move(output.dead.begin(), output.dead.end(), std::back_inserter(commit_.dead));
  for (PlacedMark& placed : output.marks) {
    if (placed.sequence != 0 && is_repeated(output, placed, newest_before)) {
      stats_.repeated.add();
      continue;
    }
    if (!options_.has_log) placed.offset.reset();
    commit_.marks.push_back(std::move(placed));
  }
}

bool StoreWriter::is_repeated(const Output& output, const Rollup& rollup) {
  const PartitionId partition = *output.partition;
  const bool is_of_stream = partition.is_of_stream();
  if (is_of_stream && !rollup.stored) return false;
  std::uint64_t& newest = sequences_[partition];
  if (rollup.sequence <= newest) return true;
  newest = rollup.sequence;
  if (is_of_stream) {
    commit_.stream_sequences[partition] = newest;
  } else {
    auto& committed = commit_.newest[partition];
    committed.sequence = newest;
    // One from behind a gap may come after those of further on.
    if (options_.has_log) committed.position = std::max(committed.position, output.position);
  }
  return false;
}

/// Its number may be between those of rollups that came with it.
bool StoreWriter::is_repeated(const Output& output, const PlacedMark& mark,
                              std::uint64_t newest_before) {
  const PartitionId partition = *output.partition;
  CHECK(partition.is_of_stream(), "marks of the embedded log are told by their places");
  if (mark.sequence <= newest_before) return true;
  std::uint64_t& newest = sequences_[partition];
  newest = std::max(newest, mark.sequence);
  commit_.stream_sequences[partition] = newest;
  return false;
}

std::uint64_t StoreWriter::rows_left() const {
  const std::uint64_t written = store_.rows_written() - commit_begun_at_.load();
  const auto waiting = static_cast<std::uint64_t>(stats_.waiting_rows.value());
  return waiting - std::min(waiting, written);
}

std::size_t StoreWriter::poll(std::size_t) {
  const SteadyTime now = clock_.steady();
  prune(now);
  pack(now);
  keep_wal_short();
  const std::size_t edits = write_edits();
  if (is_damaged_) return edits;
  if (now < retry_at_ || now < commit_at_) return edits;
  take_durable();
  if (current_.empty()) return edits;
  const std::size_t count = current_.size();
  return edits + (commit() ? count : 0);
}

bool StoreWriter::edit_session(SessionEdit edit, EditTaker done) {
  {
    const std::lock_guard lock(edits_mutex_);
    if (edits_.size() >= kMostEdits) return false;
    edits_.emplace_back(std::move(edit), std::move(done));
  }
  wake();
  return true;
}

std::size_t StoreWriter::write_edits() {
  decltype(edits_) edits;
  {
    const std::lock_guard lock(edits_mutex_);
    edits.swap(edits_);
  }
  for (const auto& [edit, done] : edits) done(store_.edit_session(edit));
  return edits.size();
}

bool StoreWriter::flush() {
  write_edits();
  while (true) {
    take_durable();
    if (current_.empty()) break;
    if (!commit()) break;
  }
  return stats_.waiting.value() == 0;
}

bool StoreWriter::commit() {
  CHECK(!current_.empty(), "a commit is of some output");
  const SteadyTime began = clock_.steady();
  std::vector<RollupRow> stored_rows;
  std::vector<MarkRow> mark_rows;
  std::vector<StoredLap> closed_laps;
  std::vector<AlertRow> alert_rows;
  if (!commit_.is_empty()) {
    commit_begun_at_.store(store_.rows_written());
    is_committing_.store(true, std::memory_order_relaxed);
    commit_.now = clock_.now();
    auto written = store_.commit(commit_, &mark_rows, &closed_laps, &alert_rows);
    is_committing_.store(false, std::memory_order_relaxed);
    if (!written) {
      stats_.failed_writes.add();
      is_damaged_ = written.error().code == ErrorCode::kCorrupt;
      if (is_damaged_) {
        warn_(
            fmt::format("the store's file is damaged, rollups wait and are not tried again; the "
                        "log keeps their points: {}: {}",
                        kStoreDamageAdvice, written.error().message));
      } else if (stats_.failing.value() == 0) {
        warn_(fmt::format("the store cannot be written, rollups wait; tried every second: {}",
                          written.error().message));
      }
      stats_.failing.set(1);
      retry_at_ = began + kRetryNs;
      return false;
    }
    stored_rows = std::move(*written);
    CHECK(stored_rows.size() == commit_.rollups.size(), "the store answers for every rollup");
    if (stats_.failing.value() != 0) warn_("the store can be written again");
    stats_.failing.set(0);
    stats_.commits.add();
    const std::int64_t took_ns = clock_.steady() - began;
    stats_.commit_time.observe_ns(took_ns);
    trace_commit(began, took_ns);
    commit_at_ = began + options_.commit_interval_ms * kNsPerMs;
  }
  pass_on(stored_rows, clock_.now());
  pass_on_marks(mark_rows);
  pass_on_laps(closed_laps);
  pass_on_alerts(alert_rows);
  stats_.checkpoints.add(commit_.checkpoints.size());
  int whole = 0;
  for (const auto& [partition, at] : commit_.checkpoints) {
    checkpoints_[partition] = at.position;
    whole += at.checkpoint->is_whole ? 1 : 0;
  }
  publish_needed();
  CHECK(whole_waiting_.load() >= whole, "a whole checkpoint waits until it is committed");
  whole_waiting_.fetch_sub(whole);
  stats_.waiting.add(-static_cast<std::int64_t>(current_.size()));
  stats_.waiting_rows.add(-std::exchange(rows_in_commit_, 0));
  commit_begun_at_.store(store_.rows_written());
  // The numbers of rollups that are not stored go with the next transaction.
  auto newest = commit_.is_empty() ? std::move(commit_.newest) : decltype(commit_.newest){};
  commit_ = {};
  commit_.newest = std::move(newest);
  current_.clear();
  return true;
}

/// Of what is sampled among the outputs that were committed in one transaction.
void StoreWriter::trace_commit(SteadyTime began, std::int64_t took_ns) {
  for (const Output& output : current_) {
    for (const SampledTracePtr& sampled : output.sampled) {
      sampled->child(kCommitSpan, sampled->since(began),
                     {{kPartitionAttribute, attribute_of(output.partition->number)},
                      {kRollupsAttribute, attribute_of(commit_.rollups.size())}});
      stats_.commit_time.exemplify(took_ns, sampled->id(), sampled->now());
    }
  }
}

void StoreWriter::pass_on(const std::vector<RollupRow>& stored_rows, ArrivalTime now) {
  std::vector<RollupRow> rows;
  std::size_t next = 0;
  const auto is_there_already = [&](const RollupPtr& rollup) {
    const RollupRow row = rollup->stored ? stored_rows.at(next++) : 0;
    if (rollup->stored && row == 0) return true;
    stats_.ingest_to_rollup.observe_ns(now.ns - rollup->last_arrival.ns);
    stats_.written.add(rollup->stored ? 1 : 0);
    rows.push_back(row);
    return false;
  };
  stats_.repeated.add(std::erase_if(passing_, is_there_already));
  CHECK(next == stored_rows.size(), "what was stored is passed on, and nothing else as stored");
  if (passing_.empty()) return;
  for (RollupSink* const sink : sinks_) sink->accept(passing_, rows);
  passing_.clear();
}

void StoreWriter::pass_on_marks(const std::vector<MarkRow>& rows) {
  CHECK(rows.size() == commit_.marks.size(), "the store answers for every mark");
  std::vector<StoredMark> stored;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] != 0) stored.push_back({rows[i], commit_.marks[i].mark});
  }
  stats_.marks.add(stored.size());
  if (!stored.empty() && mark_sink_ != nullptr) mark_sink_->accept(stored);
}

void StoreWriter::pass_on_alerts(const std::vector<AlertRow>& rows) {
  CHECK(rows.size() == commit_.alerts.size(), "the store answers for every alert");
  std::vector<StoredAlert> stored;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Alert& alert = commit_.alerts[i];
    if (rows[i] == 0) continue;
    stored.push_back({.row = rows[i], .alert = std::move(alert)});
    stored.back().is_active = stored.back().alert.is_raised;
  }
  stats_.alerts.add(stored.size());
  stats_.repeated.add(rows.size() - stored.size());
  if (!stored.empty() && alert_sink_ != nullptr) alert_sink_->accept(stored);
}

void StoreWriter::pass_on_laps(const std::vector<StoredLap>& closed) {
  stats_.laps.add(closed.size());
  if (!closed.empty() && lap_sink_ != nullptr) lap_sink_->accept(closed);
}

void StoreWriter::keep_wal_short() {
  const auto tended = store_.tend(clock_.steady());
  if (!tended && !std::exchange(wal_failing_, true)) {
    warn_(fmt::format("the store's write-ahead log cannot be copied into its database: {}",
                      tended.error().message));
  }
  if (tended) wal_failing_ = false;
}

void StoreWriter::prune(SteadyTime now) {
  if (now < prune_at_) return;
  // How old the keys of the run before are nobody can tell, since the clock may have been set: they
  // are kept as if they were answered at the start.
  ArrivalTime keys_before;
  if (now - begun_.steady >= AnsweredKey::kKeptNs) {
    keys_before = {unset_since(begun_, now).ns - AnsweredKey::kKeptNs};
  }
  const auto removed = store_.prune(age_clock_.now(), keys_before);
  if (!removed && !std::exchange(prune_failing_, true)) {
    warn_(fmt::format("what is past its retention cannot be removed from the store: {}",
                      removed.error().message));
  }
  if (removed) prune_failing_ = false;
  // More to remove: soon again, with room for writes between.
  const SteadyTime ended = clock_.steady();
  prune_at_ = removed && *removed ? ended + kRestOfWork * (ended - now) : ended + kPruneNs;
}

void StoreWriter::pack(SteadyTime now) {
  if (now < pack_at_ || !store_.has_unpacked()) return;
  const auto packed = store_.pack_some();
  if (!packed && !std::exchange(pack_failing_, true)) {
    warn_(
        fmt::format("rollups that an older version wrote cannot be packed, and stay as they are: "
                    "{}",
                    packed.error().message));
  }
  if (packed) pack_failing_ = false;
  const SteadyTime ended = clock_.steady();
  pack_at_ = ended + (packed ? kRestOfWork * (ended - now) : kPruneNs);
}

}  // namespace slipstream
