#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "history/machine_points.h"

namespace slipstream {

/// Fields of a machine along an axis. NaN is null; rows with nothing but NaN stand where readings
/// are missing.
struct Trace {
  std::vector<double> x;
  std::vector<MachinePoints::Column> fields;
  std::size_t of = 0;  ///< points that there were
};

/// What a trace is made of.
struct TraceSource {
  std::span<const double> time_s;  ///< of each point, growing: gaps are told by it
  std::span<const double> x;  ///< likewise its place on the axis; NaN: it has none, and is left out
  std::span<const MachinePoints::Column* const> fields;
};

/// At most about `rows` rows: two for each of so many equal parts of the axis, at one and three
/// quarters of it, with each field's minimum and maximum there in the order in which they came. As
/// many points as that, or fewer, are given as they are, and so are all where `rows` is 0. A gap of
/// over 3 times the machine's period is a row of nulls.
Trace make_trace(const TraceSource& source, std::size_t rows);

}  // namespace slipstream
