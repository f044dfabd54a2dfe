#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "derive/functions.h"

namespace slipstream {

/// Where a point stands, for functions that remember the points before.
struct PointPlace {
  EventTime time = {};
  std::int32_t lap = 0;
  double distance_m = 0;  ///< within the lap; NaN: not known
};

/// rate(x): the change per second from the point before, by event time. Nothing for the first
/// point, and where no time has passed.
class RateMemory {
 public:
  std::optional<double> take(const PointPlace& place, double value);
  void save(ByteWriter& out) const;
  void restore(ByteReader& in);

 private:
  bool has_before_ = false;
  EventTime time_ = {};
  double value_ = 0;
};

/// mean(x, 5s): the mean of the points whose event time is within the span that ends with this one,
/// the end included, the beginning not. One that comes out of order counts as if it came now; one
/// that is older than the whole span begins anew, since the clock was set back. Up to kMostEntries
/// points each is kept; beyond, neighbours are joined, and leave together.
class MeanMemory {
 public:
  static constexpr std::size_t kMostEntries = 512;

  explicit MeanMemory(std::int64_t span_ns) : span_ns_(span_ns) {}
  std::optional<double> take(const PointPlace& place, double value);
  void save(ByteWriter& out) const;
  void restore(ByteReader& in);

 private:
  struct Entry {
    std::int64_t time_ns = 0;  ///< of its newest point
    std::uint32_t count = 0;
    double sum = 0;
    // Of the old half: with all that are behind it there.
    double sum_from = 0;
    std::uint64_t count_from = 0;
  };

  void clear();
  /// The new half becomes the old one. Sums are never taken back: nothing is lost to rounding.
  void turn();
  void join_neighbours();
  void add_up_old();
  void add_up_new();

  std::int64_t span_ns_;
  std::deque<Entry> entries_;
  std::size_t old_ = 0;  ///< so many of them, from the first on, are the old half
  double new_sum_ = 0;   ///< of the others
  std::uint64_t new_count_ = 0;
};

/// delta_lap(x): the value less the one at the same distance of the machine's lap before, between
/// the two of its points around it. Nothing where that lap was not seen, or has no points within
/// kFarthestM around the place. Of a lap at most kMostSamples values are kept, kNearestM apart, or
/// further where the lap is longer. What is driven again (a flashback) takes the place of what it
/// goes back over. A point that is back by more than half the way is at the line already, though
/// its lap counts up a little later: such are left out, up to kAtLineM.
class DeltaLapMemory {
 public:
  static constexpr std::size_t kMostSamples = 1'024;
  static constexpr double kNearestM = 5;
  static constexpr double kFarthestM = 200;
  static constexpr double kAtLineM = 200;

  std::optional<double> take(const PointPlace& place, double value);
  void save(ByteWriter& out) const;
  void restore(ByteReader& in);

 private:
  struct Sample {
    double distance_m = 0;
    double value = 0;
  };
  using Samples = std::vector<Sample>;

  void begin_lap(std::int32_t lap);
  /// False: it is of no lap yet.
  bool keep(double distance_m, double value);
  std::optional<double> before_at(double distance_m) const;

  std::optional<std::int32_t> lap_;
  bool has_before_ = false;  ///< `before_` is the lap right before `lap_`
  double step_m_ = kNearestM;
  Samples driven_;
  Samples before_;
};

using FunctionMemory = std::variant<RateMemory, MeanMemory, DeltaLapMemory>;
/// What the functions of some expressions remember of one series, in their order.
using FunctionMemories = std::vector<FunctionMemory>;

void save(const FunctionMemory& memory, ByteWriter& out);
/// Whether `in` had it says in.ok().
void restore(FunctionMemory& memory, ByteReader& in);

}  // namespace slipstream
