#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/counters.h"
#include "broadcast/publishing.h"

namespace slipstream {

struct TelemetryBatcherOptions {
  std::size_t batch_points = 50;         ///< a batch goes when so many wait; grows under load ...
  std::size_t max_batch_points = 2'000;  ///< ... up to this
  std::int64_t batch_max_ms = 200;       ///< no point waits longer
  std::int64_t batch_min_ms = 5;  ///< a smaller batch goes when so long has passed since the last
  std::size_t few_readers = 32;   ///< for so many or fewer, a tenth of it: sending costs little
};

/// Gathers points into `telemetry_update` messages, and tells when one is due: at once when nothing
/// was sent for the spacing (a tenth of it for few readers); when that time has passed; or when a
/// full batch waits. What is full grows with the rate, so that full batches stay at most about 400
/// a second. The spacing is batch_min_ms; while readers are far behind it grows up to batch_max_ms,
/// and what is full with it: fewer, larger messages. One thread.
class TelemetryBatcher {
 public:
  explicit TelemetryBatcher(TelemetryBatcherOptions options) : options_(options) {}

  /// A point as JSON, which was received at `arrival` and is here now.
  void add(std::string_view json, ArrivalTime arrival, SteadyTime now);
  /// The point that was added is of this; it is let go with the message.
  void carry(const PublishingPtr& publishing) {
    if (carried_.empty() || carried_.back() != publishing) carried_.push_back(publishing);
  }
  std::size_t waiting() const { return points_; }
  bool is_full() const { return points_ >= full_ || text_.size() >= kFullBytes; }
  /// When the waiting points are to go, full or not; meaningless while none waits.
  SteadyTime due(std::size_t readers) const;
  /// The message; the latency of its points is added to `latency`.
  std::string take(Moment now, LatencyHistogram& latency);
  /// What the last message has points of, for who hands it over.
  std::vector<PublishingPtr> take_carried() { return std::exchange(carried_, {}); }
  /// How far behind the readers of the last message are: 0 not at all, 1 all of them were left out.
  void observe_backlog(double share);

  /// What was chosen.
  std::size_t full_points() const { return full_; }
  std::int64_t spacing_ns() const;

  static constexpr std::string_view kHead = R"({"type":"telemetry_update","data":[)";

 private:
  static constexpr std::size_t kFullBytes = std::size_t{256} << 10;  ///< where points are large
  static constexpr std::int64_t kFullBatchNs = 2'500 * kNsPerUs;     ///< of points is a full batch

  struct Receipt {
    std::int64_t arrival_ns;
    std::uint64_t points;
  };

  const TelemetryBatcherOptions options_;
  std::string text_;
  std::size_t points_ = 0;
  std::size_t full_ = options_.batch_points;
  SteadyTime first_ = kNever;  ///< when the oldest waiting point came to the batcher
  SteadyTime last_sent_ = kNever;
  double points_per_ns_ = 0;   ///< smoothed
  double spacing_factor_ = 1;  ///< of the spacing, for readers that are behind
  std::vector<Receipt> receipts_;
  std::vector<PublishingPtr> carried_;  ///< of what waits
};

}  // namespace slipstream
