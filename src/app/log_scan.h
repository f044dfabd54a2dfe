#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "app/lost_ranges.h"
#include "log/segment_log.h"
#include "log/verify.h"

namespace slipstream {

/// How fast it reads: a step, then a pause. 40 MB/s leave a disk to those who write.
struct LogScanOptions {
  std::size_t step_bytes = std::size_t{4} << 20;
  std::chrono::milliseconds pause{100};
};

/// Goes once through what the log held when this was made, headers and checksums: a start reads
/// only what is behind the checkpoints, and damage before it is to be told all the same. What
/// cannot be read is logged and added to `lost`, but for what is there already. Threads: start()
/// and stop() from one; is_done() from any.
class LogScan {
 public:
  LogScan(FileSystem& files, std::filesystem::path folder, const SegmentLog& log, LostRanges& lost,
          LogScanOptions options = {});

  void start();
  /// Returns as soon as the read in hand, of one block at most, is done.
  void stop() { thread_ = {}; }
  bool is_done() const { return done_.load(std::memory_order_acquire); }

 private:
  void run(const std::stop_token& stop);
  bool pause(const std::stop_token& stop, std::size_t bytes);
  void tell(const LogFault& fault);

  FileSystem& files_;
  const std::filesystem::path folder_;
  const SegmentLog& log_;
  LostRanges& lost_;
  const LogScanOptions options_;
  const std::uint64_t end_;
  const std::vector<SegmentInfo> segments_;
  std::size_t step_left_;  ///< bytes, on the thread
  std::atomic<bool> done_{false};
  std::mutex mutex_;  // for the pause only
  std::condition_variable_any stopped_;
  std::jthread thread_;  ///< last: it uses all above
};

}  // namespace slipstream
