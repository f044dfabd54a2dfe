#include "store/store_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "model/statistic.h"
#include "store/lap_sql.h"
#include "store/schema_sql.h"

namespace slipstream {
namespace {

// In these, `v` is a field's array, `r` the row of rollup_rows; packed_stats.cc writes what they
// read.

/// The packed statistics as JSON: an array for each field.
std::string unpacked(std::string_view stats) {
  return fmt::format(
      "'[[' || replace(replace(replace(replace(replace(replace(replace(hex({}), 'DD', 'null'), 'A',"
      " '.'), 'B', ','), 'C', '-'), 'F', ',0.'), 'D', 'e'), 'E', '],[') || ']]'",
      stats);
}

constexpr std::string_view kScale = "(r.scales ->> v.key)";

/// Of a field whose numbers are differences.
std::string derived(std::string_view statistic) {
  if (statistic == "min") return fmt::format("(v.value ->> 0) * 1.0 / {}", kScale);
  if (statistic == "max")
    return fmt::format("((v.value ->> 0) + (v.value ->> 1)) * 1.0 / {}", kScale);
  if (statistic == "last") {
    return fmt::format("((v.value ->> 0) + (v.value ->> 2)) * 1.0 / {}", kScale);
  }
  if (statistic == "avg") {
    return fmt::format(
        "iif(typeof(v.value ->> 3) = 'integer', ((v.value ->> 0) * r.count + (v.value ->> 3)) * 1.0"
        " / (r.count * {}), v.value ->> 3)",
        kScale);
  }
  if (statistic == "std") {
    return fmt::format(
        "iif(typeof(v.value ->> 4) = 'integer', sqrt(v.value ->> 4) / (r.count * {}), v.value ->> "
        "4)",
        kScale);
  }
  return "NULL";
}

/// A field's statistic that stands at `place` among the layout's (SQL).
std::string value(std::string_view statistic, std::string_view place) {
  return fmt::format(
      "CASE json_array_length(v.value) WHEN 1 THEN {} WHEN json_array_length(r.statistics) THEN {} "
      "ELSE v.value ->> ({} + 1) END",
      statistic == "std" ? "0" : "v.value ->> 0", derived(statistic), place);
}

std::string place_of(std::string_view statistic) {
  return fmt::format("(SELECT key FROM json_each(r.statistics) WHERE value = '{}')", statistic);
}

/// A field's statistic, where it is there.
std::string value_if_there(std::string_view statistic) {
  return fmt::format("iif({0} IS NULL, NULL, {1})", place_of(statistic),
                     value(statistic, place_of(statistic)));
}

/// One member of a rollup's statistics.
std::string member(std::string_view statistic, std::string_view field) {
  return fmt::format(
      "iif(r.layout IS NULL, json_extract(r.packed, '$.{0}_{1}'), (SELECT {2} FROM "
      "json_each(r.fields) f, json_each({3}) v WHERE f.value = '{1}' AND v.key = f.key)) AS "
      "{0}_{1}",
      statistic, field, value_if_there(statistic), unpacked("r.packed"));
}

/// A time as people read it, and as it stands in the table.
std::string readable(std::string_view time_ns) {
  return fmt::format("strftime('%Y-%m-%dT%H:%M:%fZ', {} / 1e9, 'unixepoch')", time_ns);
}

/// Seconds since 1970, for who draws over time.
std::string epoch(std::string_view time_ns) {
  return fmt::format("round({} / 1e9, 3) AS epoch_s", time_ns);
}

std::string rows_view(bool has_unpacked) {
  std::string sql =
      "CREATE VIEW rollup_rows AS\n"
      "SELECT p.id, w.name AS window, CAST(p.window_id_head || p.window_id_tail AS BLOB) AS "
      "window_id, s.track, "
      "s.chassis, p.lap, p.sector, p.count, p.last_ns - p.span_ns AS first_ns, p.last_ns, "
      "p.partition, p.sequence, p.late, s.tags, p.layout, p.stats AS packed, l.fields, "
      "l.statistics, l.scales\n"
      "FROM packed_rollups p JOIN window_names w ON w.number = p.window JOIN series s ON s.number "
      "= p.series LEFT JOIN rollup_layouts l ON l.number = p.layout";
  if (has_unpacked) {
    sql +=
        "\nUNION ALL\n"
        "SELECT id, window, window_id, track, chassis, lap, sector, count, first_ns, last_ns, "
        "partition, sequence, late, tags, NULL, stats, NULL, NULL, NULL FROM unpacked_rollups";
  }
  return sql;
}

std::string rollups_view() {
  // A number's text is the same however it is kept.
  std::string number =
      "(SELECT iif(n IS NULL, 'null', printf('%.15g', n)) FROM (SELECT CASE s.value";
  for (const auto& statistic : kStatistics) {
    number += fmt::format(" WHEN '{}' THEN {}", statistic.name(), value(statistic.name(), "s.key"));
  }
  number += " END AS n))";
  return fmt::format(
      "CREATE VIEW rollups AS\n"
      "SELECT r.id, r.window, r.window_id, r.track, r.chassis, r.lap, r.sector, r.count, "
      "r.first_ns, r.last_ns, {}, r.partition, r.sequence, r.late,\n"
      "       iif(r.layout IS NULL, r.packed, (SELECT '{{' || group_concat(json_quote(s.value || "
      "'_' || f.value) || ':' || {}) || '}}' FROM json_each({}) v CROSS JOIN "
      "json_each(r.fields) f CROSS JOIN json_each(r.statistics) s WHERE f.key = v.key)) AS stats,\n"
      "       r.tags\n"
      "FROM rollup_rows r",
      epoch("r.first_ns"), number, unpacked("r.packed"));
}

std::string fields_view() {
  const std::string head = fmt::format(
      "SELECT r.id, r.window, r.track, r.chassis, r.lap, r.sector, r.count,\n"
      "       {} AS first_ts, {} AS last_ts, {}",
      readable("r.first_ns"), readable("r.last_ns"), epoch("r.first_ns"));
  std::string sql = fmt::format("CREATE VIEW rollup_fields AS\n{},\n       f.value AS field", head);
  for (const auto& statistic : kStatistics) {
    sql += fmt::format(",\n       {} AS {}", value_if_there(statistic.name()), statistic.name());
  }
  sql += fmt::format(
      ",\n       '{{' || r.tags || '}}' AS tags\nFROM rollup_rows r CROSS JOIN json_each({}) v "
      "CROSS JOIN json_each(r.fields) f\nWHERE r.layout IS NOT NULL AND f.key = v.key",
      unpacked("r.packed"));
  // Every rollup has the first statistic of a field: by it the fields are found.
  constexpr std::string_view kFirst = kStatistics.front().prefix;
  sql += fmt::format("\nUNION ALL\n{},\n       substr(s.key, {})", head, kFirst.size() + 1);
  for (const auto& statistic : kStatistics) {
    sql += fmt::format(",\n       json_extract(r.packed, '$.\"{}' || substr(s.key, {}) || '\"')",
                       statistic.prefix, kFirst.size() + 1);
  }
  return sql + fmt::format(
                   ",\n       '{{' || r.tags || '}}'\nFROM rollup_rows r CROSS JOIN "
                   "json_each(r.packed) s\nWHERE r.layout IS NULL AND substr(s.key, 1, {}) = '{}'",
                   kFirst.size(), kFirst);
}

/// Times are those of the laps: points are not where sectors begin and end.
std::string sectors_view(bool has_laps) {
  const std::string seconds =
      has_laps
          ? "iif(l.complete AND r.sector >= 0, CAST(l.sector_times_s ->> r.sector AS REAL), NULL)"
          : "CAST(NULL AS REAL)";
  const std::string laps =
      has_laps ? fmt::format("LEFT JOIN stored_laps l ON l.id = {} ", kLapOfRollup) : "";
  return fmt::format(
      "CREATE VIEW sectors AS\n"
      "SELECT r.id, r.track, r.chassis, r.lap, r.sector, r.count,\n"
      "       {7} AS first_ts, {8},\n"
      "       {0} AS seconds, {0} IS NOT NULL AS complete,\n"
      "       {1},\n       {2},\n       {3},\n       {4},\n       {5},\n"
      "       '{{' || r.tags || '}}' AS tags\n"
      "FROM rollup_rows r {6}WHERE r.window = 'sector' AND r.late = 0",
      seconds, member("avg", "speed_kmh"), member("min", "speed_kmh"), member("max", "speed_kmh"),
      member("max", "pbrake_f"), member("max", "rpm"), laps, readable("r.first_ns"),
      epoch("r.first_ns"));
}

std::string seconds_view() {
  return fmt::format(
      "CREATE VIEW seconds AS\n"
      "SELECT r.id, r.track, r.chassis, r.lap, r.sector, r.count,\n"
      "       strftime('%Y-%m-%dT%H:%M:%SZ', r.first_ns / 1000000000, 'unixepoch') AS second,\n"
      "       r.first_ns / 1000000000 AS epoch_s,\n"
      "       {},\n       {},\n"
      "       '{{' || r.tags || '}}' AS tags\n"
      "FROM rollup_rows r WHERE r.window = 'second' AND r.late = 0",
      member("avg", "speed_kmh"), member("last", "lapdist_m"));
}

std::string marks_view() {
  return fmt::format(
      "CREATE VIEW marks AS\n"
      "SELECT id, track, session, {} AS time, {},\n"
      "       kind, chassis, coalesce(mark ->> '$.text', '') AS text,\n"
      "       mark ->> '$.session_time_s' AS session_time_s, mark ->> '$.frame' AS frame,\n"
      "       mark ->> '$.to_session_time_s' AS to_session_time_s,\n"
      "       mark ->> '$.goes_on_from' AS goes_on_from, time_ns\n"
      "FROM stored_marks",
      readable("time_ns"), epoch("time_ns"));
}

/// One row an occurrence.
std::string alerts_view() {
  return fmt::format(
      "CREATE VIEW alerts AS\n"
      "SELECT r.id, r.name, r.severity, r.track, r.chassis, '{{' || r.tags || '}}' AS tags,\n"
      "       {} AS raised, {} AS cleared, r.active, {},\n"
      "       (c.time_ns - r.time_ns) / 1e9 AS lasted_s, r.value, r.message,\n"
      "       c.message AS cleared_message, r.time_ns AS raised_ns, c.time_ns AS cleared_ns\n"
      "FROM stored_alerts r LEFT JOIN stored_alerts c ON c.occurrence = r.occurrence AND c.raised "
      "= 0\nWHERE r.raised = 1",
      readable("r.time_ns"), readable("c.time_ns"), epoch("r.time_ns"));
}

std::string sessions_view() {
  return fmt::format(
      "CREATE VIEW sessions AS\n"
      "SELECT id, track, name, {} AS started, {} AS ended, {},\n"
      "       machines, laps, points, parts, pinned, started_ns, ended_ns\n"
      "FROM stored_sessions",
      readable("started_ns"), readable("ended_ns"), epoch("started_ns"));
}

std::string laps_view() {
  return fmt::format(
      "CREATE VIEW laps AS\n"
      "SELECT s.id || '-' || l.machine || '-' || l.lap || iif(l.nth > 1, '-' || l.nth, '') AS id,\n"
      "       s.id AS session, l.track, l.chassis, l.lap, {} AS started, {} AS ended, {},\n"
      "       iif(l.complete, l.lap_time_s, NULL) AS lap_time_s,\n"
      "       iif(l.complete, l.sector_times_s, NULL) AS sector_times_s, l.complete,\n"
      "       iif(l.complete, coalesce(l.valid, 1), NULL) AS valid,\n"
      "       iif(l.complete, coalesce(l.pit_in, 0), NULL) AS pit_in,\n"
      "       iif(l.complete, coalesce(l.pit_out, 0), NULL) AS pit_out,\n"
      "       nullif(l.compound, '') AS compound, l.official, l.points, l.missing, l.duplicates,\n"
      "       l.longest_gap_s, l.discarded, l.max_speed_kmh,\n"
      "       iif(l.id = {}, 'session', iif(l.id = {}, 'personal', NULL)) AS best,\n"
      "       l.revision, nullif(a.source_session, '') AS part, l.begun_here, l.rewound,\n"
      "       c.names AS channels, l.began_ns AS started_ns, l.ended_ns, l.id AS row\n"
      "FROM stored_laps l CROSS JOIN activities a ON a.number = l.activity CROSS JOIN "
      "stored_sessions s ON s.number = l.session CROSS JOIN lap_channels c ON c.number = "
      "l.channels",
      readable("l.began_ns"), readable("l.ended_ns"), epoch("l.began_ns"), best_lap_sql(""),
      best_lap_sql(kOfSameMachine));
}

/// Ours, each before those that it is made of.
constexpr std::string_view kViewNames[] = {"alerts",        "laps",    "sessions",
                                           "marks",         "seconds", "sectors",
                                           "rollup_fields", "rollups", "rollup_rows"};

Result<bool> has_table(Database& database, std::string_view name) {
  const auto found = database.integer(
      fmt::format("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '{}'", name));
  if (!found) return std::unexpected(found.error());
  return *found > 0;
}

}  // namespace

std::vector<StoreView> store_views(bool has_unpacked, bool has_marks, bool has_laps,
                                   bool has_alerts) {
  std::vector<StoreView> views = {{"rollup_rows", rows_view(has_unpacked)},
                                  {"rollups", rollups_view()},
                                  {"rollup_fields", fields_view()},
                                  {"sectors", sectors_view(has_laps)},
                                  {"seconds", seconds_view()}};
  if (has_marks) views.push_back({"marks", marks_view()});
  if (has_alerts) views.push_back({"alerts", alerts_view()});
  if (has_laps) {
    views.push_back({"sessions", sessions_view()});
    views.push_back({"laps", laps_view()});
  }
  return views;
}

Result<bool> has_unpacked_rollups(Database& database) {
  return has_table(database, kUnpackedTable);
}

Result<void> make_store_schema(Database& database, std::int64_t version, bool has_unpacked) {
  for (std::int64_t part = 0; part < version; ++part) {
    if (auto made = database.execute(kStoreSchema[part]); !made) return made;
  }
  if (version < kPackedSince) return {};
  if (!has_unpacked) {
    if (auto done = database.execute("DROP TABLE unpacked_rollups"); !done) return done;
  }
  return bring_views_up_to_date(database);
}

Result<std::vector<std::string>> take_foreign_views(Database& database) {
  std::vector<std::string> definitions;
  std::vector<std::string> drops;
  auto views = database.prepare(
      "SELECT name, sql, printf('DROP VIEW \"%w\"', name) FROM sqlite_schema WHERE type = 'view'");
  if (!views) return std::unexpected(views.error());
  while (true) {
    const auto row = views->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    if (std::ranges::find(kViewNames, views->text(0)) != std::end(kViewNames)) continue;
    definitions.emplace_back(views->text(1));
    drops.emplace_back(views->text(2));
  }
  views->reset();
  for (const std::string& drop : drops) {
    if (auto done = database.execute(drop.c_str()); !done) return std::unexpected(done.error());
  }
  return definitions;
}

Result<void> drop_views(Database& database) {
  for (const std::string_view name : kViewNames) {
    // A table of that name, in a file of an older version, is left alone.
    const auto is_view = database.integer(fmt::format(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'view' AND name = '{}'", name));
    if (!is_view) return std::unexpected(is_view.error());
    if (*is_view == 0) continue;
    if (auto done = database.execute(fmt::format("DROP VIEW {}", name).c_str()); !done) return done;
  }
  return {};
}

Result<void> bring_views_up_to_date(Database& database) {
  const auto has_unpacked = has_unpacked_rollups(database);
  if (!has_unpacked) return std::unexpected(has_unpacked.error());
  const auto has_marks = has_table(database, kMarksTable);
  if (!has_marks) return std::unexpected(has_marks.error());
  const auto has_laps = has_table(database, kLapsTable);
  if (!has_laps) return std::unexpected(has_laps.error());
  const auto has_alerts = has_table(database, kAlertsTable);
  if (!has_alerts) return std::unexpected(has_alerts.error());
  const auto wanted = store_views(*has_unpacked, *has_marks, *has_laps, *has_alerts);
  std::size_t there = 0;
  {
    auto found = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'view'");
    if (!found) return std::unexpected(found.error());
    while (true) {
      const auto row = found->step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      there += static_cast<std::size_t>(std::ranges::count_if(wanted, [&](const StoreView& view) {
        return view.name == found->text(0) && view.sql == found->text(1);
      }));
    }
  }
  if (there == wanted.size()) return {};
  if (auto dropped = drop_views(database); !dropped) return dropped;
  for (const auto& view : wanted) {
    if (auto made = database.execute(view.sql.c_str()); !made) return made;
  }
  return {};
}

}  // namespace slipstream
