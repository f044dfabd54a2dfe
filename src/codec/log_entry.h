#pragma once
#include <cstdint>
#include <string_view>

#include "codec/log_rows.h"

namespace slipstream {

/// One control entry, points of one partition that follow each other, or a void of so many entries.
/// Views are into the payload.
struct LogEntry {
  LogEntryKind kind = LogEntryKind::kPoints;
  std::uint32_t index = 0;      ///< in the payload: its offset is the payload's first one + index
  std::uint32_t count = 1;      ///< offsets it takes
  std::uint32_t partition = 0;  ///< kPoints
  PointBatchPtr points = {};    ///< kPoints; the receiver's, to be put back into the pool
  ArrivalTime time = {};        ///< kTick, kClose, kKey, kMark: its arrival
  std::string_view text = {};   ///< kDefinitions, kKey: the answer, kMark: as JSON
  std::string_view key = {};    ///< kKey
  std::uint16_t status = 0;     ///< kKey
};

/// Puts an entry into rows as the next one of them.
void add_entry(LogRows& rows, const LogEntry& entry);
/// Makes `entry` the same but for its points, of which it has none then.
void copy_without_points(const LogEntry& from, LogEntry& entry);

}  // namespace slipstream
