#include "pipeline/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "pipeline/sectors.h"

namespace slipstream {
namespace {

constexpr std::int64_t kRetryNs = kNsPerSecond;
constexpr std::int64_t kIdleNs = 20 * kNsPerMs;
constexpr std::int64_t kBusyNs = 5 * kNsPerSecond;

/// How long after the last point a rollup of late ones may be open.
std::int64_t late_idle_ns(const std::vector<WindowDefinition>& definitions) {
  std::int64_t longest_ms = 0;
  for (const auto& definition : definitions) {
    if (definition.late == LatePolicy::kRollup) {
      longest_ms = std::max({longest_ms, definition.idle_ms, WindowSet::kLateIdleMs});
    }
  }
  return longest_ms * kNsPerMs + kBusyNs;
}

}  // namespace

Journal::Journal(Log* log, Pipeline& pipeline, Parts parts, JournalOptions options, Warn warn)
    : log_(log),
      pipeline_(pipeline),
      parts_(parts),
      options_(options),
      warn_(std::move(warn)),
      late_ns_(late_idle_ns(parts.definitions)),
      durable_(log == nullptr ? 0 : log->next_offset()),
      pending_base_(durable_),
      next_(durable_),
      last_points_(parts.clock.now()),
      encoder_(parts.schema.fields()) {}

LogOffset Journal::next_offset() const {
  const std::lock_guard lock(mutex_);
  return next_;
}

bool Journal::offer(PointBatchPtr& batch) {
  derive_sectors(*batch, parts_.sectors);
  const std::lock_guard lock(mutex_);
  if (!has_backlog_room_locked() || !pipeline_.has_room(batch->partition)) return false;
  begin_entries_locked();
  append_locked(std::move(batch));
  return true;
}

std::expected<LogOffset, Refusal> Journal::offer_all(Body& body) {
  for (const auto& batch : body.batches) derive_sectors(*batch, parts_.sectors);
  const std::lock_guard lock(mutex_);
  if (body.durability != Durability::kReceived && stats_.failing.value() != 0) {
    return std::unexpected(Refusal::kLogUnavailable);
  }
  if (!has_backlog_room_locked()) return std::unexpected(Refusal::kFull);
  for (const auto& batch : body.batches) {
    if (!pipeline_.has_room(batch->partition)) return std::unexpected(Refusal::kFull);
  }
  begin_entries_locked();
  if (body.key != nullptr) {
    const AnsweredKey& key = *body.key;
    if (log_ != nullptr) pending_.add_key(key.key, key.time, key.status, key.answer);
    ++next_;
    // Before the points: no checkpoint may pass the key's place before the key is on its way.
    parts_.outputs.accept({.position = next_, .keys = {key}});
  }
  for (auto& batch : body.batches) append_locked(std::move(batch));
  body.batches.clear();
  return next_;
}

bool Journal::has_backlog_room_locked() const {
  return log_ == nullptr || full_bytes_ + pending_.bytes() < options_.max_backlog_bytes;
}

// What has gathered while the log failed may be more than a block can hold. Between bodies, since a
// body is in one block.
void Journal::begin_entries_locked() {
  if (pending_.bytes() < kMaxBlockBytes) return;
  full_bytes_ += pending_.bytes();
  full_.push_back({std::exchange(pending_, {}), std::exchange(pending_base_, next_)});
}

void Journal::append_locked(PointBatchPtr batch) {
  const std::size_t points = batch->points.size();
  const bool was_empty = pending_.empty();
  if (log_ != nullptr) {
    pending_.add_points(*batch, batch->partition);
    stats_.backlog_bytes.set(static_cast<std::int64_t>(full_bytes_ + pending_.bytes()));
  }
  parts_.ingest.of(batch->points.front().source).accepted.add(points);
  last_points_ = std::max(last_points_, batch->points.back().arrival_time);
  const LogOffset offset = std::exchange(next_, next_ + points);
  const std::uint32_t partition = batch->partition;
  pipeline_.push(partition, {.offset = offset, .count = points, .batch = std::move(batch)});
  if (log_ == nullptr) {
    durable_.store(next_, std::memory_order_release);
  } else if (was_empty) {
    signal_.notify();
  }
}

/// `now` in whole milliseconds, as the log keeps it.
void Journal::append_control_locked(Work::Kind kind, ArrivalTime now) {
  const LogOffset offset = next_++;
  for (std::uint32_t p = 0; p < pipeline_.partitions(); ++p) {
    pipeline_.push(p, {.kind = kind, .offset = offset, .time = now});
  }
  if (log_ == nullptr) durable_.store(next_, std::memory_order_release);
}

void Journal::close_windows(const std::optional<std::string>& layout) {
  const ArrivalTime now = floor_to_ms(parts_.clock.now());
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  if (log_ != nullptr) {
    if (layout) {
      pending_.add_definitions(*layout);
    } else {
      pending_.add_close(now);
    }
  }
  append_control_locked(Work::Kind::kClose, now);
}

bool Journal::has_open_windows() const {
  return std::ranges::any_of(parts_.stats.windows,
                             [](const WindowStats& w) { return w.open_points.value() > 0; });
}

void Journal::tick(ArrivalTime now) {
  const std::int64_t since_ns = now.ns - last_tick_ns_;
  if (since_ns < options_.tick_ms * kNsPerMs) return;
  const std::lock_guard lock(mutex_);
  if (is_closed_) return;
  const std::int64_t silence_ns = now.ns - last_points_.ns;
  if (silence_ns > kBusyNs) {
    if (since_ns < options_.slow_tick_ms * kNsPerMs) return;
    if (silence_ns > late_ns_ && !has_open_windows()) return;
  }
  last_tick_ns_ = now.ns;
  if (log_ != nullptr) pending_.add_tick(floor_to_ms(now));
  append_control_locked(Work::Kind::kTick, floor_to_ms(now));
}

void Journal::when_durable(LogOffset offset, Durability durability,
                           std::function<void(bool)> done) {
  bool at_once = durability == Durability::kReceived || log_ == nullptr;
  bool failing = false;
  if (!at_once) {
    const std::lock_guard lock(mutex_);
    at_once = offset <= durable_offset();
    failing = !at_once && stats_.failing.value() != 0;
    if (!at_once && !failing) waiters_.push_back({offset, durability, std::move(done)});
  }
  if (at_once || failing) done(at_once);
}

bool Journal::swap_pending_locked(ArrivalTime now, bool at_once) {
  if (pending_.empty()) return false;
  const bool is_due = now.ns - last_flush_ns_ >= options_.flush_interval_ms * kNsPerMs;
  if (!at_once && !is_due && pending_.bytes() < options_.flush_bytes) return false;
  rows_.clear();
  std::swap(pending_, rows_);
  block_.emplace().base = std::exchange(pending_base_, next_);
  return true;
}

bool Journal::take_pending(ArrivalTime now, bool at_once) {
  {
    const std::lock_guard lock(mutex_);
    if (!full_.empty()) {
      full_bytes_ -= full_.front().rows.bytes();
      rows_ = std::move(full_.front().rows);
      block_.emplace().base = full_.front().base;
      full_.pop_front();
    } else if (!swap_pending_locked(now, at_once)) {
      return false;
    }
  }
  last_flush_ns_ = now.ns;
  block_->count = rows_.count();
  if (rows_.points().empty()) {
    block_->min_ns = block_->max_ns = now.ns;
  } else {
    block_->min_ns = rows_.min_event_time().ns;
    block_->max_ns = rows_.max_event_time().ns;
  }
  encoder_.encode(rows_, payload_);
  return true;
}

void Journal::retain(ArrivalTime now) {
  if (now.ns < retain_at_ns_) return;
  retain_at_ns_ = now.ns + options_.retention_check_ms * kNsPerMs;
  if (auto removed = log_->retain(parts_.needed_from(), now.ns); !removed) {
    warn_(fmt::format("old segments of the log cannot be removed: {}", removed.error().message));
  }
}

std::size_t Journal::poll(std::size_t) {
  const ArrivalTime now = parts_.clock.now();
  tick(now);
  if (log_ == nullptr) return 0;
  retain(now);
  if (now.ns < retry_at_ns_) return 0;
  if (!block_ && !take_pending(now, false)) return 0;
  return write_block() ? 1 : 0;
}

bool Journal::flush() {
  if (log_ == nullptr) return true;
  while (block_ || take_pending(parts_.clock.now(), true)) {
    if (!write_block()) return false;
  }
  return true;
}

std::uint64_t Journal::waiting_points() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t points = pending_.points().size() + (block_ ? rows_.points().size() : 0);
  for (const FullRows& full : full_) points += full.rows.points().size();
  return points;
}

bool Journal::write_block() {
  const LogOffset end = block_->base + block_->count;
  if (auto written = log_->append({.base_offset = block_->base,
                                   .count = block_->count,
                                   .min_time_ns = block_->min_ns,
                                   .max_time_ns = block_->max_ns,
                                   .payload = payload_});
      !written) {
    fail(written.error());
    return false;
  }
  settle(end, durable_offset(), true);
  const ArrivalTime begin = parts_.clock.now();
  if (auto synced = log_->sync(); !synced) {
    fail(synced.error());
    return false;
  }
  stats_.fsync.observe_ns(parts_.clock.now().ns - begin.ns);
  stats_.appended_blocks.add();
  stats_.appended_bytes.add(payload_.size());
  if (stats_.failing.value() != 0) warn_("the log can be written again");
  stats_.failing.set(0);
  block_.reset();
  {
    const std::lock_guard lock(mutex_);
    stats_.backlog_bytes.set(static_cast<std::int64_t>(full_bytes_ + pending_.bytes()));
  }
  durable_.store(end, std::memory_order_release);
  settle(end, end, true);
  return true;
}

void Journal::fail(const Error& error) {
  stats_.failures.add();
  if (stats_.failing.value() == 0) {
    warn_(fmt::format(
        "the log cannot be written, nothing is acknowledged until it can; tried every second: {}",
        error.message));
  }
  {
    const std::lock_guard lock(mutex_);
    stats_.failing.set(1);
  }
  retry_at_ns_ = parts_.clock.now().ns + kRetryNs;
  settle(0, 0, false);
}

void Journal::settle(LogOffset logged, LogOffset synced, bool written) {
  std::deque<Waiter> settled;
  {
    const std::lock_guard lock(mutex_);
    if (!written) {
      settled.swap(waiters_);
    } else {
      const auto waits = [&](const Waiter& w) {
        return w.offset > (w.durability == Durability::kLogged ? logged : synced);
      };
      const auto done = std::stable_partition(waiters_.begin(), waiters_.end(), waits);
      std::move(done, waiters_.end(), std::back_inserter(settled));
      waiters_.erase(done, waiters_.end());
    }
  }
  for (auto& waiter : settled) waiter.done(written);
}

void Journal::idle() {
  std::int64_t wait_ns = std::min(kIdleNs, options_.tick_ms * kNsPerMs);
  if (log_ != nullptr) {
    const std::int64_t now_ns = parts_.clock.now().ns;
    const std::lock_guard lock(mutex_);
    if (block_) {
      wait_ns = std::clamp<std::int64_t>(retry_at_ns_ - now_ns, kNsPerMs, kIdleNs);
    } else if (!full_.empty()) {
      wait_ns = 0;
    } else if (!pending_.empty()) {
      wait_ns = std::clamp<std::int64_t>(
          last_flush_ns_ + options_.flush_interval_ms * kNsPerMs - now_ns, 0, wait_ns);
    }
  }
  if (wait_ns > 0) signal_.wait_for(std::chrono::nanoseconds(wait_ns));
}

}  // namespace slipstream
