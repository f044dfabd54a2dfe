#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stop_token>
#include <thread>

#include "history/pinned_segments.h"
#include "history/segment_indexes.h"
#include "log/segment_log.h"

namespace slipstream {

/// When it looks, and how fast it works: a step, then a pause.
struct LogIndexerOptions {
  std::chrono::milliseconds between_looks{30'000};
  std::chrono::milliseconds after_error{60'000};
  std::size_t step_bytes = std::size_t{1} << 20;
  std::chrono::milliseconds pause{50};
};

/// Makes the indexes of sealed segments (SegmentIndexes::tend), one after the other, and lets go of
/// those that no pinned session needs any more, on a thread of the lowest priority. Nothing depends
/// on it: what has no index is read without one, more slowly. Threads: start() and stop() from one.
class LogIndexer {
 public:
  /// `pinned`: nullptr, nothing is kept beyond the log's retention.
  LogIndexer(SegmentIndexes& indexes, const SegmentLog& log, PinnedSegments* pinned = nullptr,
             LogIndexerOptions options = {})
      : indexes_(indexes),
        log_(log),
        pinned_(pinned),
        options_(options),
        step_left_(options.step_bytes) {}

  void start();
  /// Returns as soon as the block in hand is done; what was begun is given up.
  void stop() { thread_ = {}; }
  /// Something is to be done, or let go: it looks at once. Any thread.
  void look_now();
  /// Since the last try, which was an error. Any thread.
  bool is_failing() const { return is_failing_.load(std::memory_order_relaxed); }

 private:
  void run(const std::stop_token& stop);
  /// False: nothing is left to be done.
  Result<bool> tend(const std::stop_token& stop);
  bool may_read(const std::stop_token& stop, std::size_t bytes);
  void wait(const std::stop_token& stop, std::chrono::milliseconds time);
  void wait_for_next_look(const std::stop_token& stop, std::chrono::milliseconds time);

  SegmentIndexes& indexes_;
  const SegmentLog& log_;
  PinnedSegments* const pinned_;
  const LogIndexerOptions options_;
  std::size_t step_left_;  ///< bytes, on the thread
  std::atomic<bool> is_failing_{false};
  std::mutex mutex_;        // for the pauses only
  bool is_wanted_ = false;  ///< guarded by it
  std::condition_variable_any stopped_;
  std::jthread thread_;  ///< last: it uses all above
};

}  // namespace slipstream
