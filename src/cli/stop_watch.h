#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "app/topology.h"
#include "base/clock.h"

namespace slipstream {

/// Judges by how far a stop is whether it may go on. One thread.
class StopJudge {
 public:
  static constexpr std::int64_t kLimitNs = 5 * kNsPerSecond;         ///< without a step
  static constexpr std::int64_t kCommitLimitNs = 60 * kNsPerSecond;  ///< in one, of the store
  static constexpr std::int64_t kTellNs = 2 * kNsPerSecond;          ///< between two words about it

  StopJudge(SteadyTime now, const StopProgress& progress)
      : begun_(now), stepped_(now), told_(now), first_(progress), last_(progress) {}

  struct Verdict {
    bool gives_up = false;  ///< nothing has gone on within the limit
    bool tells = false;
    std::uint64_t rows_left = 0;
    std::optional<std::int64_t> seconds_left = {};  ///< as it went so far
  };
  Verdict look(SteadyTime now, const StopProgress& progress);

 private:
  const SteadyTime begun_;
  SteadyTime stepped_;
  SteadyTime told_;
  const StopProgress first_;
  StopProgress last_;
};

/// Sees that a stop comes to its end: while it goes on it may take its time, and says how long it
/// will be; one that does nothing for 5 s ends the process, since whoever asked waits for that.
/// What a slow disk needs for one large commit of the store cannot be seen from outside: it has 60
/// s. Threads: one, beside its own.
class StopWatch {
 public:
  /// `progress` is called from the watch's thread until settled().
  explicit StopWatch(std::function<StopProgress()> progress);
  ~StopWatch();
  StopWatch(const StopWatch&) = delete;
  StopWatch& operator=(const StopWatch&) = delete;

  /// All is done but for cleaning up: should that take longer than the limit, the process ends with
  /// this exit code.
  void settled(int exit_code);

 private:
  void run();

  std::mutex mutex_;  // guards all to the next blank line
  std::condition_variable changed_;
  bool is_over_ = false;
  std::optional<int> exit_code_;

  const std::function<StopProgress()> progress_;
  std::thread thread_;
};

}  // namespace slipstream
