#include "store/rollup_queries.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

#include "store/stored_rollup.h"
#include "store/tag_condition.h"

namespace slipstream {
namespace {

constexpr int kFirstTagParameter = 14;

/// A rollup's place in the order of pages.
struct Position {
  std::int64_t last_ns = 0;
  std::int64_t id = 0;
};

std::string to_text(const Position& position) {
  return fmt::format("{}.{}", position.last_ns, position.id);
}

std::optional<Position> parse_position(const std::string& text) {
  Position position;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, position.last_ns);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, position.id);
  if (second.ec != std::errc{} || second.ptr != end) return std::nullopt;
  return position;
}

std::uint32_t check_of_row(const Statement& row, int window_id_column) {
  const auto id = row.blob(window_id_column);
  return id.size() < sizeof(std::uint32_t) ? 0 : RollupCursor::check_of(id);
}

}  // namespace

Result<RollupPage> query_rollups(Database& reader, const RollupQuery& query) {
  std::optional<Position> after;
  std::optional<Position> first;
  std::optional<Position> last;
  for (const auto& [text, position] :
       {std::pair(&query.cursor, &after), std::pair(&query.first, &first),
        std::pair(&query.last, &last)}) {
    if (text->empty()) continue;
    *position = parse_position(*text);
    if (*position) continue;
    return fail("the cursor is not one that this window's pages gave", ErrorCode::kRefused);
  }
  std::string sql = fmt::format("SELECT {} FROM rollups WHERE 1", kStoredRollupColumns);
  const auto where = [&sql](bool is_asked, const char* condition) {
    if (is_asked) sql += condition;
  };
  where(!query.window.empty(), " AND window = ?1");
  where(!query.track.empty(), " AND track = ?2");
  where(!query.chassis.empty(), " AND chassis = ?3");
  where(query.lap.has_value(), " AND lap = ?4");
  where(query.from.has_value(), " AND last_ns >= ?5");
  where(query.to.has_value(), " AND last_ns <= ?6");
  where(after.has_value(), " AND (last_ns, id) < (?7, ?8)");
  where(first.has_value(), " AND (last_ns, id) <= (?10, ?11)");
  where(last.has_value(), " AND (last_ns, id) >= (?12, ?13)");
  sql += tag_condition(query.tags, kFirstTagParameter);
  sql += " ORDER BY last_ns DESC, id DESC LIMIT ?9";

  auto statement = reader.prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, query.window).bind(2, query.track).bind(3, query.chassis);
  if (query.lap) statement->bind(4, *query.lap);
  if (query.from) statement->bind(5, query.from->ns);
  if (query.to) statement->bind(6, query.to->ns);
  if (after) statement->bind(7, after->last_ns).bind(8, after->id);
  statement->bind(9, static_cast<std::int64_t>(query.limit) + 1);  // one more tells of a next page

  if (first) statement->bind(10, first->last_ns).bind(11, first->id);
  if (last) statement->bind(12, last->last_ns).bind(13, last->id);
  bind_tags(*statement, query.tags, kFirstTagParameter);

  RollupPage page;
  std::size_t bytes = 0;
  while (true) {
    const auto row = statement->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return page;
    std::string rollup = stored_rollup_json(*statement);
    const bool is_full =
        page.rollups.size() == query.limit || bytes + rollup.size() > query.max_bytes;
    if (is_full && !page.rollups.empty()) {
      page.next = page.places.back();
      return page;
    }
    bytes += rollup.size();
    page.rollups.push_back(std::move(rollup));
    page.places.push_back(
        to_text({statement->integer(kLastNsColumn), statement->integer(kIdColumn)}));
  }
}

Result<StoredRollups> read_stored_rollups(Database& reader, const StoredRollupsQuery& query) {
  StoredRollups page{.to = query.after};
  auto known = reader.prepare("SELECT window_id FROM rollups WHERE id = ?");
  if (!known) return std::unexpected(known.error());
  known->bind(1, query.after.row);
  const auto is_there = known->step();
  if (!is_there) return std::unexpected(is_there.error());
  if (*is_there && check_of_row(*known, 0) != query.after.check) {
    page.is_foreign = true;
    return page;
  }
  auto statement = reader.prepare(
      fmt::format("SELECT {} FROM rollups WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3",
                  kStoredRollupColumns));
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
    page.gone += static_cast<std::uint64_t>(statement->integer(0) - page.to.row - 1);
    page.to = {statement->integer(0), check_of_row(*statement, 2)};
    if (query.keep && !query.keep(statement->text(kTrackColumn), statement->text(kChassisColumn),
                                  statement->text(kTagsColumn)))
      continue;
    page.rollups.push_back(stored_rollup_json(*statement));
    bytes += page.rollups.back().size();
  }
  return page;
}

Result<RollupCursor> newest_rollup(Database& reader) {
  auto statement = reader.prepare("SELECT id, window_id FROM rollups ORDER BY id DESC LIMIT 1");
  if (!statement) return std::unexpected(statement.error());
  const auto row = statement->step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return RollupCursor{};
  return RollupCursor{statement->integer(0), check_of_row(*statement, 1)};
}

}  // namespace slipstream
