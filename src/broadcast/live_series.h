#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "broadcast/clock_offsets.h"
#include "model/point.h"
#include "model/tags.h"

namespace slipstream {

/// What every machine did last, for /api/series, and whose clocks are off. Bounded: beyond
/// `max_series` machines those heard of longest ago are forgotten, and of so many series with tags
/// further ones are not counted
/// until others have been silent for an hour. One thread.
class LiveSeries {
 public:
  static constexpr std::size_t kMaxSeries = 100'000;

  /// `told_offset_ms`: what a clock may be off by; 0: anything.
  explicit LiveSeries(std::size_t max_series = kMaxSeries, std::int64_t told_offset_ms = 0)
      : max_series_(max_series), told_offset_ms_(told_offset_ms) {}

  /// `now`: it came here.
  void push(const PointBatch& batch, const Point& point, SteadyTime now);
  /// {"series":[{"track","chassis","last_time","last_seen","lap","sector","speed_kmh","rate_hz",
  /// "points","clock_offset_ms","series"},...],"count":N,"total":M}: by track and chassis; `limit`
  /// of those machines, out of M, that have a series which the filter takes. Its "series" is how
  /// many have come of it.
  std::string encode(SteadyTime now, const TagFilter& filter = {}, std::size_t limit = 1'000) const;
  std::size_t size() const { return by_hash_.size(); }
  /// Of the machines that sent something within the last minute. A clock is looked at every 10 s
  /// while its points come, from its fifth point on.
  ClocksOff clocks_off(SteadyTime now) const;

 private:
  struct Tagged {
    std::string tags;
    SteadyTime seen = kNever;
  };
  using TaggedByHash = boost::unordered_flat_map<std::uint64_t, Tagged>;

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
    ClockOffsets offsets;
    std::unique_ptr<TaggedByHash> tagged;  ///< its series that have tags; nullptr: none
    bool has_untagged = false;
    SteadyTime looked_at_clock = kNever;
  };
  struct Off {
    std::int64_t offset_ms = 0;
    SteadyTime seen = kNever;
  };

  void forget_oldest();
  void add_tags(State& state, const PointBatch& batch, const Point& point, SteadyTime now);
  void forget_old_tagged(SteadyTime now);
  static std::size_t tagged_of(const State& state) {
    return state.tagged ? state.tagged->size() : 0;
  }
  static bool matches(const State& state, const TagFilter& filter);
  void look_at_clock(std::uint64_t hash, State& state, SteadyTime now);
  double rate(const State& state, SteadyTime now) const;

  static constexpr std::int64_t kLookNs = 10 * kNsPerSecond;
  static constexpr std::int64_t kOffForNs = 60 * kNsPerSecond + kLookNs;
  static constexpr std::int64_t kTaggedForNs = 3'600 * kNsPerSecond;
  static constexpr std::uint8_t kLeastPoints = 5;
  const std::size_t max_series_;
  std::size_t tagged_ = 0;  ///< series with tags, at most max_series_
  SteadyTime looked_at_tagged_ = kNever;
  const std::int64_t told_offset_ms_;
  boost::unordered_flat_map<std::uint64_t, State> by_hash_;
  boost::unordered_flat_map<std::uint64_t, Off> off_;  // some of by_hash_
};

}  // namespace slipstream
