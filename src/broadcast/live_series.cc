#include "broadcast/live_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <tuple>

#include "base/json_text.h"

namespace slipstream {

void LiveSeries::push(const PointBatch& batch, const Point& point, SteadyTime now) {
  auto found = by_hash_.find(point.series_hash);
  if (found == by_hash_.end()) {
    if (by_hash_.size() >= max_series_) forget_oldest();
    found = by_hash_.try_emplace(point.series_hash).first;
    found->second.track = batch.track(point);
    found->second.chassis = batch.chassis(point);
    found->second.second_began = now;
  }
  State& state = found->second;
  state.last_time = point.event_time;
  state.last_seen = point.arrival_time;
  state.seen = now;
  state.lap = point.lap;
  state.sector = point.sector;
  const double speed = batch.value_or_nan(point, field::kSpeedKmh);
  if (!std::isnan(speed)) state.speed_kmh = speed;
  ++state.points;
  add_tags(state, batch, point, now);
  state.offsets.add(point.event_time, point.arrival_time);
  if (now - state.looked_at_clock >= kLookNs) look_at_clock(point.series_hash, state, now);
  const std::int64_t elapsed = now - state.second_began;
  if (elapsed >= kNsPerSecond) {
    state.rate_hz = state.points_this_second * 1e9 / static_cast<double>(elapsed);
    state.second_began = now;
    state.points_this_second = 0;
  }
  ++state.points_this_second;
}

void LiveSeries::add_tags(State& state, const PointBatch& batch, const Point& point,
                          SteadyTime now) {
  if (point.tags.length == 0) {
    state.has_untagged = true;
    return;
  }
  const auto tags = batch.tags(point);
  const std::uint64_t hash = series_hash(point.series_hash, tags);
  if (!state.tagged) state.tagged = std::make_unique<TaggedByHash>();
  if (const auto known = state.tagged->find(hash); known != state.tagged->end()) {
    known->second.seen = now;
    return;
  }
  if (tagged_ >= max_series_) forget_old_tagged(now);
  if (tagged_ >= max_series_) return;
  state.tagged->emplace(hash, Tagged{std::string(tags), now});
  ++tagged_;
}

void LiveSeries::forget_old_tagged(SteadyTime now) {
  if (now - looked_at_tagged_ < kLookNs) return;
  looked_at_tagged_ = now;
  for (auto& [hash, state] : by_hash_) {
    if (!state.tagged) continue;
    tagged_ -= boost::unordered::erase_if(*state.tagged, [&](const auto& series) {
      return now - series.second.seen >= kTaggedForNs;
    });
  }
}

bool LiveSeries::matches(const State& state, const TagFilter& filter) {
  return state.tagged && std::ranges::any_of(*state.tagged, [&](const auto& series) {
           return filter.matches(series.second.tags);
         });
}

void LiveSeries::look_at_clock(std::uint64_t hash, State& state, SteadyTime now) {
  if (told_offset_ms_ == 0 || state.offsets.size() < kLeastPoints) return;
  state.looked_at_clock = now;
  const std::int64_t offset_ms = state.offsets.median_ms();
  if (std::abs(offset_ms) > told_offset_ms_) {
    off_.insert_or_assign(hash, Off{.offset_ms = offset_ms, .seen = now});
  } else if (!off_.empty()) {
    off_.erase(hash);
  }
}

ClocksOff LiveSeries::clocks_off(SteadyTime now) const {
  ClocksOff told;
  std::vector<std::pair<std::int64_t, std::uint64_t>> furthest;  // a few, the furthest first
  for (const auto& [hash, off] : off_) {
    if (now - off.seen > kOffForNs) continue;
    ++told.machines;
    const std::pair mine{-std::abs(off.offset_ms), hash};
    furthest.insert(std::ranges::upper_bound(furthest, mine), mine);
    if (furthest.size() > ClocksOff::kNamed) furthest.pop_back();
  }
  for (const auto& [size, hash] : furthest) {
    const State& state = by_hash_.at(hash);
    told.furthest.push_back({state.track, state.chassis, off_.at(hash).offset_ms});
  }
  return told;
}

void LiveSeries::forget_oldest() {
  std::vector<std::pair<std::int64_t, std::uint64_t>> ages;
  ages.reserve(by_hash_.size());
  for (const auto& [hash, state] : by_hash_) ages.emplace_back(state.seen.ns, hash);
  const auto count = std::max<std::size_t>(1, ages.size() / 16);
  std::ranges::nth_element(ages, ages.begin() + static_cast<std::ptrdiff_t>(count - 1));
  for (std::size_t i = 0; i < count; ++i) {
    const auto state = by_hash_.find(ages[i].second);
    tagged_ -= tagged_of(state->second);
    by_hash_.erase(state);
    off_.erase(ages[i].second);
  }
}

double LiveSeries::rate(const State& state, SteadyTime now) const {
  constexpr std::int64_t kSilentNs = 2 * kNsPerSecond;
  return now - state.seen > kSilentNs ? 0 : state.rate_hz;
}

std::string LiveSeries::encode(SteadyTime now, const TagFilter& filter, std::size_t limit) const {
  std::vector<const State*> all;
  all.reserve(by_hash_.size());
  for (const auto& [hash, state] : by_hash_) {
    if (filter.is_empty() || matches(state, filter)) all.push_back(&state);
  }
  const auto count = std::min(limit, all.size());
  std::ranges::partial_sort(all, all.begin() + static_cast<std::ptrdiff_t>(count), {},
                            [](const State* s) { return std::tie(s->track, s->chassis); });
  std::string out = R"({"series":[)";
  for (std::size_t i = 0; i < count; ++i) {
    const State& s = *all[i];
    out += i == 0 ? R"({"track":)" : R"(,{"track":)";
    append_json_string(out, s.track);
    out += R"(,"chassis":)";
    append_json_string(out, s.chassis);
    out += R"(,"last_time":)";
    append_json_time(out, s.last_time.ns);
    out += R"(,"last_seen":)";
    append_json_time(out, s.last_seen.ns);
    fmt::format_to(std::back_inserter(out), R"(,"lap":{},"sector":{},"speed_kmh":)", s.lap,
                   s.sector);
    append_json_number(out, s.speed_kmh);
    fmt::format_to(std::back_inserter(out),
                   R"(,"rate_hz":{:.1f},"points":{},"clock_offset_ms":{},"series":{}}})",
                   rate(s, now), s.points, s.offsets.median_ms(),
                   tagged_of(s) + (s.has_untagged ? 1 : 0));
  }
  fmt::format_to(std::back_inserter(out), R"(],"count":{},"total":{}}})", count, all.size());
  return out;
}

}  // namespace slipstream
