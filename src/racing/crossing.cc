#include "racing/crossing.h"

#include <algorithm>
#include <cmath>

#include "racing/motion.h"

namespace slipstream::crossing {
namespace {

/// By so much may the way that the speeds tell differ from that of the distances.
constexpr double kSpeedsDiffer = 0.25;
/// A point just before the line may by its noise be just behind it.
constexpr double kNoiseS = 0.005;

EventTime to_microseconds(EventTime from, double seconds) {
  const std::int64_t ns = from.ns + std::llround(seconds * 1e9);
  return {floor_to(ns + kNsPerUs / 2, kNsPerUs)};
}

}  // namespace

std::optional<EventTime> of_line(const Fix& before, const Fix& after, double approach_mps) {
  const std::int64_t apart_ns = ns_between(before.when, after.when);
  const double apart = seconds_between(before.when, after.when);
  const double behind_m = after.lapdist_m;
  if (apart_ns <= 0 || apart_ns > kMostApartNs || !(behind_m >= 0)) return std::nullopt;
  const double from = before.speed_kmh * kMpsOfKmh;
  const double to = after.speed_kmh * kMpsOfKmh;
  double since = 0;
  if (std::isfinite(from) && std::isfinite(to)) {
    // With an even acceleration, back from `after`: behind = to·t − a·t²/2.
    const double acceleration = (to - from) / apart;
    const double square = to * to - 2 * acceleration * behind_m;
    if (square < 0) return std::nullopt;
    const double sum = to + std::sqrt(square);
    if (behind_m > 0 && sum <= 0) return std::nullopt;
    since = behind_m > 0 ? 2 * behind_m / sum : 0;
  } else {
    const double even = std::isfinite(to) ? to : std::isfinite(from) ? from : approach_mps;
    if (!(even > 0) || apart_ns > kMostApartEvenNs) return std::nullopt;
    since = behind_m / even;
  }
  if (!(since <= apart + kNoiseS)) return std::nullopt;  // nor of speeds beyond any
  // Rounded, but never so that a point comes to be on the other side of the line.
  const EventTime crossed = to_microseconds(after.when, -std::min(since, apart));
  return EventTime{std::clamp(crossed.ns, before.when.ns + 1, after.when.ns)};
}

std::optional<EventTime> of_place(const Fix& before, const Fix& after, double at_m) {
  const std::int64_t apart_ns = ns_between(before.when, after.when);
  const double way = after.lapdist_m - before.lapdist_m;
  if (apart_ns <= 0 || apart_ns > kMostApartNs || !(way > 0) || !std::isfinite(way)) {
    return std::nullopt;
  }
  if (!(at_m >= before.lapdist_m && at_m <= after.lapdist_m)) return std::nullopt;
  const double apart = seconds_between(before.when, after.when);
  const double from_m = before.speed_kmh * kMpsOfKmh * apart;  // that each speed would drive
  const double to_m = after.speed_kmh * kMpsOfKmh * apart;
  const double share = (at_m - before.lapdist_m) / way;
  const bool speeds_fit = std::abs((from_m + to_m) / 2 - way) <= kSpeedsDiffer * way;
  if (!speeds_fit) {  // or there are none
    if (apart_ns > kMostApartEvenNs) return std::nullopt;
    return to_microseconds(before.when, share * apart);
  }
  // The cubic through both places with both speeds (Hermite); it rises where speeds fit.
  double low = 0;
  double high = 1;
  for (int i = 0; i < 40; ++i) {
    const double u = (low + high) / 2;
    const double driven =
        u * u * (3 - 2 * u) * way + u * (1 - u) * (1 - u) * from_m - u * u * (1 - u) * to_m;
    (driven < share * way ? low : high) = u;
  }
  return to_microseconds(before.when, high * apart);
}

std::optional<double> sector_begin_m(const SectorMap& map, std::string_view track,
                                     const Fix& before, const Fix& after) {
  if (!(after.lapdist_m > before.lapdist_m)) return std::nullopt;
  if (map.sector_at(track, before.lapdist_m) != before.sector) return std::nullopt;
  if (map.sector_at(track, after.lapdist_m) != after.sector) return std::nullopt;
  double low = before.lapdist_m;
  double high = after.lapdist_m;
  for (int i = 0; i < 40 && high - low > 1e-6; ++i) {
    const double middle = (low + high) / 2;
    const std::int32_t sector = map.sector_at(track, middle);
    if (sector == before.sector) {
      low = middle;
    } else if (sector == after.sector) {
      high = middle;
    } else {
      return std::nullopt;  // there is one in between
    }
  }
  return high;
}

}  // namespace slipstream::crossing
