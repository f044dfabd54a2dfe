#include "racing/built_lap.h"

#include <algorithm>
#include <cmath>

#include "racing/motion.h"

namespace slipstream {
namespace {

std::optional<bool> flag(double value) {
  return std::isnan(value) ? std::nullopt : std::optional(value > 0);
}

/// What is left of a lap, of times in whole milliseconds.
double rest_s(double lap_s, double first_s, double second_s) {
  const auto ms = [](double seconds) {
    return std::llround(std::clamp(seconds, 0.0, kLongestLapS) * 1e3);
  };
  return static_cast<double>(ms(lap_s) - ms(first_s) - ms(second_s)) / 1e3;
}

}  // namespace

std::uint64_t LineGap::missing(bool is_before, std::int64_t usual_step_ns) const {
  std::uint64_t all = ids;
  if (all == 0 && usual_step_ns > 0) {
    const std::int64_t rest = ns % usual_step_ns;
    const std::int64_t room = ns / usual_step_ns - (rest < usual_step_ns - rest ? 1 : 0);
    all = room > 0 ? static_cast<std::uint64_t>(room) : 0;
  }
  if (all == 0) return 0;
  // They would have come in even steps.
  const double until_line = share * static_cast<double>(all + 1);
  constexpr double kMostCounted = 1e18;  // which fits any number
  const double most = std::min(static_cast<double>(all), kMostCounted);
  const double count = std::clamp(std::ceil(until_line) - 1, 0.0, most);
  const auto before = static_cast<std::uint64_t>(count);
  return is_before ? std::min(before, all) : all - std::min(before, all);
}

bool BuiltLap::is_complete() const {
  if (is_lost || (end != LapEnd::kLine && end != LapEnd::kFlag)) return false;
  if (is_official()) return true;
  return may_be_timed() && ended && *began < *ended;
}

void BuiltLap::vanish() {
  end = LapEnd::kRunning;
  official_s.reset();
  began.reset();
  ended.reset();
  entry.reset();
  exit.reset();
  after.reset();
  sectors.clear();
  quality = {};
  speed = {};
  gap_before = {};
  gap_behind = {};
  duplicates = 0;
}

Lap BuiltLap::told(const ActivityKey& activity, const FieldTable& fields) const {
  Lap told;
  told.activity = activity;
  told.lap = lap;
  told.repeat = repeat;
  told.revision = revision;
  told.began = began.value_or(first.when);
  told.ended = ended_at();
  told.begun_here = begun_here;
  told.is_complete = is_complete();
  told.is_official = told.is_complete && is_official();
  told.lap_time_s = lap_time_s();
  if (told.is_complete) {
    told.is_valid = is_valid();
    if (last_is_known) told.pit_in = flag(last.pit_status);
    told.pit_out = began_in_pit;
  }
  told.sector_times_s = sector_times_s();
  told.compound = compound;
  const std::int64_t step_ns = quality.usual_step_ns();
  told.missing =
      quality.missing() + gap_before.missing(false, step_ns) + gap_behind.missing(true, step_ns);
  // A game's frame is of the lap whether it came or not.
  told.points = quality.points() + (last.has_frame() ? told.missing : 0);
  told.duplicates = duplicates;
  told.discarded = discarded;
  told.is_rewound = is_rewound;
  told.longest_gap_s =
      static_cast<double>(std::max({quality.longest_gap_ns(), gap_before.ns, gap_behind.ns})) / 1e9;
  told.max_speed_kmh = speed.kmh();
  for (std::size_t id = 0; id < channels.end(); ++id) {
    const auto field = static_cast<FieldId>(id);
    if (channels.has(field)) told.channels.emplace_back(fields.name(field));
  }
  std::ranges::sort(told.channels);
  return told;
}

TimedLap BuiltLap::timed() const {
  return {.lap = lap,
          .repeat = repeat,
          .is_running = !is_closed(),
          .is_valid = is_valid().value_or(true),
          .lap_time_s = lap_time_s(),
          .sector_times_s = is_closed() ? sector_times_s() : sector_times_so_far_s()};
}

std::optional<double> BuiltLap::lap_time_s() const {
  if (!is_complete()) return std::nullopt;
  return official_s ? *official_s : seconds_between(*began, *ended);
}

std::optional<bool> BuiltLap::is_valid() const {
  if (!last_is_known || std::isnan(last.lap_invalid)) return std::nullopt;
  return last.lap_invalid == 0;
}

BuiltLap::SectorTimes BuiltLap::official_sectors_s() const {
  if (!(last.sector1_s > 0) || !(last.sector2_s > 0)) return {};
  if (!last_is_known) return {std::nullopt, std::nullopt, std::nullopt};
  return {last.sector1_s, last.sector2_s, rest_s(*official_s, last.sector1_s, last.sector2_s)};
}

/// Its first figures may still be those of the lap before.
BuiltLap::SectorTimes BuiltLap::sector_times_so_far_s() const {
  const bool tells_own = last.last_lap_s > 0 || last.sector1_s > 0;
  if (!tells_own) return crossed_sectors_s(may_be_timed() && !is_lost);
  if (is_lost || !last_is_known || !exit || exit->sector < 1 || !(last.sector1_s > 0)) return {};
  if (exit->sector < 2 || !(last.sector2_s > 0)) return {last.sector1_s, std::nullopt};
  return {last.sector1_s, last.sector2_s, std::nullopt};
}

BuiltLap::SectorTimes BuiltLap::sector_times_s() const {
  const bool is_told = is_complete() && is_official();
  return is_told ? official_sectors_s() : crossed_sectors_s(is_complete());
}

/// From the line, or where the sector before ended, to where the next one begins, or the line.
BuiltLap::SectorTimes BuiltLap::crossed_sectors_s(bool is_timed) const {
  SectorTimes times;
  for (const SectorBegin& begin : sectors) {
    const auto count = static_cast<std::size_t>(begin.sector) + 1;
    if (count > times.size()) times.resize(count);
  }
  if (!is_timed) return times;
  for (std::size_t i = 0; i < sectors.size(); ++i) {
    const bool is_last = i + 1 == sectors.size();
    if (is_last && (!exit || exit->sector != sectors[i].sector)) continue;
    if (!is_last && sectors[i + 1].sector != sectors[i].sector + 1) continue;
    const auto from = sectors[i].sector == 0 ? began : sectors[i].when;
    const auto to = is_last ? ended : sectors[i + 1].when;
    if (!from || !to) continue;
    times[static_cast<std::size_t>(sectors[i].sector)] = seconds_between(*from, *to);
  }
  return times;
}

}  // namespace slipstream
