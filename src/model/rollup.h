#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/partition_id.h"
#include "model/schema.h"
#include "model/statistic.h"

namespace slipstream {

/// Numbers of rollups of one partition.
struct SequenceRange {
  std::uint64_t after = 0;
  std::uint64_t last = 0;
};

/// A closed window: what the store keeps, clients are told and Redis gets. Immutable.
struct Rollup {
  std::string window;                        ///< the definition's name
  std::array<std::uint8_t, 16> window_id{};  ///< stable and unique; written as 32 hex digits
  std::string track;
  std::string chassis;
  std::string tags;         ///< of the series beside these, as model/tags.h spells them
  std::int32_t lap = 0;     ///< where not a key dimension: the last point's
  std::int32_t sector = 0;  ///< likewise
  bool key_lap = false;     ///< it is one
  bool key_sector = false;  ///< likewise
  std::uint64_t count = 0;  ///< points
  EventTime first_time;     ///< of the earliest point
  EventTime last_time;      ///< of the latest point
  PartitionId partition;
  std::uint64_t sequence = 0;  ///< counts a partition's rollups, from 1
  ArrivalTime last_arrival;    ///< receipt of the point that arrived last
  /// Where the log lacks something: rollups of its partition that may hold its points already,
  /// though their ids are others.
  std::vector<SequenceRange> may_repeat;
  bool stored = false;         ///< the definition asks for the store
  bool late = false;           ///< made of points that were too late for their window
  StatisticGroups statistics;  ///< that the definition asks for
  StatisticSet left_out = 0;   ///< of those: nobody told of them (RollupSelection)
  std::vector<FieldFigures> fields;
};
using RollupPtr = std::shared_ptr<const Rollup>;
using RollupBatch = std::vector<RollupPtr>;

}  // namespace slipstream
