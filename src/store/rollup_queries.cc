#include "store/rollup_queries.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "store/rollup_scan.h"

namespace slipstream {
namespace {

/// Of a rollup as JSON, some dozen fields.
constexpr std::size_t kUsualBytes = 1'500;

std::string to_text(const RollupPlace& place) {
  char text[48];
  char* at = std::to_chars(text, text + 24, place.last_ns).ptr;
  *at++ = '.';
  return {text, std::to_chars(at, text + sizeof text, place.id).ptr};
}

std::optional<RollupPlace> parse_place(const std::string& text) {
  RollupPlace place;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, place.last_ns);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, place.id);
  if (second.ec != std::errc{} || second.ptr != end || place.id < 1) return std::nullopt;
  return place;
}

std::uint32_t check_of(const std::string& window_id) {
  return window_id.size() < sizeof(std::uint32_t) ? 0 : RollupCursor::check_of(window_id);
}

}  // namespace

Result<RollupPage> query_rollups(RollupTables& tables, const RollupQuery& query) {
  std::optional<RollupPlace> after;
  std::optional<RollupPlace> first;
  std::optional<RollupPlace> last;
  for (const auto& [text, place] :
       {std::pair(&query.cursor, &after), std::pair(&query.first, &first),
        std::pair(&query.last, &last)}) {
    if (text->empty()) continue;
    *place = parse_place(*text);
    if (*place) continue;
    return fail("the cursor is not one that this window's pages gave", ErrorCode::kRefused);
  }
  RollupScanFilter filter{.window = query.window,
                          .track = query.track,
                          .chassis = query.chassis,
                          .tags = query.tags,
                          .lap = query.lap,
                          .expected = std::min(query.limit, query.max_bytes / kUsualBytes) + 1};
  if (query.from) filter.low = {query.from->ns, RollupPlace::kLeast};
  if (last) filter.low = std::max(filter.low, *last);
  if (query.to) filter.high = {query.to->ns, RollupPlace::kGreatest};
  if (first) filter.high = std::min(filter.high, *first);
  if (after) filter.high = std::min(filter.high, {after->last_ns, after->id - 1});
  auto scan = RollupScan::begin(tables, std::move(filter));
  if (!scan) return std::unexpected(scan.error());

  RollupPage page;
  std::size_t bytes = 0;
  while (true) {
    const auto place = scan->next();
    if (!place) return std::unexpected(place.error());
    if (!*place) return page;
    auto rollup = read_rollup(tables, (*place)->id);
    if (!rollup) return std::unexpected(rollup.error());
    const bool is_full =
        page.rollups.size() == query.limit || bytes + rollup->size() > query.max_bytes;
    if (is_full && !page.rollups.empty()) {
      page.next = page.places.back();
      return page;
    }
    bytes += rollup->size();
    page.rollups.push_back(std::move(*rollup));
    page.places.push_back(to_text(**place));
  }
}

Result<std::string> read_rollup(RollupTables& tables, std::int64_t id) {
  const auto found = tables.seek(id);
  if (!found) return std::unexpected(found.error());
  if (!*found) {
    return fail(fmt::format("an index has a rollup {} that there is not", id), ErrorCode::kCorrupt);
  }
  return tables.json();
}

Result<StoredRollups> read_stored_rollups(RollupTables& tables, const StoredRollupsQuery& query) {
  StoredRollups page{.to = query.after};
  const auto is_there = tables.seek(query.after.row);
  if (!is_there) return std::unexpected(is_there.error());
  if (*is_there && check_of(tables.window_id()) != query.after.check) {
    page.is_foreign = true;
    return page;
  }
  std::string ids;
  for (const std::string_view table :
       {std::string_view(tables.has_packed() ? "packed_rollups" : ""),
        std::string_view(tables.unpacked())}) {
    if (table.empty()) continue;
    ids += fmt::format("{}SELECT id FROM {} WHERE id > ?1 AND id <= ?2",
                       ids.empty() ? "" : " UNION ALL ", table);
  }
  auto statement = tables.database().prepare(ids + " ORDER BY id LIMIT ?3");
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, query.after.row)
      .bind(2, query.upto)
      .bind(3, static_cast<std::int64_t>(query.max_rows));
  std::size_t looked_at = 0;
  std::size_t bytes = 0;
  while (looked_at < query.max_rows && bytes < query.max_bytes) {
    const auto row = statement->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) {
      // Nothing more up to there, whatever was once.
      page.gone += static_cast<std::uint64_t>(query.upto - page.to.row);
      page.to.row = query.upto;
      return page;
    }
    ++looked_at;
    const std::int64_t id = statement->integer(0);
    auto rollup = read_rollup(tables, id);
    if (!rollup) return std::unexpected(rollup.error());
    page.gone += static_cast<std::uint64_t>(id - page.to.row - 1);
    page.to = {id, check_of(tables.window_id())};
    if (query.keep) {
      const auto series = tables.series();
      if (!series) return std::unexpected(series.error());
      if (!query.keep(series->track, series->chassis, series->tags)) continue;
    }
    bytes += rollup->size();
    page.rollups.push_back(std::move(*rollup));
  }
  return page;
}

Result<RollupCursor> newest_rollup(RollupTables& tables) {
  const auto newest = tables.newest();
  if (!newest) return std::unexpected(newest.error());
  if (*newest == 0) return RollupCursor{};
  const auto found = tables.seek(*newest);
  if (!found) return std::unexpected(found.error());
  return RollupCursor{*newest, check_of(tables.window_id())};
}

}  // namespace slipstream
