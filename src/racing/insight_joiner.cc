#include "racing/insight_joiner.h"

#include <algorithm>

#include "racing/insight_message.h"

namespace slipstream {
namespace {

constexpr std::int64_t kTickMs = 100;  // an observer's tick comes this late at most

}  // namespace

InsightJoiner::InsightJoiner(std::int64_t batch_ms, std::size_t max_vehicles)
    : batch_ms_(batch_ms),
      grace_ms_(std::min(kTickMs + kTickMs / 2, batch_ms / 2)),
      max_vehicles_(max_vehicles) {}

void InsightJoiner::accept(PartitionId /*partition*/, std::vector<VehicleInsight> insights) {
  const std::lock_guard lock(mutex_);
  for (auto& insight : insights) {
    Key key{insight.track, insight.chassis};
    const auto found = waiting_.find(key);
    if (found != waiting_.end()) {
      found->second = std::move(insight);
    } else if (waiting_.size() < max_vehicles_) {
      waiting_.emplace(std::move(key), std::move(insight));
    } else {
      dropped_.add();
    }
  }
}

SteadyTime InsightJoiner::next_poll(SteadyTime now) const {
  const std::int64_t interval = (now.ns / kNsPerMs - grace_ms_) / batch_ms_;
  return {((interval + 1) * batch_ms_ + grace_ms_) * kNsPerMs};
}

std::optional<InsightUpdate> InsightJoiner::poll(Moment now, std::span<const Interval> intervals) {
  std::map<Key, VehicleInsight> reported;
  {
    const std::lock_guard lock(mutex_);
    const auto interval = (now.steady.ns / kNsPerMs - grace_ms_) / batch_ms_;
    if (interval_ == interval) return std::nullopt;
    const bool is_first = !interval_;
    interval_ = interval;
    if (is_first) return std::nullopt;
    reported.swap(waiting_);
  }
  if (reported.empty() && board_.is_empty()) return std::nullopt;
  std::vector<VehicleInsight> insights;
  insights.reserve(reported.size());
  for (auto& [key, insight] : reported) insights.push_back(std::move(insight));
  // Of cars that nobody hears of nothing holds.
  const auto known = reported.empty() ? std::span<const Interval>{} : intervals;
  const auto changes = board_.update(notices(insights, known, now.wall), now);
  if (insights.empty() && changes.empty()) return std::nullopt;
  return encode_insight_update(insights, gaps(insights), changes, now.wall);
}

}  // namespace slipstream
