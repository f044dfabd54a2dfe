#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/counters.h"
#include "model/insight_update.h"
#include "racing/field_analyzer.h"
#include "racing/notice_board.h"

namespace slipstream {

/// Joins the reports of all partitions into one message an interval. A partition that reports after
/// the message was made is in the next one; nothing is repeated while nobody sends.
/// Memory: at most max_vehicles insights wait; more are counted and left out.
/// Threads: accept() from any; poll() from one; a mutex guards the waiting insights, encoding
/// happens outside.
class InsightJoiner final : public InsightSink {
 public:
  explicit InsightJoiner(std::int64_t batch_ms = 600, std::size_t max_vehicles = 65'536);

  void accept(PartitionId partition, std::vector<VehicleInsight> insights) override;

  /// The `insight_update` message of the interval that just ended, once, if anybody sent points in
  /// it, or a notice is cleared. To be called once in each interval, best at next_poll(): an
  /// interval counts as ended when partitions had some time to report.
  /// `intervals`: between the cars, as they are now.
  std::optional<InsightUpdate> poll(Moment now, std::span<const Interval> intervals = {});
  /// When the interval at hand will have ended.
  SteadyTime next_poll(SteadyTime now) const;

  std::uint64_t dropped() const { return dropped_.value(); }

 private:
  using Key = std::pair<std::string, std::string>;  // track, chassis

  const std::int64_t batch_ms_;
  const std::int64_t grace_ms_;  ///< for partitions to report, after the interval
  const std::size_t max_vehicles_;
  std::mutex mutex_;  // guards waiting_ and interval_
  std::map<Key, VehicleInsight> waiting_;
  std::optional<std::int64_t> interval_;
  NoticeBoard board_;  ///< of whoever polls
  Counter dropped_;
};

}  // namespace slipstream
