#include "pipeline/point_completer.h"

#include <charconv>
#include <cstring>
#include <utility>

#include "base/bytes.h"

namespace slipstream {
namespace {

/// A series' state and what its derived fields remember. Without these it is the state alone, whose
/// version is another number.
constexpr std::uint8_t kWithMemories = 128;

}  // namespace

PointCompleter::PointCompleter(std::size_t max_series, Schema& schema, IngestStats& ingest)
    : series_(max_series),
      limit_(schema.series()),
      ingest_(ingest),
      sector_member_(",\"" + schema.options().sector + "\":") {
  auto derived = DerivedFields::compile(schema);
  CHECK(derived.has_value(), "derived fields are compiled before a server is started with them");
  derived_ = std::move(*derived);
}

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

FunctionMemories& PointCompleter::memories_of(std::uint32_t series) {
  if (series >= memories_.size()) memories_.resize(series + std::size_t{1});
  if (memories_[series].empty() && derived_->remembers()) memories_[series] = derived_->fresh();
  return memories_[series];
}

void PointCompleter::forget_memories(std::span<const std::uint32_t> evicted) {
  for (const std::uint32_t series : evicted) {
    if (series < memories_.size()) memories_[series].clear();
  }
}

void PointCompleter::derive(PointBatch& batch, Point& point, std::string* members) {
  ingest_.fields_dropped.add(derived_->compute(batch, point, memories_of(point.series), members));
}

void PointCompleter::add_sector_member(const Point& point) {
  char digits[16];
  members_ += sector_member_;
  members_.append(digits, std::to_chars(digits, digits + sizeof digits, point.sector).ptr);
}

void PointCompleter::add_text(PointBatch& batch, Point& point) const {
  if (members_.size() > PointBatch::kTextSpare) {
    // The text moves to where there is room for it.
    const std::string text(batch.json(point));
    point.json.offset = static_cast<std::uint32_t>(batch.text.size());
    batch.text += text;
    batch.text.append(members_.size(), ' ');
  }
  char* const out = batch.text.data() + point.json.offset + point.json.length - 1;
  std::memcpy(out, members_.data(), members_.size());
  out[members_.size()] = '}';
  point.json.length += static_cast<std::uint32_t>(members_.size());
}

void PointCompleter::save_series(std::uint32_t series, std::string& out) const {
  CHECK(in_use(series), "a forgotten series is not saved, it would come back");
  if (series >= memories_.size() || memories_[series].empty()) return save(series_[series], out);
  std::string state;
  save(series_[series], state);
  std::string memories;
  derived_->save(memories_[series], memories);
  ByteWriter writer(out);
  writer.fixed(kWithMemories);
  writer.text(state);
  writer.text(memories);
}

Result<void> PointCompleter::restore_series(std::uint32_t series, std::string_view bytes) {
  std::string_view memories;
  if (ByteReader in(bytes); in.fixed<std::uint8_t>() == kWithMemories) {
    bytes = in.text();
    memories = in.text();
    if (!in.at_end()) return fail("saved series: damaged", ErrorCode::kCorrupt);
  }
  auto state = series_state_from(bytes);
  if (!state) return std::unexpected(state.error());
  if (!state->name.tags().empty()) {
    limit_.restore(state->name.machine_hash(), state->hash, state->name.tags().size(),
                   state->last_arrival);
  }
  if (auto restored = series_.restore(series, std::move(*state)); !restored) return restored;
  if (memories.empty() || !derived_->remembers()) return {};
  return derived_->restore(memories, memories_of(series));
}

}  // namespace slipstream
