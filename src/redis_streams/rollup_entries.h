#pragma once
#include <cstdint>

#include "base/clock.h"
#include "codec/rollup_decoder.h"
#include "model/rollup.h"
#include "redis/reply.h"

namespace slipstream {

/// Whose rollups a stream holds.
struct RollupOrigin {
  PartitionId partition;
  bool stored = false;  ///< then the entries' ids are the rollups' sequence numbers
  ArrivalTime now;
};

/// The rollups of a stream's entries, in order; what is no rollup is passed over.
RollupBatch rollups_of_entries(ReplyView entries, const RollupOrigin& origin,
                               RollupDecoder& decoder);

}  // namespace slipstream
