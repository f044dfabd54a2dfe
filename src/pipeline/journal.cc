#include "pipeline/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

#include "base/check.h"
#include "codec/mark_json.h"
#include "pipeline/sectors.h"
#include "window/window_set.h"

namespace slipstream {
namespace {

/// How long after the last point a rollup of late ones may be open.
std::int64_t late_idle_ns(const std::vector<WindowDefinition>& definitions) {
  std::int64_t longest_ms = 0;
  for (const auto& definition : definitions) {
    if (definition.late == LatePolicy::kRollup) {
      longest_ms = std::max({longest_ms, definition.idle_ms, WindowSet::kLateIdleMs});
    }
  }
  return longest_ms * kNsPerMs + Journal::kBusyNs;
}

void add_key(LogRows& rows, const AnsweredKey& key) {
  rows.add_key(key.key, key.time, key.status, key.answer);
}

/// Where the log is empty nothing has gone quiet, and no partition waits for a tick.
SteadyTime last_points_at_start(const Log* log, SteadyTime now) {
  return log != nullptr && log->next_offset() == 0 ? kNever : now;
}

}  // namespace

Journal::Journal(Log* log, WorkQueues& queues, const Parts& parts, JournalOptions options,
                 Warn warn)
    : log_(log),
      queues_(queues),
      parts_(parts),
      options_(options),
      warn_(std::move(warn)),
      late_idle_ns_(late_idle_ns(parts.definitions)),
      durable_(log == nullptr ? 0 : log->next_offset()),
      pending_{.base = durable_},
      next_(durable_),
      logged_(durable_),
      last_points_(last_points_at_start(log, parts.clock.steady())),
      encoder_(parts.schema.fields()),
      age_clock_(parts.clock) {}

LogOffset Journal::next_offset() const {
  const std::lock_guard lock(mutex_);
  return next_;
}

bool Journal::offer(PointBatchPtr& batch) {
  offer_each({&batch, 1});
  return batch == nullptr;
}

void Journal::offer_each(std::span<PointBatchPtr> batches) {
  for (const auto& batch : batches) derive_sectors(*batch, parts_.sectors);
  bool must_wake = false;
  std::vector<Logged> traced;
  std::unique_lock lock(mutex_);
  for (PointBatchPtr& batch : batches) {
    const std::size_t bytes = batch->bytes();
    const SampledTracePtr sampled = batch->sampled;
    const Entries entries{.batches = {&batch, 1}};
    std::vector<Chunk> chunks;
    if (is_large(bytes)) {
      lock.unlock();
      chunks = chunks_of(entries);
      lock.lock();
    }
    if (!has_backlog_room_locked(bytes) || !queues_.has_room(batch->partition, bytes)) continue;
    must_wake |= log_locked(entries, std::move(chunks));
    hand_over_locked(std::move(batch));
    if (sampled) traced.push_back({sampled, last_points_, next_, Durability::kLogged});
  }
  check_places_locked();
  tell_backlog_locked();
  lock.unlock();
  queues_.wake();
  if (must_wake) signal_.notify();
  for (Logged& logged : traced) trace(std::move(logged));
}

std::expected<LogOffset, Refusal> Journal::offer_all(Body& body) {
  std::size_t bytes = 0;
  std::vector<std::size_t> of_partition(queues_.partitions());
  for (const auto& batch : body.batches) {
    derive_sectors(*batch, parts_.sectors);
    bytes += batch->bytes();
    of_partition[batch->partition] += batch->bytes();
  }
  const Entries entries{.batches = body.batches, .key = body.key, .marks = body.marks};
  std::size_t mark_bytes = 0;
  for (const MarkAmong& one : body.marks) mark_bytes += bytes_of(*one.mark);
  bytes += mark_bytes;
  for (std::size_t& of_one : of_partition) of_one += mark_bytes;
  std::vector<Chunk> chunks;
  if (is_large(bytes)) {
    if (room_bytes() < bytes && stats_.backlog_bytes.value() > 0) {
      return std::unexpected(Refusal::kFull);
    }
    try {
      chunks = chunks_of(entries);
    } catch (const std::bad_alloc&) {
      return std::unexpected(Refusal::kNoMemory);
    }
  }
  std::unique_lock lock(mutex_);
  if (body.durability != Durability::kReceived && stats_.failing.value() != 0) {
    return std::unexpected(Refusal::kLogUnavailable);
  }
  if (!has_backlog_room_locked(bytes)) return std::unexpected(Refusal::kFull);
  for (std::uint32_t p = 0; p < of_partition.size(); ++p) {
    if (of_partition[p] > 0 && !queues_.has_room(p, of_partition[p])) {
      return std::unexpected(Refusal::kQueueFull);
    }
  }
  const bool must_wake = log_locked(entries, std::move(chunks));
  if (body.key != nullptr) {
    ++next_;
    // Before the points: no checkpoint may pass the key's place before the key is on its way.
    parts_.outputs.accept({.position = next_, .keys = {*body.key}});
  }
  for_each_in_order(
      body.batches, body.marks, [&](PointBatchPtr& batch) { hand_over_locked(std::move(batch)); },
      [&](const MarkPtr& mark) { hand_over_locked(mark); });
  body.batches.clear();
  body.marks.clear();
  if (body.durability > Durability::kLogged) sync_wanted_ = next_;
  check_places_locked();
  tell_backlog_locked();
  const LogOffset end = next_;
  Logged logged{body.sampled, last_points_, end, std::max(body.durability, Durability::kLogged)};
  lock.unlock();
  queues_.wake();
  if (must_wake) signal_.notify();
  if (logged.sampled) trace(std::move(logged));
  return end;
}

/// `log` ends when what its sender waits for is done; nobody waits for less than a write.
void Journal::trace(Logged logged) {
  if (log_ == nullptr) return;
  const LogOffset end = logged.end;
  const Durability durability = logged.durability;
  when_durable(end, durability, [logged = std::move(logged)](bool is_durable) {
    logged.sampled->child(kLogSpan, logged.sampled->since(logged.since), {},
                          is_durable ? "" : "the log cannot be written at the moment");
  });
}

/// Whether it is to have blocks of its own, prepared outside of the lock, since that takes its time
/// and its memory.
bool Journal::is_large(std::size_t bytes) const {
  return log_ != nullptr && bytes >= options_.block_bytes;
}

std::vector<Journal::Chunk> Journal::chunks_of(const Entries& entries) const {
  std::vector<Chunk> chunks(1);
  if (entries.key != nullptr) add_key(chunks.back().rows, *entries.key);
  const auto rows_with_room = [&]() -> LogRows& {
    if (chunks.back().rows.bytes() >= options_.block_bytes) {
      chunks.back().goes_on = true;
      chunks.emplace_back();
    }
    return chunks.back().rows;
  };
  for_each_in_order(
      entries.batches, entries.marks,
      [&](const PointBatchPtr& batch) {
        for (std::size_t added = 0; added < batch->points.size();) {
          added =
              rows_with_room().add_points(*batch, batch->partition, added, options_.block_bytes);
        }
      },
      [&](const MarkPtr& mark) { add_mark(rows_with_room(), *mark); });
  return chunks;
}

/// `chunks`: the entries, where they are large. Whether the flusher is to be woken for them.
bool Journal::log_locked(const Entries& entries, std::vector<Chunk> chunks) {
  const SteadyTime now = parts_.clock.steady();
  // After a silence its ticks come faster again, log or not.
  const bool was_silent = now - std::exchange(last_points_, now) > kBusyNs;
  if (log_ == nullptr) return was_silent;
  if (chunks.empty()) {
    if (pending_.rows.bytes() >= options_.block_bytes) cut_locked();
    if (pending_.rows.empty()) pending_since_ = now;
    if (entries.key != nullptr) add_key(pending_.rows, *entries.key);
    for_each_in_order(
        entries.batches, entries.marks,
        [&](const PointBatchPtr& batch) { pending_.rows.add_points(*batch, batch->partition); },
        [&](const MarkPtr& mark) { add_mark(pending_.rows, *mark); });
    return must_wake_flusher_locked(now) || was_silent;
  }
  if (!pending_.rows.empty()) cut_locked();
  for (Chunk& chunk : chunks) {
    chunk.base = pending_.base;
    pending_.base = chunk.end();
    full_bytes_ += chunk.rows.bytes();
    full_.push_back(std::move(chunk));
  }
  return must_wake_flusher_locked(now) || was_silent;
}

/// Where it would sleep for longer than what waits may. While the log fails, it knows when to try
/// again.
bool Journal::must_wake_flusher_locked(SteadyTime now) {
  if (stats_.failing.value() != 0) return false;
  const bool is_much =
      !full_.empty() || pending_.rows.bytes() >= options_.flush_bytes || is_backlog_long_locked();
  const SteadyTime due = is_much ? now : flush_at_locked();
  if (due >= sleeps_until_) return false;
  sleeps_until_ = due;
  return true;
}

std::size_t Journal::room_bytes() const {
  if (log_ == nullptr) return kNoLimit;
  const std::lock_guard lock(mutex_);
  const std::size_t backlog = backlog_bytes_locked();
  return options_.max_backlog_bytes - std::min(backlog, options_.max_backlog_bytes);
}

std::size_t Journal::backlog_bytes_locked() const {
  return full_bytes_ + pending_.rows.bytes() + writing_bytes_;
}

/// So much that it is to be synced before more is refused.
bool Journal::is_backlog_long_locked() const {
  return backlog_bytes_locked() >= options_.max_backlog_bytes / 4;
}

/// What alone is more than may wait is taken where nothing waits, so that it is not refused for
/// ever.
bool Journal::has_backlog_room_locked(std::size_t more) const {
  if (log_ == nullptr) return true;
  const std::size_t backlog = backlog_bytes_locked();
  return backlog == 0 || backlog + more <= options_.max_backlog_bytes;
}

void Journal::tell_backlog_locked() {
  stats_.backlog_bytes.set(static_cast<std::int64_t>(backlog_bytes_locked()));
}

void Journal::cut_locked() {
  const LogOffset next = pending_.end();
  full_bytes_ += pending_.rows.bytes();
  full_.push_back(std::exchange(pending_, {.base = next}));
}

void Journal::check_places_locked() const {
  CHECK(log_ == nullptr || pending_.end() == next_,
        "what goes to the log and what goes to the partitions are the same entries");
}

/// What is in the log, or on its way there, to its partition.
void Journal::hand_over_locked(PointBatchPtr batch) {
  const std::size_t points = batch->points.size();
  CHECK(points > 0, "a batch without points has no place in the log");
  CHECK(batch->partition < queues_.partitions(), "a batch is of a partition that there is");
  parts_.ingest.of(batch->points.front().source).accepted.add(points);
  const LogOffset offset = std::exchange(next_, next_ + points);
  const std::uint32_t partition = batch->partition;
  queues_.push(partition, {.offset = offset, .count = points, .batch = std::move(batch)});
  if (log_ == nullptr) durable_.store(next_, std::memory_order_release);
}

void Journal::add_mark(LogRows& rows, const Mark& mark) {
  std::string text;
  append_mark_json(text, mark);
  rows.add_mark(mark.arrival, text);
}

/// To all partitions, since it has its place among the points of each.
void Journal::hand_over_locked(const MarkPtr& mark) {
  parts_.ingest.marks.add();
  const LogOffset offset = next_++;
  for (std::uint32_t p = 0; p < queues_.partitions(); ++p) {
    queues_.push(p, {.kind = Work::Kind::kMark, .offset = offset, .mark = mark});
  }
  if (log_ == nullptr) durable_.store(next_, std::memory_order_release);
}

/// `now` in whole milliseconds, as the log keeps it.
void Journal::append_control_locked(Work::Kind kind, ArrivalTime now) {
  const LogOffset offset = next_++;
  for (std::uint32_t p = 0; p < queues_.partitions(); ++p) {
    queues_.push(p, {.kind = kind, .offset = offset, .time = now});
  }
  queues_.wake();
  check_places_locked();
  if (log_ == nullptr) durable_.store(next_, std::memory_order_release);
}

void Journal::close_windows(const std::optional<std::string>& layout) {
  const ArrivalTime now = floor_to_ms(parts_.clock.now());
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  if (log_ != nullptr) {
    if (layout) {
      pending_.rows.add_definitions(*layout);
    } else {
      pending_.rows.add_close(now);
    }
  }
  append_control_locked(Work::Kind::kClose, now);
}

bool Journal::has_open_windows() const {
  return std::ranges::any_of(parts_.stats.windows,
                             [](const WindowStats& w) { return w.open_points.value() > 0; });
}

void Journal::tick(Moment now) {
  const std::int64_t since_ns = now.steady - last_tick_;
  if (since_ns < options_.tick_ms * kNsPerMs) return;
  const std::lock_guard lock(mutex_);
  if (is_closed_) return;
  const std::int64_t silence_ns = now.steady - last_points_;
  if (silence_ns > kBusyNs) {
    if (since_ns < options_.slow_tick_ms * kNsPerMs) return;
    if (silence_ns > late_idle_ns_ && !has_open_windows()) return;
  }
  last_tick_ = now.steady;
  if (log_ != nullptr) pending_.rows.add_tick(floor_to_ms(now.wall));
  append_control_locked(Work::Kind::kTick, floor_to_ms(now.wall));
}

void Journal::when_durable(LogOffset offset, Durability durability,
                           std::function<void(bool)> done) {
  bool at_once = durability == Durability::kReceived || log_ == nullptr;
  if (!at_once) {
    const std::lock_guard lock(mutex_);
    bool failing = is_given_up_locked(offset);
    const bool needs_sync = durability != Durability::kLogged;
    at_once = !failing && offset <= (needs_sync ? durable_offset() : logged_);
    failing = failing || (!at_once && stats_.failing.value() != 0);
    if (!at_once && !failing) {
      waiters_.push_back({offset, durability, std::move(done)});
      if (needs_sync && offset > sync_wanted_) {
        sync_wanted_ = offset;
        if (offset <= logged_) signal_.notify();
      }
      return;
    }
  }
  done(at_once);
}

bool Journal::is_given_up_locked(LogOffset end) const {
  return std::ranges::any_of(
      given_up_, [&](const auto& range) { return range.first < end && end <= range.second; });
}

}  // namespace slipstream
