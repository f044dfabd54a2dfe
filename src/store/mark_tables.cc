#include "store/mark_tables.h"

#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "codec/mark_json.h"

namespace slipstream {
namespace {

constexpr std::string_view kMarkColumns = "id, arrival_ns, mark";

Result<StoredMark> mark_of(const Statement& row) {
  auto mark = parse_mark_json(row.text(2), {row.integer(1)});
  if (!mark) {
    return fail(fmt::format("row {} of stored_marks is no mark", row.integer(0)),
                ErrorCode::kCorrupt);
  }
  return StoredMark{row.integer(0), std::make_shared<const Mark>(std::move(*mark))};
}

/// Where a page ends.
struct MarkPlace {
  std::int64_t time_ns = 0;
  MarkRow row = 0;
};

std::optional<MarkPlace> parse_mark_place(std::string_view text) {
  MarkPlace place;
  const char* const end = text.data() + text.size();
  const auto time = std::from_chars(text.data(), end, place.time_ns);
  if (time.ec != std::errc{} || time.ptr == end || *time.ptr != '.') return std::nullopt;
  const auto row = std::from_chars(time.ptr + 1, end, place.row);
  if (row.ec != std::errc{} || row.ptr != end || place.row < 1) return std::nullopt;
  return place;
}

/// What a query asks for, as SQL whose parameters are numbered.
std::string conditions_of(const MarkQuery& query, bool has_place) {
  std::string sql;
  const auto add = [&sql](bool is_asked, std::string_view condition) {
    if (!is_asked) return;
    sql += sql.empty() ? " WHERE " : " AND ";
    sql += condition;
  };
  add(!query.track.empty(), "track = ?1");
  add(!query.session.empty(), "session = ?2");
  add(!query.chassis.empty(), "chassis = ?3");
  add(!query.kind.empty(), "kind = ?4");
  add(query.from.has_value(), "time_ns >= ?5");
  add(query.to.has_value(), "time_ns <= ?6");
  add(has_place, "(time_ns, id) < (?7, ?8)");
  return sql;
}

/// Of a row, by its columns: what else it has may make no sense. Nothing: there is no such row.
Result<std::optional<MarkCursor>> read_cursor(Database& database, MarkRow row) {
  auto statement =
      database.prepare("SELECT track, kind, chassis, time_ns FROM stored_marks WHERE id = ?1");
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, row);
  const auto found = statement->step();
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::optional<MarkCursor>();
  return std::optional(mark_cursor(row, statement->text(0), statement->text(1), statement->text(2),
                                   {statement->integer(3)}));
}

}  // namespace

Result<MarkInserter> MarkInserter::prepare(Database& database) {
  auto insert = database.prepare(
      "INSERT OR IGNORE INTO stored_marks (log_offset, time_ns, arrival_ns, track, session, "
      "chassis, kind, mark) VALUES (iif(?2, ?1, NULL), ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  if (!insert) return std::unexpected(insert.error());
  return MarkInserter(database, std::move(*insert));
}

Result<MarkRow> MarkInserter::put(const PlacedMark& placed) {
  const Mark& mark = *placed.mark;
  std::string json;
  append_mark_json(json, mark);
  insert_.bind(1, static_cast<std::int64_t>(placed.offset.value_or(0)))
      .bind(2, std::int64_t{placed.offset.has_value()})
      .bind(3, mark.time.ns)
      .bind(4, mark.arrival.ns)
      .bind(5, mark.track)
      .bind(6, mark.session)
      .bind(7, mark.chassis)
      .bind(8, mark.kind)
      .bind(9, json);
  if (auto done = insert_.run(); !done) return std::unexpected(done.error());
  return database_->changes() == 0 ? MarkRow{0} : database_->last_row();
}

Result<MarkPage> query_marks(Database& database, const MarkQuery& query) {
  std::optional<MarkPlace> place;
  if (!query.cursor.empty()) {
    place = parse_mark_place(query.cursor);
    if (!place) return fail("the cursor is not one that a page gave", ErrorCode::kRefused);
  }
  auto statement = database.prepare(
      fmt::format("SELECT {} FROM stored_marks{} ORDER BY time_ns DESC, id DESC LIMIT {}",
                  kMarkColumns, conditions_of(query, place.has_value()), query.limit + 1));
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, query.track)
      .bind(2, query.session)
      .bind(3, query.chassis)
      .bind(4, query.kind)
      .bind(5, query.from.value_or(EventTime{}).ns)
      .bind(6, query.to.value_or(EventTime{}).ns);
  if (place) statement->bind(7, place->time_ns).bind(8, place->row);
  MarkPage page;
  while (true) {
    const auto row = statement->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return page;
    if (page.marks.size() == query.limit) {
      const StoredMark& last = page.marks.back();
      page.next = fmt::format("{}.{}", last.mark->time.ns, last.row);
      return page;
    }
    auto mark = mark_of(*statement);
    if (!mark) return std::unexpected(mark.error());
    page.marks.push_back(std::move(*mark));
  }
}

Result<StoredMarks> read_stored_marks(Database& database, const StoredEventsQuery& query) {
  StoredMarks page{.to = query.after};
  const auto known = read_cursor(database, query.after.row);
  if (!known) return std::unexpected(known.error());
  if (*known && **known != query.after) {
    page.is_foreign = true;
    return page;
  }
  auto statement = database.prepare(fmt::format(
      "SELECT {} FROM stored_marks WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3", kMarkColumns));
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, query.after.row)
      .bind(2, query.upto)
      .bind(3, static_cast<std::int64_t>(query.max_rows));
  while (page.marks.size() < query.max_rows) {
    const auto row = statement->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) {
      page.to.row = query.upto;  // nothing more up to there
      return page;
    }
    auto mark = mark_of(*statement);
    if (!mark) return std::unexpected(mark.error());
    page.to = mark->cursor();
    page.marks.push_back(std::move(*mark));
  }
  return page;
}

Result<MarkCursor> newest_mark(Database& database) {
  const auto newest = database.integer("SELECT max(id) FROM stored_marks");
  if (!newest) return std::unexpected(newest.error());
  const auto cursor = read_cursor(database, *newest);
  if (!cursor) return std::unexpected(cursor.error());
  return cursor->value_or(MarkCursor{});
}

}  // namespace slipstream
