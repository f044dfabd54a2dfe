#include "app/log_rewrite.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <exception>
#include <string>

#include "ops/logging.h"
#include "pipeline/log_repacker.h"

namespace slipstream {

LogRewrite::LogRewrite(FileSystem& files, std::filesystem::path folder, SegmentLog& log,
                       LogRewriteOptions options)
    : rewriter_(files, std::move(folder), log), options_(options), step_left_(options.step_bytes) {}

void LogRewrite::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void LogRewrite::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "log-rewrite");
  setpriority(PRIO_PROCESS, 0, 19);  // of this thread alone; where it is refused, the pauses do
  while (!stop.stop_requested()) {
    Result<bool> done = false;
    try {
      done = rewrite(stop);
    } catch (const std::exception& error) {  // memory, above all
      done = fail(error.what());
    }
    is_failing_.store(!done && !stop.stop_requested(), std::memory_order_relaxed);
    if (done && *done) continue;
    if (!done && !stop.stop_requested()) {
      log_warn("old segments of the log cannot be rewritten now", {{"why", done.error().message}});
    }
    wait(stop, done ? options_.between_looks : options_.after_error);
  }
}

Result<bool> LogRewrite::rewrite(const std::stop_token& stop) {
  const MayRead may = [&](std::size_t bytes) { return may_read(stop, bytes); };
  const auto plan = rewriter_.plan(may);
  if (!plan) return std::unexpected(plan.error());
  if (!*plan) return false;
  LogRepacker repacker;
  const auto done = rewriter_.run(**plan, repacker, may);
  if (!done) return std::unexpected(done.error());
  if (!*done) {
    log_warn("a part of the log stays in small blocks",
             {{"file", (*plan)->segments.front().name},
              {"why", "it cannot be read, is damaged, or does not read back the same"}});
  }
  return true;
}

bool LogRewrite::may_read(const std::stop_token& stop, std::size_t bytes) {
  if (step_left_ == 0) {
    wait(stop, options_.pause);
    step_left_ = options_.step_bytes;
  }
  step_left_ -= std::min(step_left_, bytes);
  return !stop.stop_requested();
}

void LogRewrite::wait(const std::stop_token& stop, std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  stopped_.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace slipstream
