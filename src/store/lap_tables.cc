#include "store/lap_tables.h"

#include <cmath>

#include "codec/lap_json.h"
#include "store/lap_queries.h"
#include "store/lap_sql.h"

namespace slipstream {
namespace {

void bind_or_null(Statement& statement, int index, std::optional<double> value) {
  if (value && std::isfinite(*value)) {
    statement.bind_real(index, *value);
  } else {
    statement.bind_null(index);
  }
}

void bind_or_null(Statement& statement, int index, std::optional<bool> value) {
  if (value) {
    statement.bind(index, std::int64_t{*value});
  } else {
    statement.bind_null(index);
  }
}

}  // namespace

Result<LapTables> LapTables::prepare(Database& database, std::int64_t session_gap_ns) {
  auto sessions = SessionTables::prepare(database, session_gap_ns);
  if (!sessions) return std::unexpected(sessions.error());
  LapTables tables(database, std::move(*sessions));
  auto prepared = prepare_all(
      database,
      {{&tables.newest_, "SELECT coalesce(max(id), 0) FROM stored_laps"},
       {&tables.find_,
        "SELECT id, revision FROM stored_laps WHERE activity = ?1 AND lap = ?2 AND repeat = ?3"},
       {&tables.remove_, "DELETE FROM stored_laps WHERE id = ?1"},
       {&tables.insert_,
        "INSERT INTO stored_laps (id, activity, lap, repeat, revision, session, track, chassis, "
        "machine, nth, began_ns, ended_ns, begun_here, complete, official, lap_time_s, "
        "sector_times_s, valid, pit_in, pit_out, compound, points, missing, duplicates, discarded, "
        "rewound, longest_gap_s, max_speed_kmh, channels) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
        "?9, 0, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, "
        "?26, ?27, ?28)"},
       {&tables.find_channels_, "SELECT number FROM lap_channels WHERE names = ?1"},
       {&tables.add_channels_, "INSERT INTO lap_channels (names) VALUES (?1)"},
       {&tables.group_, kLapGroup},
       {&tables.set_nth_, "UPDATE stored_laps SET nth = ?2 WHERE id = ?1"},
       {&tables.put_line_, "INSERT OR REPLACE INTO track_lines VALUES (?1, ?2)"}});
  if (!prepared) return std::unexpected(prepared.error());
  return tables;
}

Result<void> LapTables::follow_gap() {
  groups_.clear();
  sessions_.begin();
  if (auto done = sessions_.follow_gap(); !done) return done;
  return number_groups();
}

Result<void> LapTables::write(const ToldLaps& told, Counter& rows) {
  groups_.clear();
  sessions_.begin();
  const auto newest = newest_.number();
  if (!newest) return std::unexpected(newest.error());
  newest_before_ = newest->value_or(0);
  Result<void> done;
  for (const Activity& activity : told.activities) {
    if (done) done = sessions_.put(activity, rows);
  }
  for (const LapPtr& lap : told.laps) {
    if (done) done = sessions_.put_lap(*lap, rows);
  }
  if (done) done = sessions_.settle();
  for (const LapPtr& lap : told.laps) {
    if (done) done = put(*lap);
    rows.add();
  }
  return done ? number_groups() : done;
}

Result<std::optional<LapTables::Known>> LapTables::find(const Lap& lap,
                                                        const SessionTables::Place& place) {
  find_.bind(1, place.activity).bind(2, lap.lap).bind(3, lap.repeat);
  const auto row = find_.step();
  std::optional<Known> known;
  if (row && *row) known = {find_.integer(0), static_cast<std::uint32_t>(find_.integer(1))};
  find_.reset();
  if (!row) return std::unexpected(row.error());
  return known;
}

Result<void> LapTables::put(const Lap& lap) {
  const auto place = sessions_.place_of(lap.activity);
  if (!place) return std::unexpected(place.error());
  const auto known = find(lap, *place);
  if (!known) return std::unexpected(known.error());
  const bool is_driven = lap.revision == 0;
  LapRow row = 0;
  if (*known) {
    const bool is_newer = lap.revision > (*known)->revision;
    if (!is_newer && !(is_driven && (*known)->revision == 0)) return {};
    if (!is_newer) row = (*known)->row;
    remove_.bind(1, (*known)->row);
    if (auto done = remove_.run(); !done) return done;
  }
  if (auto done = insert(lap, *place, row); !done) return done;
  const bool is_first_closed = !is_driven && (!*known || (*known)->revision == 0);
  return is_first_closed ? sessions_.add_laps(place->session, 1) : Result<void>{};
}

/// `row`: that it keeps; 0: a new one.
Result<void> LapTables::insert(const Lap& lap, const SessionTables::Place& place, LapRow row) {
  const auto channels = channels_of(lap);
  if (!channels) return std::unexpected(channels.error());
  const std::string machine = machine_id_of(lap.activity.chassis);
  std::string sectors;
  append_json_times(sectors, lap.sector_times_s);
  if (row == 0) {
    insert_.bind_null(1);
  } else {
    insert_.bind(1, row);
  }
  insert_.bind(2, place.activity)
      .bind(3, lap.lap)
      .bind(4, lap.repeat)
      .bind(5, lap.revision)
      .bind(6, place.session)
      .bind(7, lap.activity.track)
      .bind(8, lap.activity.chassis)
      .bind(9, machine)
      .bind(10, lap.began.ns)
      .bind(11, lap.ended.ns)
      .bind(12, std::int64_t{lap.begun_here})
      .bind(13, std::int64_t{lap.is_complete})
      .bind(14, std::int64_t{lap.is_official})
      .bind(16, sectors)
      .bind(20, lap.compound)
      .bind(21, signed_of(lap.points))
      .bind(22, signed_of(lap.missing))
      .bind(23, signed_of(lap.duplicates))
      .bind(24, signed_of(lap.discarded))
      .bind(25, std::int64_t{lap.is_rewound})
      .bind_real(26, std::isfinite(lap.longest_gap_s) ? lap.longest_gap_s : 0)
      .bind(28, *channels);
  bind_or_null(insert_, 15, lap.lap_time_s);
  bind_or_null(insert_, 17, lap.is_valid);
  bind_or_null(insert_, 18, lap.pit_in);
  bind_or_null(insert_, 19, lap.pit_out);
  bind_or_null(insert_, 27, lap.max_speed_kmh);
  if (auto done = insert_.run(); !done) return done;
  groups_.insert({place.session, machine, lap.lap});
  return {};
}

Result<std::int64_t> LapTables::channels_of(const Lap& lap) {
  std::string names;
  append_json_names(names, lap.channels);
  find_channels_.bind(1, names);
  const auto known = find_channels_.number();
  if (!known) return std::unexpected(known.error());
  if (*known) return **known;
  add_channels_.bind(1, names);
  if (auto done = add_channels_.run(); !done) return std::unexpected(done.error());
  return database_->last_row();
}

/// Which of its number each lap is in its session, by their beginning.
Result<void> LapTables::number_groups() {
  groups_.insert(sessions_.moved().begin(), sessions_.moved().end());
  for (const LapGroup& group : groups_) {
    std::vector<std::pair<LapRow, std::int64_t>> wrong;
    std::int64_t nth = 0;
    group_.bind(1, group.session).bind(2, group.machine).bind(3, group.lap);
    auto done = each_row(group_, [&](const Statement& row) {
      if (++nth != row.integer(1)) wrong.emplace_back(row.integer(0), nth);
    });
    for (const auto& [row, right] : wrong) {
      if (!done) break;
      set_nth_.bind(1, row).bind(2, right);
      done = set_nth_.run();
    }
    if (!done) return done;
  }
  return {};
}

Result<void> LapTables::write_lines(std::span<const std::pair<std::string, std::string>> lines,
                                    Counter& rows) {
  for (const auto& [name, line] : lines) {
    put_line_.bind(1, name).bind(2, line);
    if (auto done = put_line_.run(); !done) return done;
    rows.add();
  }
  return {};
}

Result<std::vector<StoredLap>> LapTables::newly_closed() {
  return closed_laps_behind(*database_, newest_before_);
}

}  // namespace slipstream
