#include "store/alert_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace slipstream {
namespace {

constexpr std::string_view kAlertColumns =
    "id, occurrence, rule, raised, active, name, severity, track, chassis, tags, time_ns, value, "
    "message";

Result<StoredAlert> alert_of(const Statement& row) {
  const auto* const severity = std::ranges::find(kAlertSeverityNames, row.text(6));
  if (severity == kAlertSeverityNames.end()) {
    return fail(fmt::format("row {} of stored_alerts is no alert", row.integer(0)),
                ErrorCode::kCorrupt);
  }
  StoredAlert stored{
      .row = row.integer(0),
      .alert = {.id = std::string(row.text(1)),
                .rule = std::string(row.text(2)),
                .name = std::string(row.text(5)),
                .severity = static_cast<AlertSeverity>(severity - kAlertSeverityNames.begin()),
                .is_raised = row.integer(3) != 0,
                .track = std::string(row.text(7)),
                .chassis = std::string(row.text(8)),
                .tags = std::string(row.text(9)),
                .time = {row.integer(10)},
                .message = std::string(row.text(12))},
      .is_active = row.integer(4) != 0};
  if (!row.is_null(11)) stored.alert.value = row.real(11);
  return stored;
}

/// Where a page ends.
struct AlertPlace {
  std::int64_t time_ns = 0;
  AlertRow row = 0;
};

std::optional<AlertPlace> parse_alert_place(std::string_view text) {
  AlertPlace place;
  const char* const end = text.data() + text.size();
  const auto time = std::from_chars(text.data(), end, place.time_ns);
  if (time.ec != std::errc{} || time.ptr == end || *time.ptr != '.') return std::nullopt;
  const auto row = std::from_chars(time.ptr + 1, end, place.row);
  if (row.ec != std::errc{} || row.ptr != end || place.row < 1) return std::nullopt;
  return place;
}

/// What a query asks for, as SQL whose parameters are numbered.
std::string conditions_of(const AlertQuery& query, bool has_place) {
  std::string sql;
  const auto add = [&sql](bool is_asked, std::string_view condition) {
    if (!is_asked) return;
    sql += sql.empty() ? " WHERE " : " AND ";
    sql += condition;
  };
  add(query.state == AlertState::kActive, "active = 1");
  add(query.state == AlertState::kRaised, "raised = 1");
  add(query.state == AlertState::kCleared, "raised = 0");
  add(!query.name.empty(), "name = ?1");
  add(!query.track.empty(), "track = ?2");
  add(!query.chassis.empty(), "chassis = ?3");
  add(query.from.has_value(), "time_ns >= ?4");
  add(query.to.has_value(), "time_ns <= ?5");
  add(has_place, "(time_ns, id) < (?6, ?7)");
  return sql;
}

/// Rows up to `most`, and whether there are more.
Result<bool> take_alerts(Statement& rows, std::size_t most, std::vector<StoredAlert>& into) {
  while (true) {
    const auto row = rows.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return false;
    if (into.size() == most) return true;
    auto alert = alert_of(rows);
    if (!alert) return std::unexpected(alert.error());
    into.push_back(std::move(*alert));
  }
}

Result<std::optional<StoredAlert>> find_alert(Database& database, AlertRow row) {
  auto statement =
      database.prepare(fmt::format("SELECT {} FROM stored_alerts WHERE id = ?1", kAlertColumns));
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, row);
  std::vector<StoredAlert> found;
  if (auto taken = take_alerts(*statement, 1, found); !taken) {
    return std::unexpected(taken.error());
  }
  return found.empty() ? std::optional<StoredAlert>() : std::optional(std::move(found.front()));
}

}  // namespace

Result<AlertInserter> AlertInserter::prepare(Database& database) {
  auto insert = database.prepare(
      "INSERT OR IGNORE INTO stored_alerts (occurrence, rule, raised, active, name, severity, "
      "track, chassis, tags, time_ns, value, message) VALUES (?1, ?2, ?3, ?3 AND NOT EXISTS "
      "(SELECT 1 FROM stored_alerts WHERE occurrence = ?1 AND raised = 0), ?4, ?5, ?6, ?7, ?8, ?9, "
      "iif(?10, ?11, NULL), ?12)");
  if (!insert) return std::unexpected(insert.error());
  auto settle = database.prepare(
      "UPDATE stored_alerts SET active = 0 WHERE occurrence = ?1 AND raised = 1 AND active = 1");
  if (!settle) return std::unexpected(settle.error());
  return AlertInserter(database, std::move(*insert), std::move(*settle));
}

Result<AlertRow> AlertInserter::put(const Alert& alert) {
  insert_.bind(1, alert.id)
      .bind(2, alert.rule)
      .bind(3, std::int64_t{alert.is_raised})
      .bind(4, alert.name)
      .bind(5, name_of(alert.severity))
      .bind(6, alert.track)
      .bind(7, alert.chassis)
      .bind(8, alert.tags)
      .bind(9, alert.time.ns)
      .bind(10, std::int64_t{alert.value.has_value()})
      .bind_real(11, alert.value.value_or(0))
      .bind(12, alert.message);
  if (auto done = insert_.run(); !done) return std::unexpected(done.error());
  if (database_->changes() == 0) return AlertRow{0};
  const AlertRow row = database_->last_row();
  if (alert.is_raised) return row;
  settle_.bind(1, alert.id);
  if (auto done = settle_.run(); !done) return std::unexpected(done.error());
  return row;
}

Result<void> AlertInserter::prune() {
  return database_->execute(
      fmt::format("DELETE FROM stored_alerts WHERE active = 0 AND id <= (SELECT max(id) FROM "
                  "stored_alerts) - {}",
                  kMostKept)
          .c_str());
}

Result<AlertPage> query_alerts(Database& database, const AlertQuery& query) {
  std::optional<AlertPlace> place;
  if (!query.cursor.empty()) {
    place = parse_alert_place(query.cursor);
    if (!place) return fail("the cursor is not one that a page gave", ErrorCode::kRefused);
  }
  auto statement = database.prepare(
      fmt::format("SELECT {} FROM stored_alerts{} ORDER BY time_ns DESC, id DESC LIMIT {}",
                  kAlertColumns, conditions_of(query, place.has_value()), query.limit + 1));
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, query.name)
      .bind(2, query.track)
      .bind(3, query.chassis)
      .bind(4, query.from.value_or(EventTime{}).ns)
      .bind(5, query.to.value_or(EventTime{}).ns);
  if (place) statement->bind(6, place->time_ns).bind(7, place->row);
  AlertPage page;
  const auto has_more = take_alerts(*statement, query.limit, page.alerts);
  if (!has_more) return std::unexpected(has_more.error());
  if (*has_more) {
    const StoredAlert& last = page.alerts.back();
    page.next = fmt::format("{}.{}", last.alert.time.ns, last.row);
  }
  return page;
}

Result<StoredAlerts> read_stored_alerts(Database& database, const StoredEventsQuery& query) {
  StoredAlerts page{.alerts = {}, .to = query.after};
  const auto known = find_alert(database, query.after.row);
  if (!known) return std::unexpected(known.error());
  if (*known && (*known)->cursor() != query.after) {
    page.is_foreign = true;
    return page;
  }
  auto statement = database.prepare(
      fmt::format("SELECT {} FROM stored_alerts WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3",
                  kAlertColumns));
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, query.after.row)
      .bind(2, query.upto)
      .bind(3, static_cast<std::int64_t>(query.max_rows));
  if (auto taken = take_alerts(*statement, query.max_rows, page.alerts); !taken) {
    return std::unexpected(taken.error());
  }
  if (!page.alerts.empty()) page.to = page.alerts.back().cursor();
  if (page.alerts.size() < query.max_rows) page.to.row = query.upto;  // nothing more up to there
  return page;
}

Result<AlertCursor> newest_alert(Database& database) {
  const auto newest = database.integer("SELECT max(id) FROM stored_alerts");
  if (!newest) return std::unexpected(newest.error());
  const auto found = find_alert(database, *newest);
  if (!found) return std::unexpected(found.error());
  return *found ? (*found)->cursor() : AlertCursor{};
}

Result<std::vector<Alert>> active_alerts(Database& database) {
  auto statement = database.prepare(
      fmt::format("SELECT {} FROM stored_alerts WHERE active = 1 ORDER BY id", kAlertColumns));
  if (!statement) return std::unexpected(statement.error());
  std::vector<StoredAlert> found;
  if (auto taken = take_alerts(*statement, SIZE_MAX, found); !taken) {
    return std::unexpected(taken.error());
  }
  std::vector<Alert> alerts;
  for (StoredAlert& stored : found) alerts.push_back(std::move(stored.alert));
  return alerts;
}

}  // namespace slipstream
