#include "store/lap_queries.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>
#include <utility>

#include "codec/lap_json.h"
#include "store/lap_sql.h"
#include "store/session_queries.h"

namespace slipstream {
namespace {

constexpr std::string_view kLapColumns =
    "l.id, s.id, l.machine, l.lap, l.nth, a.track, a.chassis, a.source_session, a.first_ns, "
    "l.repeat, l.revision, l.began_ns, l.ended_ns, l.begun_here, l.complete, l.official, "
    "l.lap_time_s, l.sector_times_s, l.valid, l.pit_in, l.pit_out, l.compound, l.points, "
    "l.missing, l.duplicates, l.discarded, l.rewound, l.longest_gap_s, l.max_speed_kmh, c.names, "
    "l.activity";
constexpr int kMachineColumn = 2;
constexpr int kActivityColumn = 30;
constexpr int kBestColumn = 31;

constexpr std::size_t kMachineDigits = 8;  // in ids of laps

std::string select_laps(std::string_view behind) {
  return fmt::format(
      "SELECT {}, iif(l.id = {}, 2, iif(l.id = {}, 1, 0)) FROM stored_laps l CROSS JOIN activities "
      "a ON a.number = l.activity CROSS JOIN stored_sessions s ON s.number = l.session CROSS JOIN "
      "lap_channels c ON c.number = l.channels {}",
      kLapColumns, best_lap_sql(""), best_lap_sql(kOfSameMachine), behind);
}

std::optional<double> number_in(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.real(column);
}

std::optional<bool> flag_in(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column) != 0;
}

Result<StoredLap> lap_of(const Statement& row) {
  auto sectors = parse_json_times(row.text(17));
  auto channels = parse_json_names(row.text(29));
  if (!sectors || !channels) {
    return fail(fmt::format("row {} of stored_laps is no lap", row.integer(0)),
                ErrorCode::kCorrupt);
  }
  const auto count = [&row](int column) { return static_cast<std::uint64_t>(row.integer(column)); };
  StoredLap stored{.row = row.integer(0),
                   .id = fmt::format("{}-{}-{}", row.text(1), row.text(2), row.integer(3)),
                   .session = std::string(row.text(1)),
                   .best = static_cast<BestLap>(row.integer(kBestColumn)),
                   .lap = {}};
  if (row.integer(4) > 1) stored.id += fmt::format("-{}", row.integer(4));
  stored.lap =
      std::make_shared<const Lap>(Lap{.activity = {.track = std::string(row.text(5)),
                                                   .chassis = std::string(row.text(6)),
                                                   .source_session = std::string(row.text(7)),
                                                   .first = {row.integer(8)}},
                                      .lap = static_cast<std::int32_t>(row.integer(3)),
                                      .repeat = static_cast<std::uint32_t>(row.integer(9)),
                                      .revision = static_cast<std::uint32_t>(row.integer(10)),
                                      .began = {row.integer(11)},
                                      .ended = {row.integer(12)},
                                      .begun_here = row.integer(13) != 0,
                                      .is_complete = row.integer(14) != 0,
                                      .is_official = row.integer(15) != 0,
                                      .lap_time_s = number_in(row, 16),
                                      .sector_times_s = std::move(*sectors),
                                      .is_valid = flag_in(row, 18),
                                      .pit_in = flag_in(row, 19),
                                      .pit_out = flag_in(row, 20),
                                      .compound = std::string(row.text(21)),
                                      .points = count(22),
                                      .missing = count(23),
                                      .duplicates = count(24),
                                      .discarded = count(25),
                                      .is_rewound = row.integer(26) != 0,
                                      .longest_gap_s = row.real(27),
                                      .max_speed_kmh = number_in(row, 28),
                                      .channels = std::move(*channels)});
  return stored;
}

/// Where a page ends. No revision moves a lap among those that began with it, and what the rows
/// are called has no part in the order, but of two laps that nothing else tells apart: stores that
/// were told the same in another order give the same pages.
struct LapPlace {
  std::int64_t began_ns = 0;
  std::string machine = {};  ///< as in ids of laps
  std::int64_t lap = 0;
  std::int64_t repeat = 0;
  std::int64_t activity = 0;

  std::string to_text() const {
    return fmt::format("{}.{}.{}.{}.{}", began_ns, machine, lap, repeat, activity);
  }
};

/// Takes what stands before the next point, or all that is left.
std::string_view take_part(std::string_view& text) {
  const std::size_t end = std::min(text.find('.'), text.size());
  const auto part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool read_number(std::string_view text, std::int64_t& number) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc{} && read.ptr == text.data() + text.size();
}

std::optional<LapPlace> parse_lap_place(std::string_view text) {
  LapPlace place;
  if (!read_number(take_part(text), place.began_ns)) return std::nullopt;
  place.machine = take_part(text);
  if (place.machine.size() != kMachineDigits ||
      place.machine.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return std::nullopt;
  }
  if (!read_number(take_part(text), place.lap) || !read_number(take_part(text), place.repeat) ||
      text.contains('.') || !read_number(text, place.activity)) {
    return std::nullopt;
  }
  return place;
}

/// What a query asks for, as SQL whose parameters are numbered.
std::string lap_conditions(const LapQuery& query, bool has_place) {
  std::string sql = "WHERE true";
  if (!query.session.empty()) sql += " AND l.session = ?1";
  if (!query.track.empty()) sql += " AND l.track = ?2";
  if (!query.chassis.empty()) sql += " AND l.chassis = ?3";
  if (query.lap) sql += " AND l.lap = ?4";
  if (has_place) {
    sql +=
        " AND (l.began_ns, l.machine, l.lap, l.repeat, l.track, l.activity) < (?5, ?6, ?7, ?8, "
        "(SELECT track FROM activities WHERE number = ?9), ?9)";
  }
  return sql;
}

/// Takes laps up to `most` of them; whether there are more.
Result<bool> take_laps(Statement& rows, std::size_t most, std::vector<StoredLap>& into,
                       LapPlace& last) {
  while (true) {
    const auto row = rows.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return false;
    if (into.size() == most) return true;
    auto lap = lap_of(rows);
    if (!lap) return std::unexpected(lap.error());
    last = {.began_ns = lap->lap->began.ns,
            .machine = std::string(rows.text(kMachineColumn)),
            .lap = lap->lap->lap,
            .repeat = lap->lap->repeat,
            .activity = rows.integer(kActivityColumn)};
    into.push_back(std::move(*lap));
  }
}

/// The parts of a lap's id.
struct LapName {
  std::string_view session;
  std::string_view machine;
  std::int32_t lap = 0;
  std::int64_t nth = 1;
};

std::optional<LapName> parse_lap_name(std::string_view id) {
  constexpr std::size_t kSession = 17;
  constexpr std::size_t kLap = kSession + 1 + kMachineDigits + 1;
  if (id.size() <= kLap || id[kSession] != '-' || id[kLap - 1] != '-') return std::nullopt;
  LapName name{.session = id.substr(0, kSession),
               .machine = id.substr(kSession + 1, kMachineDigits)};
  const char* const end = id.data() + id.size();
  const auto lap = std::from_chars(id.data() + kLap, end, name.lap);
  if (lap.ec != std::errc{}) return std::nullopt;
  if (lap.ptr == end) return name;
  if (*lap.ptr != '-') return std::nullopt;
  const auto nth = std::from_chars(lap.ptr + 1, end, name.nth);
  if (nth.ec != std::errc{} || nth.ptr != end || name.nth < 2) return std::nullopt;
  return name;
}

/// Of a closed lap's row, by its columns. Nothing: there is no such row.
Result<std::optional<LapCursor>> read_lap_cursor(Database& database, LapRow row) {
  auto statement = database.prepare(
      "SELECT track, chassis, lap, repeat, revision FROM stored_laps WHERE id = ?1 AND "
      "revision > 0");
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, row);
  const auto found = statement->step();
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::optional<LapCursor>();
  return std::optional(lap_cursor(row, statement->text(0), statement->text(1),
                                  static_cast<std::int32_t>(statement->integer(2)),
                                  static_cast<std::uint32_t>(statement->integer(3)),
                                  static_cast<std::uint32_t>(statement->integer(4))));
}

}  // namespace

Result<LapPage> query_laps(Database& database, const LapQuery& query) {
  std::optional<LapPlace> place;
  if (!query.cursor.empty()) {
    place = parse_lap_place(query.cursor);
    if (!place) return fail("the cursor is not one that a page gave", ErrorCode::kRefused);
  }
  std::int64_t session = 0;
  if (!query.session.empty()) {
    const auto number = session_number(database, query.session);
    if (!number) return std::unexpected(number.error());
    if (!*number) return LapPage{};
    session = **number;
  }
  auto statement = database.prepare(
      select_laps(fmt::format("{} ORDER BY {} LIMIT {}", lap_conditions(query, place.has_value()),
                              kLapOrder, query.limit + 1)));
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, session)
      .bind(2, query.track)
      .bind(3, query.chassis)
      .bind(4, query.lap.value_or(0));
  if (place) {
    statement->bind(5, place->began_ns)
        .bind(6, place->machine)
        .bind(7, place->lap)
        .bind(8, place->repeat)
        .bind(9, place->activity);
  }
  LapPage page;
  LapPlace last;
  const auto has_more = take_laps(*statement, query.limit, page.laps, last);
  if (!has_more) return std::unexpected(has_more.error());
  if (*has_more) page.next = last.to_text();
  return page;
}

Result<std::optional<StoredLap>> find_lap(Database& database, std::string_view id) {
  const auto name = parse_lap_name(id);
  if (!name) return std::optional<StoredLap>();
  // An id that a session had before it was joined to what is earlier counts from there.
  auto from = database.prepare(
      "SELECT session, first_ns FROM activities WHERE session_alias = ?1 ORDER BY first_ns LIMIT "
      "1");
  if (!from) return std::unexpected(from.error());
  from->bind(1, name->session);
  const auto known = from->step();
  if (!known) return std::unexpected(known.error());
  if (!*known) return std::optional<StoredLap>();
  auto statement = database.prepare(
      select_laps("WHERE l.session = ?1 AND l.machine = ?2 AND l.lap = ?3 AND a.first_ns >= ?4 "
                  "ORDER BY l.nth LIMIT 1 OFFSET ?5"));
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, from->integer(0))
      .bind(2, name->machine)
      .bind(3, name->lap)
      .bind(4, from->integer(1))
      .bind(5, name->nth - 1);
  std::vector<StoredLap> found;
  LapPlace last;
  if (const auto taken = take_laps(*statement, 1, found, last); !taken) {
    return std::unexpected(taken.error());
  }
  if (found.empty()) return std::optional<StoredLap>();
  return std::optional(std::move(found.front()));
}

Result<StoredLaps> read_stored_laps(Database& database, const StoredEventsQuery& query) {
  StoredLaps page{.laps = {}, .to = query.after};
  const auto known = read_lap_cursor(database, query.after.row);
  if (!known) return std::unexpected(known.error());
  if (*known && **known != query.after) {
    page.is_foreign = true;
    return page;
  }
  auto statement = database.prepare(
      select_laps("WHERE l.id > ?1 AND l.id <= ?2 AND l.revision > 0 ORDER BY l.id LIMIT ?3"));
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, query.after.row)
      .bind(2, query.upto)
      .bind(3, static_cast<std::int64_t>(query.max_rows));
  LapPlace last;
  const auto taken = take_laps(*statement, query.max_rows, page.laps, last);
  if (!taken) return std::unexpected(taken.error());
  if (!page.laps.empty()) page.to = page.laps.back().cursor();
  if (page.laps.size() < query.max_rows) page.to.row = query.upto;  // nothing more up to there
  return page;
}

Result<std::vector<StoredLap>> closed_laps_behind(Database& database, LapRow row) {
  auto statement =
      database.prepare(select_laps("WHERE l.id > ?1 AND l.revision > 0 ORDER BY l.id"));
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, row);
  std::vector<StoredLap> laps;
  LapPlace last;
  const auto taken = take_laps(*statement, std::numeric_limits<std::size_t>::max(), laps, last);
  if (!taken) return std::unexpected(taken.error());
  return laps;
}

Result<LapCursor> newest_lap(Database& database) {
  const auto newest =
      database.integer("SELECT id FROM stored_laps WHERE revision > 0 ORDER BY id DESC LIMIT 1");
  if (!newest) return std::unexpected(newest.error());
  const auto cursor = read_lap_cursor(database, *newest);
  if (!cursor) return std::unexpected(cursor.error());
  return cursor->value_or(LapCursor{});
}

Result<std::optional<std::string>> track_line(Database& database, std::string_view name) {
  auto statement = database.prepare("SELECT line FROM track_lines WHERE name = ?1");
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, name);
  const auto row = statement->step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::optional<std::string>();
  return std::optional(std::string(statement->text(0)));
}

}  // namespace slipstream
