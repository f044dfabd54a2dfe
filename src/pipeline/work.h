#pragma once
#include <cstdint>

#include "model/outputs.h"
#include "model/point.h"

namespace slipstream {

/// What a partition is given, in the order of the log.
struct Work {
  enum class Kind : std::uint8_t {
    kPoints,
    kTick,   ///< time has passed: closes what is idle
    kClose,  ///< closes everything
    kMark,   ///< for observers, and to be stored
  };

  Kind kind = Kind::kPoints;
  LogOffset offset = 0;     ///< of its first entry
  std::uint64_t count = 1;  ///< entries of the log: its points, or itself
  PointBatchPtr batch = {};
  ArrivalTime time = {};
  MarkPtr mark = {};          ///< kMark; nullptr: it cannot be read
  bool is_copy = false;       ///< kMark of a stream: another partition has it stored
  std::size_t completed = 0;  ///< of its points: laps repaired, sectors filled in
  bool replayed = false;  ///< read back from the log: windows only, nobody is told of the points

  LogOffset end() const { return offset + count; }
  std::size_t bytes() const {
    return sizeof *this + (batch ? batch->bytes() : 0) + (mark ? bytes_of(*mark) : 0);
  }
};

}  // namespace slipstream
