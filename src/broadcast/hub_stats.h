#pragma once
#include <array>
#include <cstdint>

#include "base/counters.h"
#include "broadcast/channel.h"

namespace slipstream {

/// Any thread.
struct HubStats {
  Gauge clients;
  Counter clients_seen;
  std::array<Counter, kChannelCount> messages_sent;    ///< a message to a client
  std::array<Counter, kPolicyCount> messages_skipped;  ///< likewise, for a full buffer
  Counter clients_too_far_behind;  ///< closed: what happens once did not fit their buffer
  Gauge clients_skipped_permille;  ///< the share of clients that are being left out now
  Gauge groups;                    ///< distinct filters
  Gauge batch_points;              ///< the size at which a batch is full, as of the last one
  Gauge batch_spacing_us;          ///< between batches, likewise
  Counter points_broadcast;        ///< once, however many clients
  Counter points_dropped;          ///< the hub's queue was full
  Counter rollups_dropped;         ///< unstored ones, likewise; stored ones are read again
  Counter publishes;
  Counter message_faults;  ///< what clients sent and was not understood
  Gauge ring_points;
  Gauge foxglove_clients;                ///< of `clients`, those that speak its protocol
  Counter foxglove_sent;                 ///< a message to one of them
  Counter foxglove_skipped;              ///< likewise, for a full buffer
  LatencyHistogram ingest_to_broadcast;  ///< a point's receipt to its frame's hand-over

  std::uint64_t skipped() const {
    std::uint64_t n = 0;
    for (const auto& policy : messages_skipped) n += policy.value();
    return n;
  }
};

}  // namespace slipstream
