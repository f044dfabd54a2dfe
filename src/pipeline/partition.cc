#include "pipeline/partition.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/fault.h"

namespace slipstream {

Partition::Partition(PartitionId id, PartitionContext context, PartitionObservers observers)
    : id_(id),
      context_(std::move(context)),
      observers_(std::move(observers)),
      queue_(context_.queue),
      published_(context_.definitions.size()) {
  std::ignore = reset(nullptr);
}

Partition::~Partition() {
  context_.stats.series.add(-published_series_);
  for (std::size_t d = 0; d < published_.size(); ++d) {
    context_.stats.windows[d].open_points.add(
        -static_cast<std::int64_t>(published_[d].open_points));
  }
}

bool Partition::has_open_windows() const {
  return std::ranges::any_of(published_, [](const WindowCounts& counts) {
    return counts.open_points > 0 || counts.gathered_points > 0;
  });
}

Result<void> Partition::reset(const PartitionState* state) {
  dirty_ = {};
  closed_.clear();
  marks_.clear();
  told_ = {};
  sampled_.clear();
  alerts_.clear();
  evicted_.clear();
  failure_.reset();
  const PartitionState nothing;
  if (auto restored = restore(state == nullptr ? nothing : *state); !restored) return restored;
  const PartitionState* const newer = guard_.state_in_place_of(windows_->sequence(), position_);
  return newer == nullptr ? Result<void>{} : restore(*newer);
}

Result<void> Partition::restore(const PartitionState& state) {
  completer_.emplace(context_.max_series, context_.schema, context_.ingest);
  windows_.emplace(context_.definitions, id_);
  position_ = checkpointed_ = state.offset;
  guard_.restarted(position_);
  const auto windows = observers_.restore(state.windows, context_.warn);
  if (!windows) return std::unexpected(windows.error());
  if (windows->empty()) {
    // Not behind the newest that is committed: what is folded again gets its numbers again.
    windows_->start_sequence_at(state.begin_sequence);
  } else if (auto restored = windows_->restore(*windows); !restored) {
    return restored;
  }
  for (const auto& [number, bytes] : state.series) {
    if (auto restored = restore_series(number, bytes); !restored) return restored;
  }
  return {};
}

std::size_t Partition::poll(std::size_t budget) {
  if (next_ == taken_.size()) {
    taken_.clear();
    next_ = 0;
    if (!context_.outputs.has_room()) return 0;
    queue_.take(taken_, budget);
  }
  const std::size_t first = next_;
  for (; next_ < taken_.size(); ++next_) process(taken_[next_]);
  return next_ - first;
}

void Partition::skip_work_in_hand() {
  if (Work* const work = work_in_hand()) {
    pass(*work);
    ++next_;
  }
}

void Partition::process(Work& work) {
  CHECK(!failure_, "a partition that failed folds nothing until it is reset");
  CHECK(work.offset >= position_, "entries are folded in the order of the log, each once");
  CHECK(work.kind != Work::Kind::kPoints || work.batch != nullptr,
        "points are folded before their batch is handed on");
  CHECK(closed_.empty(), "what was closed before is handed over");
  const SteadyTime begin = context_.clock.steady();
  observers_.begin_work();
  if (guard_.meet(work.offset, *windows_)) all_changed();
  switch (work.kind) {
    case Work::Kind::kPoints:
      fold(work);
      break;
    case Work::Kind::kTick:
      windows_->tick(work.time, closed_);
      observers_.passed(work.time);
      for (const std::uint32_t number : windows_->touched()) dirty_.changed(number);
      break;
    case Work::Kind::kMark:
      mark(work);
      break;
    case Work::Kind::kClose:
      windows_->close_all(closed_);
      for (const std::uint32_t number : windows_->touched()) dirty_.changed(number);
      break;
  }
  observers_.closed(closed_);
  observers_.take_told(told_, false);
  observers_.take_alerts(alerts_);
  if (work.end() <= guard_.handed_over()) {
    closed_.clear();
    marks_.clear();
    told_ = {};
  }
  // Before anything is out: an observer may throw.
  observers_.handed_over(closed_);
  if (work.batch && work.batch->sampled) [[unlikely]]
    trace_fold(work, begin);
  if (work.kind == Work::Kind::kPoints && !work.replayed) pass_on(work, begin);
  position_ = work.end();
  publish();
}

/// All partitions see it. Of the embedded log the first one has it stored, whose outputs are in the
/// log's order as well. A stream has no place that would be the same for every instance: there it
/// is numbered like a rollup.
void Partition::mark(const Work& work) {
  if (!work.mark) return;
  observers_.marked(*work.mark, work.replayed);
  if (id_ == embedded_partition(0)) marks_.push_back({.offset = work.offset, .mark = work.mark});
  if (id_.is_of_stream() && !work.is_copy) {
    marks_.push_back({.mark = work.mark, .sequence = windows_->take_number()});
  }
}

void Partition::pass_gap(LogOffset from, LogOffset to) {
  if (failure_ || to <= position_) return;
  from = std::max(from, std::exchange(position_, to));
  observers_.begin_work();
  guard_.meet_gap(from, *windows_, closed_);
  observers_.closed(closed_);
  observers_.handed_over(closed_);
  all_changed();
  auto checkpoint = take_checkpoint();
  // One of further on, from before, may be committed by then: of the same series, or of others.
  checkpoint->is_whole = true;
  guard_.keep_state_behind_gap({.partition = id_,
                                .offset = position_,
                                .windows = checkpoint->windows,
                                .series = checkpoint->changed},
                               windows_->sequence());
  publish(std::move(checkpoint));
}

void Partition::all_changed() {
  for (std::uint32_t number = 0; number < completer_->numbers_end(); ++number) {
    if (completer_->in_use(number)) dirty_.changed(number);
  }
}

void Partition::fold(Work& work) {
  PointBatch& batch = *work.batch;
  for (std::size_t i = 0; i < batch.points.size(); ++i) {
    Point& point = batch.points[i];
    completer_->number(batch, point, evicted_);
    if (!evicted_.empty()) {
      observers_.folded(batch, i, closed_);
      forget_evicted();
    }
    dirty_.changed(point.series);
    if (point.machine != point.series) dirty_.changed(point.machine);
    // After a restart, points of live work are complete up to where it threw.
    const bool is_again = work.replayed || i < work.completed;
    if (i < work.completed) {
      completer_->follow(batch, point);
    } else {
      completer_->complete(batch, point);
      work.completed = i + 1;
    }
    SLIPSTREAM_FAULT("fold", batch.chassis(point));
    completer_->check_sequence(point, !is_again);
    const std::size_t closed_before = closed_.size();
    windows_->fold(batch, point, closed_);
    if (closed_.size() != closed_before) observers_.folded(batch, i + 1, closed_);
  }
  observers_.folded(batch, batch.points.size(), closed_);
  const auto series_count = static_cast<std::int64_t>(completer_->size());
  context_.stats.series.add(series_count - std::exchange(published_series_, series_count));
  context_.stats.folded_points.add(batch.points.size());
}

void Partition::trace_fold(const Work& work, SteadyTime begin) {
  const SampledTracePtr& sampled = work.batch->sampled;
  sampled->child(kFoldSpan, sampled->since(begin),
                 {{kPartitionAttribute, attribute_of(id_.number)},
                  {kPointsAttribute, attribute_of(work.batch->points.size())},
                  {kRollupsAttribute, attribute_of(closed_.size())}});
  const bool is_same = !sampled_.empty() && sampled_.back() == sampled;
  if (is_same) return;
  if (sampled_.size() < kMostSampled) {
    sampled_.push_back(sampled);
  } else {
    sampled->left_out();
  }
}

void Partition::pass_on(Work& work, SteadyTime begin) {
  CHECK(work.completed == work.batch->points.size(), "only complete points are shown");
  const SampledTracePtr sampled = work.batch->sampled;
  observers_.accepted(*work.batch);
  context_.stats.batches.add();
  work.batch->log_offset = work.offset;
  context_.accepted.accept(std::move(work.batch));
  const std::int64_t took_ns = context_.clock.steady() - begin;
  context_.stats.processing.observe_ns(took_ns);
  if (sampled) context_.stats.processing.exemplify(took_ns, sampled->id(), sampled->now());
}

void Partition::tick() {
  const SteadyTime now = context_.clock.steady();
  if (now - last_tick_ < kTickNs) return;
  last_tick_ = now;
  observers_.tick(now);
  if (context_.checkpoint_interval_ms == 0 || now < checkpoint_at_) return;
  checkpoint();
  const std::int64_t took_ns = context_.clock.steady() - now;
  checkpoint_at_ =
      now + std::max(context_.checkpoint_interval_ms * kNsPerMs, took_ns * kCheckpointShare);
}

SteadyTime Partition::next_tick() const {
  if (failure_ || next_ != taken_.size() || queue_.depth() > 0) return kNever;
  const bool is_checkpoint_due = context_.checkpoint_interval_ms > 0 && position_ != checkpointed_;
  return std::min(observers_.next_tick(), is_checkpoint_due ? checkpoint_at_ : kForever);
}

void Partition::checkpoint() {
  // What a failure left of the state is no checkpoint.
  if (failure_ || position_ == checkpointed_ || !context_.outputs.has_room()) return;
  CHECK(position_ > checkpointed_, "a checkpoint goes on from the one before");
  ToldLaps told;
  observers_.take_told(told, true);
  context_.outputs.accept({.partition = id_,
                           .position = position_,
                           .checkpoint = take_checkpoint(),
                           .laps = std::move(told),
                           .sampled = std::exchange(sampled_, {})});
}

std::unique_ptr<Checkpoint> Partition::take_checkpoint() {
  auto checkpoint = std::make_unique<Checkpoint>();
  windows_->save(checkpoint->windows);
  observers_.save(checkpoint->windows);
  DirtySet::Taken taken;
  dirty_.take(taken);
  CHECK(dirty_.empty(), "what has changed is in one checkpoint");
  checkpoint->removed = std::move(taken.removed);
  checkpoint->changed.reserve(taken.changed.size());
  for (const std::uint32_t number : taken.changed) {
    checkpoint->changed.emplace_back(number, save_series(number));
  }
  checkpointed_ = position_;
  return checkpoint;
}

std::string Partition::save_series(std::uint32_t number) const {
  std::string state;
  completer_->save_series(number, state);
  std::string bytes;
  ByteWriter(bytes).text(state);
  windows_->save_series(number, bytes, context_.schema.fields());
  return bytes;
}

Result<void> Partition::restore_series(std::uint32_t number, std::string_view bytes) {
  ByteReader reader(bytes);
  if (auto restored = completer_->restore_series(number, reader.text()); !restored) {
    return restored;
  }
  return windows_->restore_series(number, reader.bytes(reader.left()), context_.schema.fields());
}

void Partition::forget_evicted() {
  for (const auto number : evicted_) {
    windows_->forget(number, closed_);
    observers_.closed(closed_);
    dirty_.removed(number);
    observers_.forget(number);
  }
  evicted_.clear();
}

void Partition::publish_counts() {
  for (std::size_t d = 0; d < published_.size(); ++d) {
    const WindowCounts& now = windows_->counts(d);
    WindowCounts& before = published_[d];
    WindowStats& stats = context_.stats.windows[d];
    // After a restart the counts are as they were once: what was told then is not told again.
    const auto advance = [](Counter& counter, std::uint64_t to, std::uint64_t& from) {
      if (to <= from) return;
      counter.add(to - from);
      from = to;
    };
    advance(stats.rollups_emitted, now.rollups, before.rollups);
    advance(stats.late_points, now.late_points, before.late_points);
    advance(stats.closed_points, now.closed_points, before.closed_points);
    before.gathered_points = now.gathered_points;
    if (now.open_points != before.open_points) {
      stats.open_points.add(static_cast<std::int64_t>(now.open_points) -
                            static_cast<std::int64_t>(before.open_points));
      before.open_points = now.open_points;
    }
  }
}

Result<void> Partition::begin(const PartitionState& state) {
  CHECK(taken_.empty(), "a partition begins before it has work");
  if (auto restored = reset(&state); !restored) return restored;
  guard_.begin(state, windows_->sequence());
  for (std::size_t d = 0; d < published_.size(); ++d) {
    const std::uint64_t open = published_[d].open_points;
    published_[d] = windows_->counts(d);
    published_[d].open_points = open;
  }
  publish_counts();
  return {};
}

void Partition::publish(std::unique_ptr<Checkpoint> checkpoint) {
  publish_counts();
  guard_.hand_over(position_, windows_->sequence());
  if (closed_.empty() && marks_.empty() && told_.empty() && alerts_.empty() && !checkpoint) return;
  std::vector<SampledTracePtr> sampled;
  // What is not stored is committed with a checkpoint.
  if (checkpoint || std::ranges::any_of(closed_, [](const auto& one) { return one->stored; })) {
    sampled.swap(sampled_);
  }
  context_.outputs.accept({.partition = id_,
                           .position = position_,
                           .rollups = std::move(closed_),
                           .checkpoint = std::move(checkpoint),
                           .marks = std::move(marks_),
                           .laps = std::move(told_),
                           .alerts = std::move(alerts_),
                           .sampled = std::move(sampled)});
  closed_ = {};
  marks_ = {};
  told_ = {};
  alerts_ = {};
}

}  // namespace slipstream
