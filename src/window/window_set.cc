#include "window/window_set.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/clock.h"

namespace slipstream {
namespace {

constexpr std::int64_t kMaxAheadMs = 1'000'000'000'000;  ///< beyond, sums of times could overflow

/// From a time to one that is not before it: two times can be further apart than 63 bits hold.
std::uint64_t ns_between(std::int64_t from, std::int64_t to) {
  return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
}

}  // namespace

WindowSet::WindowSet(std::vector<WindowDefinition> definitions, PartitionId partition)
    : definitions_(std::move(definitions)), partition_(partition), counts_(definitions_.size()) {
  for (const auto& definition : definitions_) {
    Limits& limits = limits_.emplace_back();
    const std::int64_t idle_ns =
        (definition.idle_ms > 0 ? definition.idle_ms : kLateIdleMs) * kNsPerMs;
    if (definition.idle_ms > 0) limits.open_ns = idle_ns;
    if (definition.late == LatePolicy::kRollup) limits.late_ns = idle_ns;
    if (definition.ahead_ms) {
      limits.stamp_ns = std::clamp(*definition.ahead_ms, std::int64_t{0}, kMaxAheadMs) * kNsPerMs;
      if (definition.every_ms > 0) limits.ahead_ns = idle_ns;
    }
    shortest_idle_ns_ =
        std::min({shortest_idle_ns_, limits.open_ns, limits.late_ns, limits.ahead_ns});
  }
}

void WindowSet::resize(std::size_t series) {
  series_.resize(series);
  series_windows_.resize(series * definitions_.size());
  due_ns_.resize(series, kNever);
}

std::span<WindowSet::SeriesWindows> WindowSet::windows_of(const Series& series) {
  const auto number = static_cast<std::size_t>(&series - series_.data());
  return std::span(series_windows_).subspan(number * definitions_.size(), definitions_.size());
}

std::span<const WindowSet::SeriesWindows> WindowSet::windows_at(std::uint32_t series) const {
  return std::span(series_windows_).subspan(series * definitions_.size(), definitions_.size());
}

Statistics WindowSet::fresh_statistics(std::size_t d) {
  const bool with_quantiles = definitions_[d].statistics.has(StatisticGroup::kQuantiles);
  if (spare_.empty()) return Statistics(with_quantiles);
  Statistics fresh = std::move(spare_.back());
  spare_.pop_back();
  fresh.clear(with_quantiles);
  return fresh;
}

void WindowSet::remove(std::vector<Window>& windows, std::vector<Window>::iterator from,
                       std::vector<Window>::iterator to) {
  for (auto window = from; window != to && spare_.size() < kMaxSpare; ++window) {
    if (window->statistics.is_worth_keeping()) spare_.push_back(std::move(window->statistics));
  }
  windows.erase(from, to);
  if (windows.empty()) std::vector<Window>().swap(windows);
}

WindowSet::Key WindowSet::key_of(const WindowDefinition& definition, const Point& point) const {
  return {definition.key_lap ? point.lap : 0, definition.key_sector ? point.sector : 0};
}

void WindowSet::fold(const PointBatch& batch, const Point& point, RollupBatch& out) {
  if (point.series >= series_.size()) resize(point.series + std::size_t{1});
  Series& series = series_[point.series];
  if (!series.in_use) {
    series.in_use = true;
    series.name = {batch, point};
    // Ordinals must not repeat when a series is forgotten and comes again. By then each window of
    // its former life has been emitted, each with a sequence number of its own: the sequence has
    // passed every ordinal given out. It goes on through restarts and changes of definitions.
    for (SeriesWindows& windows : windows_of(series)) windows.opened = sequence_;
  }
  const ArrivalTime arrival = shifted(floor_to_ms(point.arrival_time));
  series.last_arrival = std::max(series.last_arrival, arrival);
  if (shortest_idle_ns_ != kNever) {
    auto& due = due_ns_[point.series];
    due = std::min(due, arrival.ns + shortest_idle_ns_);
  }
  values_.take(batch, point);
  for (std::size_t d = 0; d < definitions_.size(); ++d) {
    if (definitions_[d].every_ms > 0) {
      fold_timed(d, series, point, out);
    } else {
      fold_keyed(d, series, point, out);
    }
  }
}

void WindowSet::fold_timed(std::size_t d, Series& series, const Point& point, RollupBatch& out) {
  const auto& definition = definitions_[d];
  SeriesWindows& windows = windows_of(series, d);
  const std::int64_t every_ns = definition.every_ms * kNsPerMs;
  const auto width = static_cast<std::uint64_t>(every_ns);
  const std::int64_t event_ns = point.event_time.ns;
  // The watermark is the end of a window, as all that it is compared with: no need to divide.
  if (event_ns < windows.closed_until_ns) {
    fold_late(d, series, floor_to(event_ns, every_ns), {}, point, out);
    return;
  }
  const bool is_ahead = is_ahead_of_clock(d, point);
  auto window = std::ranges::find_if(windows.open, [&](const Window& w) {
    return event_ns >= w.start_ns && ns_between(w.start_ns, event_ns) < width;
  });
  if (window == windows.open.end()) {
    if (is_ahead) make_room_ahead(d, series, out);
    windows.open.emplace_back(floor_to(event_ns, every_ns), Key{}, windows.opened++,
                              fresh_statistics(d));
    window = windows.open.end() - 1;
  }
  add(*window, point);
  ++counts_[d].open_points;
  if (!is_ahead && event_ns > windows.newest_event_ns) {
    windows.newest_event_ns = event_ns;
    const std::int64_t watermark = event_ns - definition.lateness_ms * kNsPerMs;
    if (watermark > windows.closed_until_ns &&
        ns_between(windows.closed_until_ns, watermark) >= width) {
      close_until(d, series, floor_to(watermark, every_ns), out);
    }
  }
}

void WindowSet::fold_keyed(std::size_t d, Series& series, const Point& point, RollupBatch& out) {
  const auto& definition = definitions_[d];
  SeriesWindows& windows = windows_of(series, d);
  const Key key = key_of(definition, point);
  if (definition.close_on_change && !(windows.has_place && key == windows.place)) {
    if (windows.has_left && key == windows.left && is_older_than_leaver(d, windows, point)) {
      fold_late(d, series, windows.left_ns, key, point, out);
      return;
    }
    windows.has_left = windows.has_place;
    windows.left = windows.place;
    windows.left_ns = point.event_time.ns;
    windows.has_place = true;
    windows.place = key;
    close_open(d, series, out);
  }
  auto window = std::ranges::find(windows.open, key, &Window::key);
  if (window == windows.open.end()) {
    if (windows.open.size() == kMaxOpenKeys) {
      emit_open(d, series, windows.open.front(), out);
      remove(windows.open, windows.open.begin(), windows.open.begin() + 1);
    }
    windows.open.emplace_back(point.event_time.ns, key, windows.opened++, fresh_statistics(d));
    window = windows.open.end() - 1;
  }
  add(*window, point);
  ++counts_[d].open_points;
  if (definition.close_count > 0 && window->count >= definition.close_count) {
    emit_open(d, series, *window, out);
    remove(windows.open, window, window + 1);
  }
}

void WindowSet::fold_late(std::size_t d, Series& series, std::int64_t start_ns, Key key,
                          const Point& point, RollupBatch& out) {
  ++counts_[d].late_points;
  if (definitions_[d].late == LatePolicy::kDrop) return;
  ++counts_[d].gathered_points;
  SeriesWindows& windows = windows_of(series, d);
  auto window = std::ranges::find_if(
      windows.late, [&](const Window& w) { return w.start_ns == start_ns && w.key == key; });
  if (window == windows.late.end()) {
    if (windows.late.size() == kMaxLateWindows) close_late(d, series, 1, out);
    windows.late.emplace_back(start_ns, key, windows.opened++, fresh_statistics(d));
    window = windows.late.end() - 1;
    window->late = true;
  }
  add(*window, point);
}

void WindowSet::add(Window& window, const Point& point) {
  ++window.count;
  window.first_ns = std::min(window.first_ns, point.event_time.ns);
  if (point.event_time.ns >= window.last_ns) {
    window.last_ns = point.event_time.ns;
    window.last_place = {point.lap, point.sector};
  }
  window.last_arrival = std::max(window.last_arrival, shifted(point.arrival_time));
  window.statistics.add(values_);
}

void WindowSet::close_until(std::size_t d, Series& series, std::int64_t until_ns,
                            RollupBatch& out) {
  SeriesWindows& windows = windows_of(series, d);
  if (until_ns <= windows.closed_until_ns) return;
  windows.closed_until_ns = until_ns;
  const std::int64_t every_ns = definitions_[d].every_ms * kNsPerMs;
  std::ranges::sort(windows.open, {}, &Window::age);
  auto window = windows.open.begin();
  for (; window != windows.open.end() && window->start_ns + every_ns <= until_ns; ++window) {
    emit_open(d, series, *window, out);
  }
  remove(windows.open, windows.open.begin(), window);
}

void WindowSet::close_open(std::size_t d, Series& series, RollupBatch& out) {
  SeriesWindows& windows = windows_of(series, d);
  std::ranges::sort(windows.open, {}, &Window::age);
  for (const Window& window : windows.open) emit_open(d, series, window, out);
  remove(windows.open, windows.open.begin(), windows.open.end());
}

bool WindowSet::is_ahead_of_clock(std::size_t d, const Point& point) const {
  return is_ahead_of_arrival(d, point.event_time.ns, point);
}

bool WindowSet::is_ahead_of_arrival(std::size_t d, std::int64_t event_ns,
                                    const Point& point) const {
  const std::int64_t stamp_ns = limits_[d].stamp_ns;
  return stamp_ns != kNever && event_ns > floor_to_ms(point.arrival_time).ns + stamp_ns;
}

/// Of a clock that is ahead throughout, one stamp tells the order by another. A right one cannot be
/// compared with a leaver's that is ahead: it is taken for newer.
bool WindowSet::is_older_than_leaver(std::size_t d, const SeriesWindows& windows,
                                     const Point& point) const {
  return point.event_time.ns < windows.left_ns &&
         (is_ahead_of_clock(d, point) || !is_ahead_of_arrival(d, windows.left_ns, point));
}

void WindowSet::make_room_ahead(std::size_t d, Series& series, RollupBatch& out) {
  SeriesWindows& windows = windows_of(series, d);
  auto oldest = windows.open.end();
  std::size_t count = 0;
  for (auto window = windows.open.begin(); window != windows.open.end(); ++window) {
    if (!window->is_ahead(windows.newest_event_ns)) continue;
    ++count;
    if (oldest == windows.open.end() || window->ordinal < oldest->ordinal) oldest = window;
  }
  if (count < kMaxOpenKeys) return;
  emit_open(d, series, *oldest, out);
  remove(windows.open, oldest, oldest + 1);
}

void WindowSet::close_idle_ahead(std::size_t d, Series& series, ArrivalTime now, RollupBatch& out) {
  SeriesWindows& windows = windows_of(series, d);
  const auto is_idle = [&](const Window& w) {
    return w.is_ahead(windows.newest_event_ns) &&
           now.ns - floor_to_ms(w.last_arrival).ns >= limits_[d].ahead_ns;
  };
  if (std::ranges::none_of(windows.open, is_idle)) return;
  std::ranges::sort(windows.open, {}, &Window::age);
  const auto busy = std::stable_partition(windows.open.begin(), windows.open.end(), is_idle);
  for (auto window = windows.open.begin(); window != busy; ++window) {
    emit_open(d, series, *window, out);
  }
  remove(windows.open, windows.open.begin(), busy);
}

void WindowSet::close_late(std::size_t d, Series& series, std::size_t how_many, RollupBatch& out) {
  auto& late = windows_of(series, d).late;
  const auto end = late.begin() + static_cast<std::ptrdiff_t>(std::min(how_many, late.size()));
  for (auto window = late.begin(); window != end; ++window) {
    CHECK(counts_[d].gathered_points >= window->count, "what is emitted as late was gathered");
    counts_[d].gathered_points -= window->count;
    emit(d, series, *window, out);
  }
  remove(late, late.begin(), end);
}

std::int64_t WindowSet::due_ns(const Series& series,
                               std::span<const SeriesWindows> by_definition) const {
  const auto after = [](ArrivalTime arrival, std::int64_t limit_ns) {
    return limit_ns == kNever ? kNever : floor_to_ms(arrival).ns + limit_ns;
  };
  std::int64_t due = kNever;
  for (std::size_t d = 0; d < by_definition.size(); ++d) {
    const SeriesWindows& windows = by_definition[d];
    const Limits& limits = limits_[d];
    if (!windows.open.empty()) due = std::min(due, after(series.last_arrival, limits.open_ns));
    for (const Window& window : windows.open) {
      if (!window.is_ahead(windows.newest_event_ns)) continue;
      due = std::min(due, after(window.last_arrival, limits.ahead_ns));
    }
    for (const Window& window : windows.late) {
      due = std::min(due, after(window.last_arrival, limits.late_ns));
    }
  }
  return due;
}

void WindowSet::tick(ArrivalTime exact_now, RollupBatch& out) {
  touched_.clear();
  ArrivalTime now = shifted(floor_to_ms(exact_now));
  if (now < ticked_) {
    shift_ns_ += ticked_.ns - now.ns;
    now = ticked_;
  }
  ticked_ = now;
  for (std::uint32_t number = 0; number < series_.size(); ++number) {
    if (due_ns_[number] > now.ns) continue;
    Series& series = series_[number];
    const std::uint64_t before = sequence_;
    for (std::size_t d = 0; d < definitions_.size(); ++d) {
      const Limits& limits = limits_[d];
      SeriesWindows& windows = windows_of(series, d);
      if (now.ns - series.last_arrival.ns >= limits.open_ns) {
        close_open(d, series, out);
      } else if (limits.ahead_ns != kNever) {
        close_idle_ahead(d, series, now, out);
      }
      if (!windows.late.empty()) {
        const auto is_idle = [&](const Window& w) {
          return now.ns - floor_to_ms(w.last_arrival).ns >= limits.late_ns;
        };
        const auto busy = std::stable_partition(windows.late.begin(), windows.late.end(), is_idle);
        close_late(d, series, static_cast<std::size_t>(busy - windows.late.begin()), out);
      }
    }
    due_ns_[number] = due_ns(series, windows_at(number));
    if (sequence_ != before) touched_.push_back(number);
  }
}

void WindowSet::close_everything(Series& series, RollupBatch& out) {
  for (std::size_t d = 0; d < definitions_.size(); ++d) {
    close_open(d, series, out);
    close_late(d, series, kMaxLateWindows, out);
  }
}

void WindowSet::forget(std::uint32_t number, RollupBatch& out) {
  if (number >= series_.size()) return;
  close_everything(series_[number], out);
  series_[number] = Series{};
  for (SeriesWindows& windows : windows_of(series_[number])) windows = SeriesWindows{};
  due_ns_[number] = kNever;
}

void WindowSet::close_all(RollupBatch& out) {
  touched_.clear();
  for (std::uint32_t number = 0; number < series_.size(); ++number) {
    const std::uint64_t before = sequence_;
    close_everything(series_[number], out);
    due_ns_[number] = kNever;
    if (sequence_ != before) touched_.push_back(number);
  }
}

void WindowSet::skip_numbers_of(std::uint64_t sequence, std::uint64_t points) {
  sequence_ = std::max(sequence_, sequence) + points;
  // Of a series that is not in use it begins anew.
  for (SeriesWindows& windows : series_windows_)
    windows.opened = std::max(windows.opened, sequence) + points;
}

void WindowSet::emit_open(std::size_t d, const Series& series, const Window& window,
                          RollupBatch& out) {
  CHECK(!window.late, "points of late windows are not among the open ones");
  CHECK(counts_[d].open_points >= window.count, "what is closed was counted as open");
  counts_[d].open_points -= window.count;
  emit(d, series, window, out);
}

void WindowSet::emit(std::size_t d, const Series& series, const Window& window, RollupBatch& out) {
  const auto& definition = definitions_[d];
  CHECK(series.in_use, "only series that points came of have windows");
  CHECK(window.count > 0, "a window is opened by its first point");
  auto rollup = std::make_shared<Rollup>();
  rollup->window = definition.name;
  rollup->track = series.name.track();
  rollup->chassis = series.name.chassis();
  rollup->tags = series.name.tags();
  rollup->lap = definition.key_lap ? window.key.lap : window.last_place.lap;
  rollup->sector = definition.key_sector ? window.key.sector : window.last_place.sector;
  rollup->key_lap = definition.key_lap;
  rollup->key_sector = definition.key_sector;
  rollup->count = window.count;
  rollup->first_time = {window.first_ns};
  rollup->last_time = {window.last_ns};
  rollup->partition = partition_;
  rollup->sequence = ++sequence_;
  rollup->last_arrival = {window.last_arrival.ns - shift_ns_};
  rollup->stored = definition.stored;
  rollup->late = window.late;
  rollup->statistics = definition.statistics;
  rollup->fields = window.statistics.figures();

  const std::uint64_t identity[] = {
      XXH3_64bits(definition.name.data(), definition.name.size()),
      series.name.hash(),
      (static_cast<std::uint64_t>(static_cast<std::uint32_t>(window.key.lap)) << 32) |
          static_cast<std::uint32_t>(window.key.sector),
      static_cast<std::uint64_t>(window.start_ns),
      window.ordinal,
      partition_.to_number()};
  const XXH128_hash_t hash = XXH3_128bits(identity, sizeof identity);
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  std::memcpy(rollup->window_id.data(), canonical.digest, rollup->window_id.size());

  if (!window.late) counts_[d].closed_points += window.count;
  ++counts_[d].rollups;
  out.push_back(std::move(rollup));
}

}  // namespace slipstream
