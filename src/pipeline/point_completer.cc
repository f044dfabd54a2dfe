#include "pipeline/point_completer.h"

#include <charconv>
#include <cstring>
#include <utility>

namespace slipstream {

PointCompleter::PointCompleter(std::size_t max_series, Schema& schema, IngestStats& ingest)
    : series_(max_series),
      limit_(schema.series()),
      ingest_(ingest),
      sector_member_(",\"" + schema.options().sector + "\":") {}

void PointCompleter::number_tagged(const PointBatch& batch, Point& point,
                                   std::vector<std::uint32_t>& evicted) {
  point.series = series_.find_or_add(batch, point, batch.tags(point), evicted, point.machine);
  SeriesState& series = series_[point.series];
  if (series.last_arrival == ArrivalTime{}) {
    limit_.restore(point.series_hash, series.hash, point.tags.length, point.arrival_time);
  }
  series.last_arrival = std::max(series.last_arrival, floor_to_ms(point.arrival_time));
}

void PointCompleter::repair_lap(PointBatch& batch, Point& point, const SeriesState& series) {
  point.lap = series.lap;
  ingest_.lap_repaired.add();
  if (point.lap_literal.length == 0) return;
  const auto before = batch.str({point.json.offset, point.lap_literal.offset - point.json.offset});
  const std::uint32_t behind = point.lap_literal.offset + point.lap_literal.length;
  const auto after = batch.str({behind, point.json.offset + point.json.length - behind});
  std::string text;
  text.reserve(point.json.length + std::size_t{8});
  text += before;
  text += std::to_string(point.lap);
  text += after;
  point.json = {static_cast<std::uint32_t>(batch.text.size()),
                static_cast<std::uint32_t>(text.size())};
  batch.text += text;
  batch.text.append(PointBatch::kTextSpare, ' ');
}

void PointCompleter::add_sector_text(PointBatch& batch, Point& point) const {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, point.sector).ptr;
  const auto digit_count = static_cast<std::size_t>(end - digits);
  const std::size_t added = sector_member_.size() + digit_count;
  if (added > PointBatch::kTextSpare) {
    // A long member name: the text moves to where there is room for it.
    const std::string text(batch.json(point));
    point.json.offset = static_cast<std::uint32_t>(batch.text.size());
    batch.text += text;
    batch.text.append(added, ' ');
  }
  char* out = batch.text.data() + point.json.offset + point.json.length - 1;
  std::memcpy(out, sector_member_.data(), sector_member_.size());
  out += sector_member_.size();
  std::memcpy(out, digits, digit_count);
  out[digit_count] = '}';
  point.json.length += static_cast<std::uint32_t>(added);
}

void PointCompleter::save_series(std::uint32_t series, std::string& out) const {
  CHECK(in_use(series), "a forgotten series is not saved, it would come back");
  save(series_[series], out);
}

Result<void> PointCompleter::restore_series(std::uint32_t series, std::string_view bytes) {
  auto state = series_state_from(bytes);
  if (!state) return std::unexpected(state.error());
  if (!state->name.tags().empty()) {
    limit_.restore(state->name.machine_hash(), state->hash, state->name.tags().size(),
                   state->last_arrival);
  }
  return series_.restore(series, std::move(*state));
}

}  // namespace slipstream
