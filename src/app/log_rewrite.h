#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <thread>

#include "log/segment_log.h"
#include "log/segment_rewriter.h"

namespace slipstream {

/// When it looks, and how fast it works: a step, then a pause.
struct LogRewriteOptions {
  std::chrono::milliseconds between_looks{30'000};
  std::chrono::milliseconds after_error{600'000};
  std::size_t step_bytes = std::size_t{1} << 20;
  std::chrono::milliseconds pause{100};
};

/// Rewrites the log's sealed segments of small blocks into large ones (SegmentRewriter), one after
/// the other, on a thread of the lowest priority: what came at 500 points a second takes half the
/// bytes then. Errors are logged and tried again later; a server does not depend on it. Threads:
/// start() and stop() from one.
class LogRewrite {
 public:
  LogRewrite(FileSystem& files, std::filesystem::path folder, SegmentLog& log,
             LogRewriteOptions options = {});

  void start();
  /// Returns as soon as the block in hand is done; what was begun is given up.
  void stop() { thread_ = {}; }

  /// Any thread, as the next.
  const SegmentRewriter::Stats& stats() const { return rewriter_.stats(); }
  /// Since the last try, which was an error.
  bool is_failing() const { return is_failing_.load(std::memory_order_relaxed); }

 private:
  void run(const std::stop_token& stop);
  /// Whether there was something to do, and it is done.
  Result<bool> rewrite(const std::stop_token& stop);
  bool may_read(const std::stop_token& stop, std::size_t bytes);
  void wait(const std::stop_token& stop, std::chrono::milliseconds time);

  SegmentRewriter rewriter_;
  std::atomic<bool> is_failing_{false};
  const LogRewriteOptions options_;
  std::size_t step_left_;  ///< bytes, on the thread
  std::mutex mutex_;       // for the pauses only
  std::condition_variable_any stopped_;
  std::jthread thread_;  ///< last: it uses all above
};

}  // namespace slipstream
