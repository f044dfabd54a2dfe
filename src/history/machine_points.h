#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace slipstream {

/// Points of one machine in the order of their event times, field by field. NaN: a point lacks it.
struct MachinePoints {
  struct Column {
    std::string name;
    std::vector<double> values;
  };
  std::vector<EventTime> times;
  std::vector<Column> columns;      ///< as asked for, in that order; where nothing was, by name
  std::vector<std::string> fields;  ///< names of all fields that its points have, sorted
  std::uint64_t duplicates = 0;     ///< points that came twice, left out
  std::uint64_t taken_back = 0;     ///< points that a mark took back, left out
  /// Entries of the log that cannot be read among those that were looked through: some may have
  /// been this machine's.
  std::uint64_t lost = 0;
  /// The log has had more than it has: what came to the server before that time is not in it any
  /// more. Nothing: all that there ever was is there.
  std::optional<EventTime> gone_before = {};

  std::size_t size() const { return times.size(); }
  /// nullptr: it was not asked for, or no point has it.
  const std::vector<double>* find(std::string_view name) const {
    for (const Column& column : columns) {
      if (column.name == name) return &column.values;
    }
    return nullptr;
  }
};

}  // namespace slipstream
