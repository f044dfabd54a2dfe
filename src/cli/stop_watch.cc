#include "cli/stop_watch.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/cli.h"
#include "ops/logging.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kLookEvery{200};

void tell(const StopJudge::Verdict& verdict) {
  std::vector<LogField> fields{{"rows_to_store", std::to_string(verdict.rows_left)}};
  if (verdict.seconds_left) {
    fields.push_back({"seconds_left", std::to_string(*verdict.seconds_left)});
  }
  log_info("still stopping: what the machines' windows hold is closed and stored", fields);
}

}  // namespace

StopJudge::Verdict StopJudge::look(SteadyTime now, const StopProgress& progress) {
  if (progress.steps != last_.steps || progress.is_committing != last_.is_committing) {
    stepped_ = now;
  }
  last_ = progress;
  const std::int64_t limit_ns = progress.is_committing ? kCommitLimitNs : kLimitNs;
  Verdict verdict{.gives_up = now - stepped_ >= limit_ns, .rows_left = progress.rows_left};
  verdict.tells = !verdict.gives_up && now - told_ >= kTellNs;
  if (!verdict.tells) return verdict;
  told_ = now;
  if (const std::uint64_t rows = progress.rows - first_.rows; rows > 0) {
    const auto seconds = static_cast<double>(now - begun_) / static_cast<double>(kNsPerSecond);
    verdict.seconds_left = 1 + static_cast<std::int64_t>(seconds / static_cast<double>(rows) *
                                                         static_cast<double>(progress.rows_left));
  }
  return verdict;
}

StopWatch::StopWatch(std::function<StopProgress()> progress)
    : progress_(std::move(progress)), thread_([this] { run(); }) {}

StopWatch::~StopWatch() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void StopWatch::settled(int exit_code) {
  const std::lock_guard lock(mutex_);
  exit_code_ = exit_code;
}

void StopWatch::run() {
  pthread_setname_np(pthread_self(), "stop-watch");
  const Clock& clock = system_clock();
  StopProgress progress = progress_();
  StopJudge judge(clock.steady(), progress);
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kLookEvery, [this] { return is_over_; })) {
    if (!exit_code_) progress = progress_();
    const auto verdict = judge.look(clock.steady(), progress);
    if (verdict.gives_up) {
      if (!exit_code_) {
        constexpr char kMessage[] = "slipstream: stopping does not go on, ending now\n";
        [[maybe_unused]] const auto written = write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
      }
      _exit(exit_code_.value_or(kExitFailure));
    }
    if (verdict.tells && !exit_code_) tell(verdict);
  }
}

}  // namespace slipstream
