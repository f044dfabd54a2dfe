#include "store/rollup_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "codec/rollup_json.h"
#include "store/schema_sql.h"
#include "store/store_views.h"

namespace slipstream {
namespace {

/// What both kinds of rows give in the same places.
struct Column {
  enum : int { kLap, kSector, kCount, kLastNs, kLate, kWindowId, kStats };
};
struct PackedColumn {
  enum : int { kSpanNs = 7, kWindowNumber, kSeriesNumber, kLayoutNumber, kWindowIdTail };
};
struct UnpackedColumn {
  enum : int { kFirstNs = 7, kWindow, kTrack, kChassis, kTags };
};

std::array<std::uint8_t, 16> to_id(std::string_view head, std::string_view tail = {}) {
  std::array<std::uint8_t, 16> id{};
  auto at = id.begin();
  for (const std::string_view part : {head, tail}) {
    at = std::ranges::copy(part.substr(0, static_cast<std::size_t>(id.end() - at)), at).out;
  }
  return id;
}

RollupHead head_of(const Statement& row, const StoredSeries& series, std::int64_t first_ns) {
  return {series.track,
          series.chassis,
          series.tags,
          static_cast<std::int32_t>(row.integer(Column::kLap)),
          static_cast<std::int32_t>(row.integer(Column::kSector)),
          static_cast<std::uint64_t>(row.integer(Column::kCount)),
          {first_ns},
          {row.integer(Column::kLastNs)}};
}

/// A JSON object's members, behind a comma each.
void append_members(std::string& out, std::string_view object) {
  if (object.size() <= 2) return;
  out += ',';
  out += object.substr(1, object.size() - 2);
}

}  // namespace

Result<RollupTables> RollupTables::open(Database& database) {
  RollupTables tables(database);
  const auto version = database.integer("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  tables.version_ = *version;
  if (*version >= kPackedSince) {
    auto names = RollupNames::prepare(database);
    if (!names) return std::unexpected(names.error());
    tables.names_ = std::move(*names);
    auto row = database.prepare(
        "SELECT lap, sector, count, last_ns, late, window_id_head, stats, span_ns, window, series, "
        "layout, window_id_tail FROM packed_rollups WHERE id = ?1");
    if (!row) return std::unexpected(row.error());
    tables.packed_row_ = std::move(*row);
  }
  if (auto begun = tables.begin(); !begun) return std::unexpected(begun.error());
  return tables;
}

Result<void> RollupTables::begin() {
  statements_.make_room();
  const bool had_unpacked = !unpacked_.empty();
  // Once it is gone it does not come again.
  if (std::exchange(has_begun_, true) && !had_unpacked) return {};
  if (has_packed()) {
    const auto has_unpacked = has_unpacked_rollups(*database_);
    if (!has_unpacked) return std::unexpected(has_unpacked.error());
    unpacked_ = *has_unpacked ? kUnpackedTable : "";
  } else {
    unpacked_ = version_ < kTagsSince ? "(SELECT *, '' AS tags FROM rollups)" : "rollups";
  }
  if (unpacked_.empty()) unpacked_row_ = {};
  if (unpacked_.empty() || had_unpacked) return {};
  auto row = database_->prepare(
      fmt::format("SELECT lap, sector, count, last_ns, late, window_id, stats, first_ns, window, "
                  "track, chassis, tags FROM {} WHERE id = ?1",
                  unpacked_));
  if (!row) return std::unexpected(row.error());
  unpacked_row_ = std::move(*row);
  return {};
}

void RollupTables::end() {
  if (has_packed()) packed_row_.reset();
  if (!unpacked_.empty()) unpacked_row_.reset();
}

Result<bool> RollupTables::seek(std::int64_t id) {
  if (has_packed()) {
    packed_row_.reset();
    is_in_packed_ = true;
    const auto found = packed_row_.bind(1, id).step();
    if (!found || *found) return found;
  }
  if (unpacked_.empty()) return false;
  unpacked_row_.reset();
  is_in_packed_ = false;
  return unpacked_row_.bind(1, id).step();
}

std::string RollupTables::window_id() const {
  if (!is_in_packed_) return std::string(unpacked_row_.blob(Column::kWindowId));
  std::string id(packed_row_.blob(Column::kWindowId));
  return id.append(packed_row_.blob(PackedColumn::kWindowIdTail));
}

Result<StoredSeries> RollupTables::series() {
  if (!is_in_packed_) {
    const Statement& row = unpacked_row_;
    return StoredSeries{std::string(row.text(UnpackedColumn::kTrack)),
                        std::string(row.text(UnpackedColumn::kChassis)),
                        std::string(row.text(UnpackedColumn::kTags))};
  }
  const auto series = names_->series(packed_row_.integer(PackedColumn::kSeriesNumber));
  if (!series) return std::unexpected(series.error());
  return **series;
}

Result<std::string> RollupTables::json() {
  json_.clear();
  if (!is_in_packed_) {
    put_unpacked();
  } else if (auto put = put_packed(); !put) {
    return std::unexpected(put.error());
  }
  return std::string(json_);
}

Result<void> RollupTables::put_packed() {
  std::string& out = json_;
  const Statement& row = packed_row_;
  const auto window = names_->window(row.integer(PackedColumn::kWindowNumber));
  if (!window) return std::unexpected(window.error());
  const auto series = names_->series(row.integer(PackedColumn::kSeriesNumber));
  if (!series) return std::unexpected(series.error());
  append_rollup_head(
      out,
      head_of(row, **series, row.integer(Column::kLastNs) - row.integer(PackedColumn::kSpanNs)));
  if (row.integer(PackedColumn::kLayoutNumber) == 0) {
    append_members(out, row.text(Column::kStats));
  } else {
    const auto layout = names_->layout(row.integer(PackedColumn::kLayoutNumber));
    if (!layout) return std::unexpected(layout.error());
    if (!(*layout)->append(out, row.blob(Column::kStats),
                           static_cast<std::uint64_t>(row.integer(Column::kCount)))) {
      return fail("a rollup's statistics are not of their layout", ErrorCode::kCorrupt);
    }
  }
  append_rollup_tail(out, **window,
                     to_id(row.blob(Column::kWindowId), row.blob(PackedColumn::kWindowIdTail)),
                     row.integer(Column::kLate) != 0);
  return {};
}

void RollupTables::put_unpacked() {
  std::string& out = json_;
  const Statement& row = unpacked_row_;
  const StoredSeries series{std::string(row.text(UnpackedColumn::kTrack)),
                            std::string(row.text(UnpackedColumn::kChassis)),
                            std::string(row.text(UnpackedColumn::kTags))};
  append_rollup_head(out, head_of(row, series, row.integer(UnpackedColumn::kFirstNs)));
  append_members(out, row.text(Column::kStats));
  append_rollup_tail(out, row.text(UnpackedColumn::kWindow), to_id(row.blob(Column::kWindowId)),
                     row.integer(Column::kLate) != 0);
}

Result<std::int64_t> RollupTables::newest() {
  std::int64_t newest = 0;
  const auto note = [&](std::string_view table) -> Result<void> {
    const auto id = database_->integer(fmt::format("SELECT max(id) FROM {}", table));
    if (!id) return std::unexpected(id.error());
    newest = std::max(newest, *id);
    return {};
  };
  Result<void> done;
  if (has_packed()) done = note("packed_rollups");
  if (done && !unpacked_.empty()) done = note(unpacked_);
  if (!done) return std::unexpected(done.error());
  return newest;
}

}  // namespace slipstream
