#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "base/counters.h"

namespace slipstream {

/// A thread of its own that reads the log for who asks, one question after the other: it holds up
/// neither what comes in nor other questions. Threads: post() from any; start() and stop() from
/// one.
class HistoryWorker {
 public:
  /// Given a token that tells when the answer is not worth its work any more.
  using Job = std::function<void(const std::stop_token&)>;

  struct Stats {
    Counter queries;
    Counter turned_away;  ///< since the queue was full
    Gauge waiting;
    LatencyHistogram time;  ///< of one, without its wait
  };

  /// What is done meanwhile, so that the next question finds less to do.
  using KeepUp = std::function<void(const std::stop_token&)>;

  /// `keep_up` is called each `period` while nothing waits, for kKeepUpFor behind the last
  /// question: who asks one asks more.
  void start(KeepUp keep_up = {}, std::chrono::milliseconds period = std::chrono::seconds(1));
  /// What waits is called, too, and told to give up.
  void stop();
  /// False: too many wait.
  bool post(Job job);
  const Stats& stats() const { return stats_; }

  static constexpr std::size_t kMaxWaiting = 16;
  static constexpr std::chrono::minutes kKeepUpFor{5};

 private:
  void run(const std::stop_token& stop, const KeepUp& keep_up, std::chrono::milliseconds period);
  /// The next job; nothing: none came within the period, or it is to stop.
  Job wait(const std::stop_token& stop, std::optional<std::chrono::milliseconds> period);

  Stats stats_;
  std::mutex mutex_;  // guards jobs_
  std::condition_variable_any has_job_;
  std::deque<Job> jobs_;
  std::jthread thread_;  ///< last: it uses all above
};

}  // namespace slipstream
