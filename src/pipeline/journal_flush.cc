// The flusher's side of the journal: what waits goes to the log.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "pipeline/journal.h"

namespace slipstream {
namespace {

constexpr std::int64_t kRetryNs = kNsPerSecond;
constexpr std::int64_t kFlowingNs = kNsPerMs;   ///< less apart, they came together
constexpr std::int64_t kIdleNs = kNsPerSecond;  ///< to sleep at most: retention is looked after

}  // namespace

bool Journal::is_due_locked(SteadyTime now) const {
  return now >= flush_at_locked() || pending_.rows.bytes() >= options_.flush_bytes;
}

bool Journal::take_pending(SteadyTime now, bool at_once) {
  CHECK(written_ == writing_.size(), "what was taken is written before more is taken");
  const std::lock_guard lock(mutex_);
  if (full_.empty()) {
    if (pending_.rows.empty() || !(at_once || is_due_locked(now))) return false;
    is_flowing_ = last_points_ - pending_since_ >= kFlowingNs;
    const LogOffset next = pending_.end();
    writing_.push_back(std::exchange(pending_, {.rows = spare_rows(), .base = next}));
  } else {
    do {
      full_bytes_ -= full_.front().rows.bytes();
      writing_.push_back(std::move(full_.front()));
      full_.pop_front();
    } while (writing_.back().goes_on);
  }
  for (std::size_t i = written_; i < writing_.size(); ++i) {
    writing_bytes_ += writing_[i].rows.bytes();
  }
  CHECK(writing_[written_].base == logged_, "the log is written without holes");
  CHECK(!writing_.back().goes_on, "a body is taken whole");
  last_flush_ = now;
  return true;
}

LogRows Journal::spare_rows() {
  if (spares_.empty()) return {};
  LogRows rows = std::move(spares_.back());
  spares_.pop_back();
  rows.clear();
  return rows;
}

void Journal::retain(SteadyTime now) {
  if (now < retain_at_) return;
  retain_at_ = now + options_.retention_check_ms * kNsPerMs;
  if (auto removed = log_->retain(parts_.needed_from(), age_clock_.now().ns); !removed) {
    warn_(fmt::format("old segments of the log cannot be removed: {}", removed.error().message));
  }
}

std::size_t Journal::poll(std::size_t) {
  const Moment now = parts_.clock.moment();
  tick(now);
  if (log_ == nullptr) return 0;
  retain(now.steady);
  if (now.steady < retry_at_) return 0;
  bool has_worked = false;
  if (written_ < writing_.size() || take_pending(now.steady, false)) {
    if (!write_blocks()) return 0;
    has_worked = true;
  }
  if (now.steady >= sync_at()) {
    if (!sync_blocks()) return 0;
    has_worked = true;
  }
  return has_worked ? 1 : 0;
}

bool Journal::flush() {
  if (log_ == nullptr) return true;
  while (written_ < writing_.size() || take_pending(parts_.clock.steady(), true)) {
    if (!write_blocks()) return false;
  }
  return writing_.empty() || sync_blocks();
}

std::uint64_t Journal::waiting_points() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t points = pending_.rows.points().size();
  for (const Chunk& chunk : writing_) points += chunk.rows.points().size();
  for (const Chunk& chunk : full_) points += chunk.rows.points().size();
  return points;
}

LogBlock Journal::block_of(const Chunk& chunk) {
  encoder_.encode(chunk.rows, payload_, !chunk.goes_on && log_->may_lean());
  LogBlock block{.base_offset = chunk.base,
                 .count = chunk.rows.count(),
                 .payload = payload_,
                 .goes_on = chunk.goes_on,
                 .leans = encoder_.leans()};
  if (chunk.rows.points().empty()) {
    block.min_time_ns = block.max_time_ns = parts_.clock.now().ns;
  } else {
    block.min_time_ns = chunk.rows.min_event_time().ns;
    block.max_time_ns = chunk.rows.max_event_time().ns;
  }
  return block;
}

/// The first of what is not written yet: one block, or all those of a body.
Result<void> Journal::append_body() {
  std::size_t at = written_;
  std::size_t bytes = 0;
  do {
    if (auto appended = log_->append(block_of(writing_[at])); !appended) return appended;
    bytes += payload_.size();
  } while (writing_[at++].goes_on);
  stats_.appended_blocks.add(at - written_);
  stats_.appended_bytes.add(bytes);
  written_ = at;
  written_bytes_ += bytes;
  return {};
}

bool Journal::write_blocks() {
  CHECK(written_ < writing_.size(), "only what was taken is written");
  if (written_ == 0) oldest_written_ = parts_.clock.steady();
  bool has_begun_again = false;
  while (written_ < writing_.size()) {
    auto appended = append_body();
    if (!appended && log_->next_offset() < writing_[written_].base && !has_begun_again) {
      // What was not synced is gone with its file, or with what failed: it comes again.
      has_begun_again = true;
      begin_again();
      continue;
    }
    if (!appended && appended.error().code == ErrorCode::kRefused) {
      give_up_body(appended.error());
      appended = append_body();
    }
    if (!appended) {
      fail(appended.error());
      return false;
    }
  }
  const LogOffset end = writing_.back().end();
  CHECK(end > durable_offset(), "what is written goes on from what is durable");
  settle(end, durable_offset(), true);
  return true;
}

/// When what is written is to be synced: now where somebody waits for that, or where the log failed
/// and only a sync tells that it does no more.
SteadyTime Journal::sync_at() const {
  if (written_ == 0) return kForever;
  const std::lock_guard lock(mutex_);
  const bool is_wanted = sync_wanted_ > durable_offset() ||
                         written_bytes_ >= options_.flush_bytes || is_backlog_long_locked() ||
                         stats_.failing.value() != 0;
  return is_wanted ? kNever : oldest_written_ + options_.sync_interval_ms * kNsPerMs;
}

bool Journal::sync_blocks() {
  CHECK(written_ == writing_.size(), "what was taken is written before it is synced");
  const LogOffset end = writing_.back().end();
  const SteadyTime begin = parts_.clock.steady();
  if (auto synced = log_->sync(); !synced) {
    fail(synced.error());
    return false;
  }
  CHECK(log_->synced_offset() >= end, "what was written and not cut back is synced");
  stats_.fsync.observe_ns(parts_.clock.steady() - begin);
  if (stats_.failing.value() != 0) warn_("the log can be written again");
  stats_.failing.set(0);
  written_ = written_bytes_ = 0;
  let_go_of_synced(end);
  return true;
}

/// What the log has synced is nobody's concern any more but of those who wait for it.
void Journal::let_go_of_synced(LogOffset end) {
  {
    const std::lock_guard lock(mutex_);
    while (!writing_.empty() && writing_.front().end() <= end) {
      LogRows& rows = writing_.front().rows;
      CHECK(writing_bytes_ >= rows.bytes(), "what was taken was counted");
      writing_bytes_ -= rows.bytes();
      const bool is_small = rows.bytes() <= kMaxSpareBytes;
      if (is_small && spares_.size() < kMaxSpares) spares_.push_back(std::move(rows));
      writing_.pop_front();
    }
    logged_ = end;
    tell_backlog_locked();
  }
  if (end == durable_offset()) return;
  durable_.store(end, std::memory_order_release);
  settle(end, end, true);
  if (parts_.durable_moved) parts_.durable_moved();
}

/// Puts a void in place of what is to be written next.
void Journal::give_up_body(const Error& why) {
  const auto first = writing_.begin() + static_cast<std::ptrdiff_t>(written_);
  auto last = first;
  while (last->goes_on) ++last;
  const LogOffset base = first->base;
  const LogOffset end = last->end();
  std::uint64_t points = 0;
  std::size_t bytes = 0;
  for (auto chunk = first; chunk != last + 1; ++chunk) {
    points += chunk->rows.points().size();
    bytes += chunk->rows.bytes();
    if (parts_.dead) parts_.dead(chunk->base, block_of(*chunk).payload, why.message);
  }
  stats_.refused_points.add(points);
  warn_(
      fmt::format("the log refuses {} points for what they are ({}): they are in the dead letters, "
                  "and not acknowledged",
                  points, why.message));
  Chunk instead{.base = base};
  instead.rows.add_void(static_cast<std::uint32_t>(end - base));
  CHECK(instead.end() == end, "a void takes the places of what it is put in for");
  const std::size_t void_bytes = instead.rows.bytes();
  *first = std::move(instead);
  writing_.erase(first + 1, last + 1);
  std::vector<Waiter> told;
  {
    const std::lock_guard lock(mutex_);
    writing_bytes_ += void_bytes;
    writing_bytes_ -= bytes;
    given_up_.emplace_back(base, end);
    if (given_up_.size() > kMaxGivenUp) given_up_.pop_front();
    const auto waits = [&](const Waiter& waiter) { return !is_given_up_locked(waiter.offset); };
    const auto done = std::stable_partition(waiters_.begin(), waiters_.end(), waits);
    std::move(done, waiters_.end(), std::back_inserter(told));
    waiters_.erase(done, waiters_.end());
  }
  for (Waiter& waiter : told) waiter.done(false);
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
  retry_at_ = parts_.clock.steady() + kRetryNs;
  begin_again();
  settle(0, 0, false);
}

/// The log is back at what it has synced, which may be more than it was asked to.
void Journal::begin_again() {
  written_ = written_bytes_ = 0;
  let_go_of_synced(log_->synced_offset());
}

void Journal::settle(LogOffset logged, LogOffset synced, bool written) {
  std::deque<Waiter> settled;
  {
    const std::lock_guard lock(mutex_);
    if (!written) {
      settled.swap(waiters_);
    } else {
      logged_ = logged;
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

/// When poll() may have something to do, if nothing comes until then.
SteadyTime Journal::next_due(SteadyTime now) {
  SteadyTime log_due = sync_at();
  const std::lock_guard lock(mutex_);
  SteadyTime due = kForever;
  const std::int64_t silence_ns = now - last_points_;
  if (!is_closed_ && silence_ns <= kBusyNs) {
    // Mostly it rides along with points before that.
    due = last_tick_ + 2 * options_.tick_ms * kNsPerMs;
  } else if (!is_closed_ && (silence_ns <= late_idle_ns_ || has_open_windows())) {
    due = last_tick_ + options_.slow_tick_ms * kNsPerMs;
  }
  if (log_ != nullptr) {
    // Where there will be more before the next write is due, nobody needs to wake it for that.
    const bool will_flow = is_flowing_ && now < flush_at_locked();
    if (!full_.empty() || written_ < writing_.size()) {
      log_due = now;
    } else if (will_flow || !pending_.rows.empty()) {
      log_due = std::min(log_due, is_due_locked(now) ? now : flush_at_locked());
    }
    due = std::min(due, std::max(log_due, retry_at_));
  }
  return sleeps_until_ = due;
}

void Journal::idle() {
  const SteadyTime now = parts_.clock.steady();
  const std::int64_t wait_ns = std::min(next_due(now) - now, kIdleNs);
  if (wait_ns > 0) signal_.wait_for(std::chrono::nanoseconds(wait_ns));
}

}  // namespace slipstream
