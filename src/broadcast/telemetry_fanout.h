#pragma once
#include <string>

#include "broadcast/audience.h"
#include "broadcast/delivery.h"
#include "model/point.h"

namespace slipstream {

/// Points to the clients of the telemetry channel: a batch is encoded once for each filter.
/// I/O thread.
class TelemetryFanout {
 public:
  TelemetryFanout(Audience& audience, Delivery& delivery, HubStats& stats)
      : audience_(audience), delivery_(delivery), stats_(stats) {}

  void take(const PointBatch& batch, Moment now);
  void send_due(Moment now);
  /// All that waits, due or not.
  void send_all(Moment now);
  /// When something is to be sent next; kForever: nothing waits.
  SteadyTime next_due() const;
  /// A conflating client has room again.
  void drained(Client& client, Moment now);

  // Of one group, which need not be one of the audience's.
  /// Puts a point that its filter takes with what is to be sent. Returns the bytes of its text.
  std::size_t put(Group& group, const PointBatch& batch, const Point& point, std::uint64_t series,
                  SteadyTime now);
  static SteadyTime due(Group& group);
  void send(Group& group, Moment now);

 private:
  void send_batch(Group& group, Moment now);
  void send_newest(Group& group, Moment now);
  /// How far behind its members are, 0 to 1.
  double send_to_members(Group& group, const FramePtr& frame);

  Audience& audience_;
  Delivery& delivery_;
  HubStats& stats_;
  std::string projected_;
};

}  // namespace slipstream
