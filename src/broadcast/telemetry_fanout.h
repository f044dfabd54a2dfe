#pragma once
#include <cstdint>
#include <limits>
#include <string>

#include "broadcast/audience.h"
#include "broadcast/delivery.h"
#include "model/point.h"

namespace slipstream {

/// Points to the clients of the telemetry channel: a batch is encoded once for each filter.
/// I/O thread.
class TelemetryFanout {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  TelemetryFanout(Audience& audience, Delivery& delivery, HubStats& stats)
      : audience_(audience), delivery_(delivery), stats_(stats) {}

  void take(const PointBatch& batch, ArrivalTime now);
  void send_due(ArrivalTime now);
  /// All that waits, due or not.
  void send_all(ArrivalTime now);
  /// When something is to be sent next; kNever: nothing waits.
  std::int64_t next_due_ns() const;
  /// A conflating client has room again.
  void drained(Client& client, ArrivalTime now);

 private:
  static std::int64_t due_ns(Group& group);
  void send(Group& group, ArrivalTime now);
  void send_batch(Group& group, ArrivalTime now);
  void send_newest(Group& group, ArrivalTime now);
  /// How far behind its members are, 0 to 1.
  double send_to_members(Group& group, const FramePtr& frame);

  Audience& audience_;
  Delivery& delivery_;
  HubStats& stats_;
  std::string projected_;
};

}  // namespace slipstream
