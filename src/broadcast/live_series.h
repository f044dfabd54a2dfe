#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/point.h"

namespace slipstream {

/// What every machine did last, for /api/series. Bounded: beyond `max_series` those heard of
/// longest ago are forgotten. One thread.
class LiveSeries {
 public:
  explicit LiveSeries(std::size_t max_series = 100'000) : max_series_(max_series) {}

  /// `now`: it came here.
  void push(const PointBatch& batch, const Point& point, SteadyTime now);
  /// {"series":[{"track","chassis","last_time","last_seen","lap","sector","speed_kmh","rate_hz",
  /// "points"},...],"count":N,"total":M}: by track and chassis; `limit` of them, out of M.
  std::string encode(SteadyTime now, std::size_t limit = 1'000) const;
  std::size_t size() const { return by_hash_.size(); }

 private:
  struct State {
    std::string track;
    std::string chassis;
    EventTime last_time;
    ArrivalTime last_seen;     ///< a stamp
    SteadyTime seen = kNever;  ///< the same, for its age
    std::int32_t lap = 0;
    std::int32_t sector = 0;
    double speed_kmh = std::numeric_limits<double>::quiet_NaN();
    std::uint64_t points = 0;
    SteadyTime second_began = kNever;
    std::uint32_t points_this_second = 0;
    double rate_hz = 0;  ///< over the last whole second or longer
  };

  void forget_oldest();
  double rate(const State& state, SteadyTime now) const;

  const std::size_t max_series_;
  boost::unordered_flat_map<std::uint64_t, State> by_hash_;
};

}  // namespace slipstream
