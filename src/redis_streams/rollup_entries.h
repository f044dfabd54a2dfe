#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "codec/rollup_decoder.h"
#include "model/outputs.h"
#include "model/rollup.h"
#include "redis/reply.h"

namespace slipstream {

/// Whose rollups a stream holds.
struct RollupOrigin {
  PartitionId partition;
  bool stored = false;  ///< then the entries' ids are the rollups' sequence numbers
  ArrivalTime now;
};

/// The rollups of a stream's entries, in order; what is none is passed over.
RollupBatch rollups_of_entries(ReplyView entries, const RollupOrigin& origin,
                               RollupDecoder& decoder);

/// What the stream of what is stored has beside rollups' payloads.
namespace mark_entry {
inline constexpr std::string_view kMark = "mark";        ///< as JSON
inline constexpr std::string_view kArrival = "arrival";  ///< in nanoseconds since 1970
}  // namespace mark_entry

/// The marks of that stream's entries, likewise.
std::vector<PlacedMark> marks_of_entries(ReplyView entries);

}  // namespace slipstream
