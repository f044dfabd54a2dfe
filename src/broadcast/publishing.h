#pragma once
#include <cstdint>
#include <memory>
#include <utility>

#include "base/counters.h"
#include "model/point.h"

namespace slipstream {

/// A sampled batch on its way to clients: its span `publish` ends when nobody holds this any more,
/// which is when the last message with a point of it has gone to its clients, or at once where no
/// client wants one. One thread.
class Publishing {
 public:
  /// `begun_ns`: when it came to the broadcast, by the wall clock.
  Publishing(const PointBatch& batch, std::int64_t begun_ns)
      : sampled_(batch.sampled),
        begun_ns_(begun_ns),
        arrival_ns_(batch.points.front().arrival_time.ns),
        points_(batch.points.size()) {}
  ~Publishing() {
    sampled_->child(
        kPublishSpan, {begun_ns_, sampled_->now()},
        {{kPointsAttribute, attribute_of(points_)}, {kClientsAttribute, attribute_of(clients_)}});
  }
  Publishing(const Publishing&) = delete;
  Publishing& operator=(const Publishing&) = delete;

  /// A message with points of it goes to so many clients.
  void sent_to(std::size_t clients) { clients_ += clients; }
  /// What its first point has taken until `now`, as an exemplar of that.
  void exemplify(LatencyHistogram& latency, ArrivalTime now) const {
    latency.exemplify(now.ns - arrival_ns_, sampled_->id(), now.ns);
  }

 private:
  const SampledTracePtr sampled_;
  const std::int64_t begun_ns_;
  const std::int64_t arrival_ns_;
  const std::size_t points_;
  std::size_t clients_ = 0;
};
using PublishingPtr = std::shared_ptr<Publishing>;

}  // namespace slipstream
