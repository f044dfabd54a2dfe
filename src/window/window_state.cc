#include <fmt/format.h>

#include <algorithm>

#include "window/window_set.h"

namespace slipstream {
namespace {

constexpr std::uint8_t kSeriesVersion = 2;
constexpr std::uint8_t kSeriesWithoutTags = 1;          // 0.1's
constexpr std::uint8_t kVersion = 2;                    // of the set's own numbers
constexpr std::uint8_t kWithoutTicks = 1;               // 0.1's
constexpr std::int64_t kFarNs = std::int64_t{1} << 62;  ///< beyond, sums of times could overflow

bool is_near(std::int64_t ns) {
  return -kFarNs < ns && ns < kFarNs;
}

template <typename K>
void save_key(const K& key, ByteWriter& out) {
  out.zigzag(key.lap);
  out.zigzag(key.sector);
}

template <typename K>
void restore_key(K& key, ByteReader& in) {
  key.lap = static_cast<std::int32_t>(in.zigzag());
  key.sector = static_cast<std::int32_t>(in.zigzag());
}

void save_arrival(ArrivalTime at, ByteWriter& out) {
  out.zigzag(floor_to_ms(at).ns / kNsPerMs);
}

bool restore_arrival(ArrivalTime& at, ByteReader& in) {
  const std::int64_t ms = in.zigzag();
  if (ms <= -kFarNs / kNsPerMs || ms >= kFarNs / kNsPerMs) return false;
  at = {ms * kNsPerMs};
  return true;
}

}  // namespace

void WindowSet::Window::save(StateWriter& out) const {
  out.fixed(start_ns);
  save_key(key, out);
  out.varint(ordinal);
  out.varint(count);
  out.fixed(first_ns);
  out.fixed(last_ns);
  save_key(last_place, out);
  save_arrival(last_arrival, out);
  statistics.save(out);
}

bool WindowSet::Window::restore(StateReader& in) {
  start_ns = in.fixed<std::int64_t>();
  restore_key(key, in);
  ordinal = in.varint();
  count = in.varint();
  first_ns = in.fixed<std::int64_t>();
  last_ns = in.fixed<std::int64_t>();
  restore_key(last_place, in);
  return is_near(start_ns) && count > 0 && restore_arrival(last_arrival, in) &&
         statistics.restore(in);
}

void WindowSet::SeriesWindows::save(StateWriter& out) const {
  out.varint(opened);
  out.fixed(newest_event_ns);
  out.fixed(closed_until_ns);
  out.flag(has_place);
  if (has_place) save_key(place, out);
  out.flag(has_left);
  if (has_left) {
    save_key(left, out);
    out.fixed(left_ns);
  }
  for (const auto* windows : {&open, &late}) {
    out.varint(windows->size());
    for (const Window& window : *windows) window.save(out);
  }
}

bool WindowSet::SeriesWindows::restore(const WindowDefinition& definition, StateReader& in) {
  opened = in.varint();
  newest_event_ns = in.fixed<std::int64_t>();
  closed_until_ns = in.fixed<std::int64_t>();
  has_place = in.flag();
  if (has_place) restore_key(place, in);
  has_left = in.flag();
  if (has_left) {
    restore_key(left, in);
    left_ns = in.fixed<std::int64_t>();
    if (!is_near(left_ns)) return false;
  }
  for (auto* windows : {&open, &late}) {
    std::uint64_t size = in.varint();
    if (windows == &late && size > kMaxLateWindows) return false;
    for (; size > 0; --size) {  // ends with the bytes, whatever `size` says
      Window& window = windows->emplace_back(
          0, Key{}, 0, Statistics(definition.statistics.has(StatisticGroup::kQuantiles)));
      window.late = windows == &late;
      if (!window.restore(in) || window.ordinal >= opened) return false;
    }
  }
  return in.ok();
}

void WindowSet::save_series(std::uint32_t number, std::string& out,
                            const FieldTable& fields) const {
  StateWriter writer(out, fields);
  writer.fixed(kSeriesVersion);
  const bool in_use = number < series_.size() && series_[number].in_use;
  writer.flag(in_use);
  if (!in_use) return;
  const Series& series = series_[number];
  writer.text(series.name.track());
  writer.text(series.name.chassis());
  writer.text(series.name.tags());
  save_arrival(series.last_arrival, writer);
  writer.varint(definitions_.size());
  for (const SeriesWindows& windows : windows_at(number)) windows.save(writer);
}

Result<void> WindowSet::restore_series(std::uint32_t number, std::string_view bytes,
                                       FieldTable& fields) {
  const auto refuse = [number](std::string_view why) {
    return fail(fmt::format("saved windows of series {}: {}", number, why));
  };
  StateReader in(bytes, fields);
  const auto version = in.fixed<std::uint8_t>();
  if (version != kSeriesVersion && version != kSeriesWithoutTags) {
    return refuse("not of a known version");
  }
  const bool in_use = in.flag();
  Series series;
  std::vector<SeriesWindows> its(definitions_.size());
  if (in_use) {
    const auto track = in.text();
    const auto chassis = in.text();
    series.name = {track, chassis, version == kSeriesWithoutTags ? std::string_view{} : in.text()};
    if (!restore_arrival(series.last_arrival, in)) return refuse("damaged");
    if (in.varint() != definitions_.size()) return refuse("of other window definitions");
    series.in_use = true;
    for (std::size_t d = 0; d < definitions_.size(); ++d) {
      if (!its[d].restore(definitions_[d], in)) return refuse("damaged");
    }
  }
  if (!in.at_end()) return refuse("damaged");
  if (!in_use) return {};
  if (number >= series_.size()) resize(number + std::size_t{1});
  if (series_[number].in_use) return refuse("its number is in use");
  for (std::size_t d = 0; d < definitions_.size(); ++d) {
    for (const Window& window : its[d].open) counts_[d].open_points += window.count;
    for (const Window& window : its[d].late) counts_[d].gathered_points += window.count;
  }
  due_ns_[number] = due_ns(series, its);
  series_[number] = std::move(series);
  std::ranges::move(its, windows_of(series_[number]).begin());
  return {};
}

void WindowSet::save(std::string& out) const {
  ByteWriter writer(out);
  writer.fixed(kVersion);
  writer.varint(sequence_);
  writer.fixed(ticked_.ns);
  writer.zigzag(shift_ns_);
  writer.varint(counts_.size());
  for (const WindowCounts& counts : counts_) {
    writer.varint(counts.closed_points);
    writer.varint(counts.late_points);
    writer.varint(counts.rollups);
  }
  earlier_rollups_.save(writer);
}

Result<void> WindowSet::restore(std::string_view bytes) {
  ByteReader in(bytes);
  const auto version = in.fixed<std::uint8_t>();
  if (version != kVersion && version != kWithoutTicks) {
    return fail("saved window counts: not of a known version");
  }
  const std::uint64_t sequence = in.varint();
  ArrivalTime ticked = kNotTicked;
  std::int64_t shift_ns = 0;
  if (version != kWithoutTicks) {
    ticked = {in.fixed<std::int64_t>()};
    shift_ns = in.zigzag();
    if (shift_ns < 0 || shift_ns >= kFarNs || ticked.ns >= kFarNs) {
      return fail("saved window counts: damaged");
    }
  }
  if (in.varint() != counts_.size()) {
    return fail("saved window counts: of other window definitions");
  }
  std::vector<WindowCounts> counts = counts_;
  for (WindowCounts& c : counts) {
    c.closed_points = in.varint();
    c.late_points = in.varint();
    c.rollups = in.varint();
  }
  EarlierRollups earlier = EarlierRollups::restore(in);
  if (!in.at_end()) return fail("saved window counts: damaged");
  sequence_ = sequence;
  ticked_ = ticked;
  shift_ns_ = shift_ns;
  earlier_rollups_ = std::move(earlier);
  counts_ = std::move(counts);
  return {};
}

}  // namespace slipstream
