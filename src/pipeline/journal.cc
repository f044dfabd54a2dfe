#include "pipeline/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

#include "base/check.h"
#include "pipeline/sectors.h"
#include "window/window_set.h"

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

void add_key(LogRows& rows, const AnsweredKey& key) {
  rows.add_key(key.key, key.time, key.status, key.answer);
}

}  // namespace

Journal::Journal(Log* log, WorkQueues& queues, Parts parts, JournalOptions options, Warn warn)
    : log_(log),
      queues_(queues),
      parts_(parts),
      options_(options),
      warn_(std::move(warn)),
      late_idle_ns_(late_idle_ns(parts.definitions)),
      durable_(log == nullptr ? 0 : log->next_offset()),
      pending_{.base = durable_},
      next_(durable_),
      last_points_(parts.clock.steady()),
      encoder_(parts.schema.fields()),
      age_clock_(parts.clock) {}

LogOffset Journal::next_offset() const {
  const std::lock_guard lock(mutex_);
  return next_;
}

bool Journal::offer(PointBatchPtr& batch) {
  derive_sectors(*batch, parts_.sectors);
  const std::size_t bytes = batch->bytes();
  const Entries entries{.batches = {&batch, 1}};
  std::vector<Chunk> chunks;
  if (is_large(bytes)) chunks = chunks_of(entries);
  const std::lock_guard lock(mutex_);
  if (!has_backlog_room_locked(bytes) || !queues_.has_room(batch->partition, bytes)) return false;
  log_locked(entries, std::move(chunks));
  hand_over_locked(std::move(batch));
  check_places_locked();
  tell_backlog_locked();
  return true;
}

std::expected<LogOffset, Refusal> Journal::offer_all(Body& body) {
  std::size_t bytes = 0;
  std::vector<std::size_t> of_partition(queues_.partitions());
  for (const auto& batch : body.batches) {
    derive_sectors(*batch, parts_.sectors);
    bytes += batch->bytes();
    of_partition[batch->partition] += batch->bytes();
  }
  const Entries entries{.batches = body.batches, .key = body.key};
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
  const std::lock_guard lock(mutex_);
  if (body.durability != Durability::kReceived && stats_.failing.value() != 0) {
    return std::unexpected(Refusal::kLogUnavailable);
  }
  if (!has_backlog_room_locked(bytes)) return std::unexpected(Refusal::kFull);
  for (std::uint32_t p = 0; p < of_partition.size(); ++p) {
    if (of_partition[p] > 0 && !queues_.has_room(p, of_partition[p])) {
      return std::unexpected(Refusal::kQueueFull);
    }
  }
  log_locked(entries, std::move(chunks));
  if (body.key != nullptr) {
    ++next_;
    // Before the points: no checkpoint may pass the key's place before the key is on its way.
    parts_.outputs.accept({.position = next_, .keys = {*body.key}});
  }
  for (auto& batch : body.batches) hand_over_locked(std::move(batch));
  body.batches.clear();
  check_places_locked();
  tell_backlog_locked();
  return next_;
}

/// Whether it is to have blocks of its own, prepared outside of the lock, since that takes its time
/// and its memory.
bool Journal::is_large(std::size_t bytes) const {
  return log_ != nullptr && bytes >= options_.block_bytes;
}

std::vector<Journal::Chunk> Journal::chunks_of(const Entries& entries) const {
  std::vector<Chunk> chunks(1);
  if (entries.key != nullptr) add_key(chunks.back().rows, *entries.key);
  for (const auto& batch : entries.batches) {
    for (std::size_t added = 0; added < batch->points.size();) {
      if (chunks.back().rows.bytes() >= options_.block_bytes) {
        chunks.back().goes_on = true;
        chunks.emplace_back();
      }
      added = chunks.back().rows.add_points(*batch, batch->partition, added, options_.block_bytes);
    }
  }
  return chunks;
}

/// `chunks`: the entries, where they are large.
void Journal::log_locked(const Entries& entries, std::vector<Chunk> chunks) {
  if (log_ == nullptr) return;
  if (pending_.rows.empty()) signal_.notify();
  if (chunks.empty()) {
    if (pending_.rows.bytes() >= options_.block_bytes) cut_locked();
    if (entries.key != nullptr) add_key(pending_.rows, *entries.key);
    for (const auto& batch : entries.batches) pending_.rows.add_points(*batch, batch->partition);
    return;
  }
  if (!pending_.rows.empty()) cut_locked();
  for (Chunk& chunk : chunks) {
    chunk.base = pending_.base;
    pending_.base = chunk.end();
    full_bytes_ += chunk.rows.bytes();
    full_.push_back(std::move(chunk));
  }
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
  last_points_ = parts_.clock.steady();
  const LogOffset offset = std::exchange(next_, next_ + points);
  const std::uint32_t partition = batch->partition;
  queues_.push(partition, {.offset = offset, .count = points, .batch = std::move(batch)});
  if (log_ == nullptr) durable_.store(next_, std::memory_order_release);
}

/// `now` in whole milliseconds, as the log keeps it.
void Journal::append_control_locked(Work::Kind kind, ArrivalTime now) {
  const LogOffset offset = next_++;
  for (std::uint32_t p = 0; p < queues_.partitions(); ++p) {
    queues_.push(p, {.kind = kind, .offset = offset, .time = now});
  }
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
  bool failing = false;
  if (!at_once) {
    const std::lock_guard lock(mutex_);
    failing = is_given_up_locked(offset);
    at_once = !failing && offset <= durable_offset();
    failing = failing || (!at_once && stats_.failing.value() != 0);
    if (!at_once && !failing) waiters_.push_back({offset, durability, std::move(done)});
  }
  if (at_once || failing) done(at_once);
}

bool Journal::is_given_up_locked(LogOffset end) const {
  return std::ranges::any_of(
      given_up_, [&](const auto& range) { return range.first < end && end <= range.second; });
}

bool Journal::is_due_locked(SteadyTime now) const {
  return now - last_flush_ >= options_.flush_interval_ms * kNsPerMs ||
         pending_.rows.bytes() >= options_.flush_bytes;
}

bool Journal::take_pending(SteadyTime now, bool at_once) {
  CHECK(writing_.empty(), "what is being written is written before more is taken");
  const std::lock_guard lock(mutex_);
  if (full_.empty()) {
    if (pending_.rows.empty() || !(at_once || is_due_locked(now))) return false;
    const LogOffset next = pending_.end();
    spare_.clear();
    writing_.push_back(std::exchange(pending_, {.rows = std::exchange(spare_, {}), .base = next}));
  } else {
    do {
      full_bytes_ -= full_.front().rows.bytes();
      writing_.push_back(std::move(full_.front()));
      full_.pop_front();
    } while (writing_.back().goes_on);
  }
  for (const Chunk& chunk : writing_) writing_bytes_ += chunk.rows.bytes();
  CHECK(writing_.front().base == durable_offset(), "the log is written without holes");
  CHECK(!writing_.back().goes_on, "a body is taken whole");
  last_flush_ = now;
  return true;
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
  if (writing_.empty() && !take_pending(now.steady, false)) return 0;
  return write_blocks() ? 1 : 0;
}

bool Journal::flush() {
  if (log_ == nullptr) return true;
  while (!writing_.empty() || take_pending(parts_.clock.steady(), true)) {
    if (!write_blocks()) return false;
  }
  return true;
}

std::uint64_t Journal::waiting_points() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t points = pending_.rows.points().size();
  for (const Chunk& chunk : writing_) points += chunk.rows.points().size();
  for (const Chunk& chunk : full_) points += chunk.rows.points().size();
  return points;
}

LogBlock Journal::block_of(const Chunk& chunk) {
  encoder_.encode(chunk.rows, payload_);
  LogBlock block{.base_offset = chunk.base,
                 .count = chunk.rows.count(),
                 .payload = payload_,
                 .goes_on = chunk.goes_on};
  if (chunk.rows.points().empty()) {
    block.min_time_ns = block.max_time_ns = parts_.clock.now().ns;
  } else {
    block.min_time_ns = chunk.rows.min_event_time().ns;
    block.max_time_ns = chunk.rows.max_event_time().ns;
  }
  return block;
}

Result<std::size_t> Journal::append_blocks() {
  std::size_t bytes = 0;
  for (const Chunk& chunk : writing_) {
    if (auto written = log_->append(block_of(chunk)); !written) {
      return std::unexpected(written.error());
    }
    bytes += payload_.size();
  }
  return bytes;
}

bool Journal::write_blocks() {
  CHECK(!writing_.empty(), "only what was taken is written");
  auto written = append_blocks();
  if (!written && written.error().code == ErrorCode::kRefused) {
    give_up_blocks(written.error());
    written = append_blocks();
  }
  if (!written) {
    fail(written.error());
    return false;
  }
  const LogOffset end = writing_.back().end();
  CHECK(end > durable_offset(), "what is written goes on from what is durable");
  settle(end, durable_offset(), true);
  const SteadyTime begin = parts_.clock.steady();
  if (auto synced = log_->sync(); !synced) {
    fail(synced.error());
    return false;
  }
  stats_.fsync.observe_ns(parts_.clock.steady() - begin);
  stats_.appended_blocks.add(writing_.size());
  stats_.appended_bytes.add(*written);
  if (stats_.failing.value() != 0) warn_("the log can be written again");
  stats_.failing.set(0);
  spare_ = std::move(writing_.front().rows);
  writing_.clear();
  {
    const std::lock_guard lock(mutex_);
    writing_bytes_ = 0;
    tell_backlog_locked();
  }
  durable_.store(end, std::memory_order_release);
  settle(end, end, true);
  return true;
}

/// Puts a void in place of what is to be written.
void Journal::give_up_blocks(const Error& why) {
  const LogOffset base = writing_.front().base;
  const LogOffset end = writing_.back().end();
  std::uint64_t points = 0;
  for (const Chunk& chunk : writing_) {
    points += chunk.rows.points().size();
    if (parts_.dead) parts_.dead(chunk.base, block_of(chunk).payload, why.message);
  }
  stats_.refused_points.add(points);
  warn_(
      fmt::format("the log refuses {} points for what they are ({}): they are in the dead letters, "
                  "and not acknowledged",
                  points, why.message));
  Chunk instead{.base = base};
  instead.rows.add_void(static_cast<std::uint32_t>(end - base));
  CHECK(instead.end() == end, "a void takes the places of what it is put in for");
  writing_.clear();
  writing_.push_back(std::move(instead));
  std::vector<Waiter> told;
  {
    const std::lock_guard lock(mutex_);
    writing_bytes_ = writing_.front().rows.bytes();
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
    const SteadyTime now = parts_.clock.steady();
    const std::lock_guard lock(mutex_);
    if (!writing_.empty()) {
      wait_ns = std::clamp<std::int64_t>(retry_at_ - now, kNsPerMs, kIdleNs);
    } else if (!full_.empty()) {
      wait_ns = 0;
    } else if (!pending_.rows.empty()) {
      wait_ns = std::clamp<std::int64_t>(last_flush_ + options_.flush_interval_ms * kNsPerMs - now,
                                         0, wait_ns);
    }
  }
  if (wait_ns > 0) signal_.wait_for(std::chrono::nanoseconds(wait_ns));
}

}  // namespace slipstream
