#pragma once
#include <array>

#include "base/counters.h"
#include "model/game_stats.h"
#include "model/point.h"
#include "model/rejection.h"
#include "model/time_hints.h"

namespace slipstream {

/// What came in, by source: received = accepted + rejected, always (once queues are empty).
/// Threads: any.
struct IngestStats {
  struct PerSource {
    Counter received;
    Counter accepted;
    std::array<Counter, kRejectReasonCount> rejected;
  };
  std::array<PerSource, kSourceKindCount> sources;
  Counter fields_dropped;  ///< beyond 256 fields a point, or 4,096 names in all
  Counter lap_repaired;
  Counter sequence_repeats;
  Gauge sequence_missing;  ///< numbers skipped and not yet seen
  Counter udp_datagrams;
  Counter udp_kernel_drops;
  Counter errors_not_logged;  ///< by the limits per source address and in all
  Counter marks;              ///< that have got their place in the log
  Counter marks_refused;      ///< for what they said, or for want of room
  GameStats games;
  TimeHints time_hints;

  PerSource& of(SourceKind kind) { return sources[static_cast<std::size_t>(kind)]; }
  const PerSource& of(SourceKind kind) const { return sources[static_cast<std::size_t>(kind)]; }
  void reject(SourceKind kind, RejectReason reason, std::uint64_t n = 1) {
    of(kind).rejected[static_cast<std::size_t>(reason)].add(n);
  }
};

}  // namespace slipstream
