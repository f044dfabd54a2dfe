#include "store/session_queries.h"

#include <fmt/format.h>

#include <utility>

#include "codec/lap_json.h"

namespace slipstream {
namespace {

constexpr std::string_view kSessionColumns =
    "s.id, s.track, s.name, s.started_ns, s.ended_ns, s.machines, s.laps, s.points, s.parts, "
    "s.pinned";

Result<StoredSession> session_of_row(const Statement& row) {
  auto parts = parse_json_names(row.text(8));
  if (!parts) {
    return fail(fmt::format("the parts of session {} are no names", row.text(0)),
                ErrorCode::kCorrupt);
  }
  return StoredSession{.id = std::string(row.text(0)),
                       .track = std::string(row.text(1)),
                       .name = std::string(row.text(2)),
                       .started = {row.integer(3)},
                       .ended = {row.integer(4)},
                       .machines = static_cast<std::uint64_t>(row.integer(5)),
                       .laps = static_cast<std::uint64_t>(row.integer(6)),
                       .points = static_cast<std::uint64_t>(row.integer(7)),
                       .parts = std::move(*parts),
                       .is_pinned = row.integer(9) != 0};
}

}  // namespace

Result<std::vector<StoredSession>> query_sessions(Database& database, const SessionQuery& query) {
  std::string conditions;
  if (!query.track.empty()) conditions += " AND s.track = ?1";
  if (query.from) conditions += " AND s.ended_ns >= ?2";
  if (query.to) conditions += " AND s.started_ns <= ?3";
  auto rows = database.prepare(
      fmt::format("SELECT {} FROM stored_sessions s WHERE true{} ORDER BY s.started_ns DESC, "
                  "s.id DESC LIMIT {}",
                  kSessionColumns, conditions, kMostSessions + 1));
  if (!rows) return std::unexpected(rows.error());
  rows->bind(1, query.track)
      .bind(2, query.from.value_or(EventTime{}).ns)
      .bind(3, query.to.value_or(EventTime{}).ns);
  std::vector<StoredSession> sessions;
  while (true) {
    const auto row = rows->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return sessions;
    if (sessions.size() == kMostSessions) {
      return fail(fmt::format("that are over {} sessions: ask for a track, or a time from and to",
                              kMostSessions),
                  ErrorCode::kRefused);
    }
    auto session = session_of_row(*rows);
    if (!session) return std::unexpected(session.error());
    sessions.push_back(std::move(*session));
  }
}

Result<std::optional<std::int64_t>> session_number(Database& database, std::string_view id) {
  // A session's own id is one of its activities', as are those that it had before.
  auto find = database.prepare(
      "SELECT session FROM activities WHERE session_alias = ?1 ORDER BY first_ns LIMIT 1");
  if (!find) return std::unexpected(find.error());
  find->bind(1, id);
  return find->number();
}

Result<std::optional<StoredSession>> find_session(Database& database, std::string_view id) {
  const auto number = session_number(database, id);
  if (!number) return std::unexpected(number.error());
  if (!*number) return std::optional<StoredSession>();
  auto rows = database.prepare(
      fmt::format("SELECT {} FROM stored_sessions s WHERE s.number = ?1", kSessionColumns));
  if (!rows) return std::unexpected(rows.error());
  rows->bind(1, **number);
  const auto row = rows->step();
  if (!row) return std::unexpected(row.error());
  if (!*row) {
    return fail(fmt::format("there is no session {}, which activities are of", **number),
                ErrorCode::kCorrupt);
  }
  auto session = session_of_row(*rows);
  if (!session) return std::unexpected(session.error());
  return std::optional(std::move(*session));
}

Result<std::vector<SessionExtent>> pinned_extents(Database& database, std::string_view also) {
  const auto number = session_number(database, also);
  if (!number) return std::unexpected(number.error());
  auto rows = database.prepare(
      "SELECT s.id, s.track, s.started_ns, s.ended_ns, a.chassis, s.pinned FROM stored_sessions s "
      "JOIN "
      "activities a ON a.session = s.number WHERE s.pinned <> 0 OR s.number = ?1 GROUP BY "
      "s.number, "
      "a.chassis ORDER BY s.number, a.chassis");
  if (!rows) return std::unexpected(rows.error());
  rows->bind(1, number->value_or(0));
  std::vector<SessionExtent> extents;
  auto read = each_row(*rows, [&extents](const Statement& row) {
    if (extents.empty() || extents.back().id != row.text(0)) {
      extents.push_back({.id = std::string(row.text(0)),
                         .track = std::string(row.text(1)),
                         .from = {row.integer(2)},
                         .to = {row.integer(3)},
                         .chassis = {},
                         .is_pinned = row.integer(5) != 0});
    }
    extents.back().chassis.emplace_back(row.text(4));
  });
  if (!read) return std::unexpected(read.error());
  return extents;
}

Result<std::optional<StoredSession>> edit_session(Database& database, const SessionEdit& edit) {
  const auto number = session_number(database, edit.id);
  if (!number) return std::unexpected(number.error());
  if (!*number) return std::optional<StoredSession>();
  auto update = database.prepare(
      "UPDATE stored_sessions SET name = coalesce(?2, name), pinned = coalesce(?3, pinned) WHERE "
      "number = ?1");
  if (!update) return std::unexpected(update.error());
  update->bind(1, **number);
  if (edit.name) update->bind(2, *edit.name);
  if (edit.pinned) update->bind(3, std::int64_t{*edit.pinned});
  if (auto done = update->run(); !done) return std::unexpected(done.error());
  return find_session(database, edit.id);
}

}  // namespace slipstream
