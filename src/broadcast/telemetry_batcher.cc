#include "broadcast/telemetry_batcher.h"

#include <algorithm>

namespace slipstream {
namespace {
constexpr double kSmoothing = 0.1;
constexpr double kFarBehind = 0.25;
constexpr double kCaughtUp = 0.1;
constexpr double kGrow = 1.25;
constexpr double kShrink = 0.9;
constexpr std::int64_t kFewReadersShare = 10;
}  // namespace

void TelemetryBatcher::add(std::string_view json, ArrivalTime arrival, SteadyTime now) {
  if (points_ == 0) {
    text_ = kHead;
    first_ = now;
  } else {
    text_ += ',';
  }
  text_ += json;
  ++points_;
  if (!receipts_.empty() && receipts_.back().arrival_ns == arrival.ns) {
    ++receipts_.back().points;
  } else {
    receipts_.push_back({arrival.ns, 1});
  }
}

std::int64_t TelemetryBatcher::spacing_ns() const {
  const std::int64_t least = options_.batch_min_ms * kNsPerMs;
  if (spacing_factor_ <= 1) return least;
  const auto stretched = static_cast<double>(std::max(least, kNsPerMs)) * spacing_factor_;
  return std::clamp(static_cast<std::int64_t>(stretched), least,
                    std::max(least, options_.batch_max_ms * kNsPerMs));
}

SteadyTime TelemetryBatcher::due(std::size_t readers) const {
  const std::int64_t spacing = spacing_ns();
  const bool few = readers <= options_.few_readers && spacing_factor_ <= 1;
  return std::min(last_sent_ + (few ? spacing / kFewReadersShare : spacing),
                  first_ + options_.batch_max_ms * kNsPerMs);
}

void TelemetryBatcher::observe_backlog(double share) {
  const double most = static_cast<double>(options_.batch_max_ms) /
                      static_cast<double>(std::max<std::int64_t>(options_.batch_min_ms, 1));
  if (share > kFarBehind) {
    spacing_factor_ = std::min(spacing_factor_ * kGrow, std::max(most, 1.0));
  } else if (share < kCaughtUp) {
    spacing_factor_ = std::max(spacing_factor_ * kShrink, 1.0);
  }
}

std::string TelemetryBatcher::take(Moment now, LatencyHistogram& latency) {
  const auto elapsed = static_cast<double>(std::max<std::int64_t>(now.steady - last_sent_, 1));
  points_per_ns_ += kSmoothing * (static_cast<double>(points_) / elapsed - points_per_ns_);
  const double wanted = points_per_ns_ * static_cast<double>(kFullBatchNs) * spacing_factor_;
  full_ = std::clamp(static_cast<std::size_t>(wanted), options_.batch_points,
                     std::max(options_.batch_points, options_.max_batch_points));
  for (const auto& receipt : receipts_) {
    latency.observe_ns(now.wall.ns - receipt.arrival_ns, receipt.points);
  }
  for (const PublishingPtr& publishing : carried_) publishing->exemplify(latency, now.wall);
  receipts_.clear();
  points_ = 0;
  last_sent_ = now.steady;
  std::string message;
  message.reserve(text_.capacity());
  message.swap(text_);
  message += "]}";
  return message;
}

}  // namespace slipstream
