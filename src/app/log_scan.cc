#include "app/log_scan.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <string>

#include "ops/logging.h"

namespace slipstream {

LogScan::LogScan(FileSystem& files, std::filesystem::path folder, const SegmentLog& log,
                 LostRanges& lost, LogScanOptions options)
    : files_(files),
      folder_(std::move(folder)),
      log_(log),
      lost_(lost),
      options_(options),
      end_(log.synced_offset()),
      segments_(log.synced_segments()),
      step_left_(options.step_bytes) {}

void LogScan::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void LogScan::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "log-scan");
  setpriority(PRIO_PROCESS, 0, 19);  // of this thread alone; where it is refused, the pauses do
  verify_segments(files_, folder_, segments_,
                  {.found = [this](const LogFault& fault) { tell(fault); },
                   .may_read = [&](std::size_t bytes) { return pause(stop, bytes); },
                   .checksums_only = true});
  if (!stop.stop_requested()) done_.store(true, std::memory_order_release);
}

bool LogScan::pause(const std::stop_token& stop, std::size_t bytes) {
  if (step_left_ == 0) {
    std::unique_lock lock(mutex_);
    stopped_.wait_for(lock, stop, options_.pause, [] { return false; });
    step_left_ = options_.step_bytes;
  }
  step_left_ -= std::min(step_left_, bytes);
  return !stop.stop_requested();
}

void LogScan::tell(const LogFault& fault) {
  // What retention removed meanwhile is not damaged. It says so before it removes.
  const std::uint64_t kept_from = log_.retained_from();
  if (fault.from == fault.to) {
    if (fault.from < kept_from) return;
    log_warn("a fault in the log", {{"file", fault.file},
                                    {"byte", std::to_string(fault.position)},
                                    {"kind", std::string(to_string(fault.kind))},
                                    {"why", fault.what}});
    return;
  }
  for (const LostRange& lost : lost_.add(
           {std::max(fault.from, kept_from), std::min(fault.to, end_), fault.file, fault.what})) {
    log_error("a part of the log cannot be read", {{"from", std::to_string(lost.from)},
                                                   {"to", std::to_string(lost.to)},
                                                   {"file", lost.file},
                                                   {"byte", std::to_string(fault.position)},
                                                   {"why", lost.why}});
  }
}

}  // namespace slipstream
