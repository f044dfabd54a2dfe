#pragma once
#include <iterator>

namespace slipstream {

/// The store's file, in the data directory.
inline constexpr const char* kStoreFile = "slipstream.db";

/// The store's schema; docs/store.md explains it. Times are nanoseconds since 1970. A database of
/// version n has the first n parts, and the views of store/store_views.h.
inline constexpr const char* kStoreSchema[] = {R"sql(
CREATE TABLE rollups (
  id INTEGER PRIMARY KEY,
  window TEXT NOT NULL,
  window_id BLOB NOT NULL UNIQUE,
  track TEXT NOT NULL,
  chassis TEXT NOT NULL,
  lap INTEGER NOT NULL,
  sector INTEGER NOT NULL,
  count INTEGER NOT NULL,
  first_ns INTEGER NOT NULL,
  last_ns INTEGER NOT NULL,
  partition INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  late INTEGER NOT NULL DEFAULT 0,
  stats TEXT NOT NULL
) STRICT;
CREATE INDEX rollups_newest ON rollups (last_ns, id);
CREATE INDEX rollups_by_window ON rollups (window, last_ns, id);
CREATE INDEX rollups_by_chassis ON rollups (chassis, window, last_ns, id);
)sql",
                                               R"sql(
DROP TABLE IF EXISTS meta;
CREATE INDEX rollups_by_track ON rollups (track, last_ns, id);
CREATE INDEX rollups_by_track_window ON rollups (track, window, last_ns, id);
CREATE INDEX rollups_by_machine ON rollups (chassis, last_ns, id);
CREATE INDEX rollups_by_machine_track ON rollups (chassis, track, last_ns, id);
CREATE INDEX rollups_by_machine_lap ON rollups (chassis, lap, window, last_ns, id);
CREATE INDEX rollups_by_lap ON rollups (lap, last_ns, id);
CREATE TABLE layout (id INTEGER PRIMARY KEY CHECK (id = 0), text TEXT NOT NULL) STRICT;
CREATE TABLE partitions (
  partition INTEGER PRIMARY KEY,
  log_offset INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  begin_sequence INTEGER NOT NULL,
  windows BLOB NOT NULL
) STRICT;
CREATE TABLE open_series (
  partition INTEGER NOT NULL,
  number INTEGER NOT NULL,
  state BLOB NOT NULL,
  PRIMARY KEY (partition, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE idempotency_keys (
  key TEXT PRIMARY KEY,
  time_ns INTEGER NOT NULL,
  status INTEGER NOT NULL,
  answer TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_oldest ON idempotency_keys (time_ns);
CREATE TABLE dead_letters (
  log_offset INTEGER NOT NULL,
  log_end INTEGER NOT NULL,
  partition INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (log_offset, partition)
) STRICT, WITHOUT ROWID;
)sql",
                                               R"sql(
CREATE TABLE stream_partitions (
  partition INTEGER PRIMARY KEY,
  sequence INTEGER NOT NULL
) STRICT;
)sql",
                                               R"sql(
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  stream TEXT NOT NULL,
  count INTEGER NOT NULL,
  rollups TEXT NOT NULL
) STRICT;
CREATE INDEX outbox_by_stream ON outbox (stream, id, count);
CREATE TABLE outbox_writer (id INTEGER PRIMARY KEY CHECK (id = 0), name TEXT NOT NULL) STRICT;
)sql",
                                               R"sql(
ALTER TABLE partitions ADD COLUMN committed_offset INTEGER NOT NULL DEFAULT -1;  -- not known
)sql",
                                               R"sql(
DROP INDEX outbox_by_stream;
ALTER TABLE outbox RENAME COLUMN stream TO shard;
ALTER TABLE outbox ADD COLUMN destination TEXT NOT NULL DEFAULT 'redis';  -- theirs that wait
CREATE INDEX outbox_by_shard ON outbox (destination, shard, id, count);
)sql",
                                               R"sql(
ALTER TABLE rollups ADD COLUMN tags TEXT NOT NULL DEFAULT '';  -- "cpu":"cpu0","mode":"user"
)sql",
                                               R"sql(
ALTER TABLE rollups RENAME TO unpacked_rollups;  -- until each is packed
CREATE TABLE window_names (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE series (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  track TEXT NOT NULL,
  chassis TEXT NOT NULL,
  tags TEXT NOT NULL,
  UNIQUE (chassis, track, tags)
) STRICT;
CREATE TABLE rollup_layouts (
  number INTEGER PRIMARY KEY,
  fields TEXT NOT NULL,
  statistics TEXT NOT NULL,
  scales TEXT NOT NULL,
  UNIQUE (fields, statistics, scales)
) STRICT;
CREATE TABLE packed_rollups (
  id INTEGER PRIMARY KEY,
  window INTEGER NOT NULL,
  series INTEGER NOT NULL,
  lap INTEGER NOT NULL,
  sector INTEGER NOT NULL,
  count INTEGER NOT NULL,
  last_ns INTEGER NOT NULL,
  span_ns INTEGER NOT NULL,
  partition INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  late INTEGER NOT NULL,
  window_id_head BLOB NOT NULL,
  window_id_tail BLOB NOT NULL,
  layout INTEGER,  -- NULL: stats are the JSON object itself
  stats ANY NOT NULL
) STRICT;
CREATE INDEX packed_rollups_by_window_id ON packed_rollups (window_id_tail);
CREATE INDEX packed_rollups_by_window ON packed_rollups (window, last_ns);
CREATE INDEX packed_rollups_by_series ON packed_rollups (series, window, last_ns);
CREATE INDEX packed_rollups_by_lap ON packed_rollups (lap, window, series, last_ns);
CREATE TABLE window_retention (
  window TEXT PRIMARY KEY,
  hours INTEGER NOT NULL,  -- 0: for ever
  removed_to INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE stored_by (hour INTEGER PRIMARY KEY, id INTEGER NOT NULL) STRICT;
)sql",
                                               R"sql(
CREATE TABLE stored_marks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  log_offset INTEGER,  -- NULL: there was no log
  time_ns INTEGER NOT NULL,
  arrival_ns INTEGER NOT NULL,
  track TEXT NOT NULL,
  session TEXT NOT NULL,
  chassis TEXT NOT NULL,
  kind TEXT NOT NULL,
  mark TEXT NOT NULL,  -- as JSON
  UNIQUE (log_offset, arrival_ns)
) STRICT;
CREATE INDEX stored_marks_newest ON stored_marks (time_ns, id);
CREATE INDEX stored_marks_by_session ON stored_marks (session, time_ns, id);
CREATE INDEX stored_marks_by_track ON stored_marks (track, time_ns, id);
)sql",
                                               R"sql(
CREATE TABLE activities (
  number INTEGER PRIMARY KEY,
  track TEXT NOT NULL,
  chassis TEXT NOT NULL,
  source_session TEXT NOT NULL,
  first_ns INTEGER NOT NULL,
  began_ns INTEGER NOT NULL,
  ended_ns INTEGER NOT NULL,
  points INTEGER NOT NULL,
  begins_anew INTEGER NOT NULL,
  goes_on_from TEXT NOT NULL,
  session_alias TEXT NOT NULL,  -- the id of the session that begins with it
  session INTEGER NOT NULL,
  UNIQUE (track, chassis, source_session, first_ns)
) STRICT;
CREATE INDEX activities_by_session ON activities (session);
CREATE INDEX activities_by_alias ON activities (session_alias, first_ns);
CREATE INDEX activities_by_part ON activities (track, source_session) WHERE source_session <> '';
CREATE INDEX activities_behind_part ON activities (track, goes_on_from) WHERE goes_on_from <> '';
CREATE TABLE stored_sessions (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  track TEXT NOT NULL,
  is_named INTEGER NOT NULL,
  started_ns INTEGER NOT NULL,
  ended_ns INTEGER NOT NULL,
  machines INTEGER NOT NULL,
  laps INTEGER NOT NULL,
  points INTEGER NOT NULL,
  parts TEXT NOT NULL,  -- as JSON
  name TEXT NOT NULL,
  pinned INTEGER NOT NULL
) STRICT;
CREATE INDEX stored_sessions_newest ON stored_sessions (started_ns, id);
CREATE INDEX stored_sessions_by_track ON stored_sessions (track, is_named, started_ns);
CREATE TABLE session_rules (id INTEGER PRIMARY KEY CHECK (id = 0), gap_ns INTEGER NOT NULL) STRICT;
CREATE TABLE lap_channels (number INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE stored_laps (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  activity INTEGER NOT NULL,
  lap INTEGER NOT NULL,
  repeat INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  session INTEGER NOT NULL,
  track TEXT NOT NULL,
  chassis TEXT NOT NULL,
  machine TEXT NOT NULL,  -- in ids of laps
  nth INTEGER NOT NULL,  -- of that number in the session
  began_ns INTEGER NOT NULL,
  ended_ns INTEGER NOT NULL,
  begun_here INTEGER NOT NULL,
  complete INTEGER NOT NULL,
  official INTEGER NOT NULL,
  lap_time_s REAL,
  sector_times_s TEXT NOT NULL,  -- as JSON
  valid INTEGER,
  pit_in INTEGER,
  pit_out INTEGER,
  compound TEXT NOT NULL,
  points INTEGER NOT NULL,
  missing INTEGER NOT NULL,
  duplicates INTEGER NOT NULL,
  discarded INTEGER NOT NULL,
  rewound INTEGER NOT NULL,
  longest_gap_s REAL NOT NULL,
  max_speed_kmh REAL,
  channels INTEGER NOT NULL,
  UNIQUE (activity, lap, repeat)
) STRICT;
CREATE INDEX stored_laps_newest
  ON stored_laps (began_ns, machine, lap, repeat, track, activity);
CREATE INDEX stored_laps_by_session
  ON stored_laps (session, began_ns, machine, lap, repeat, track, activity);
CREATE INDEX stored_laps_by_track
  ON stored_laps (track, began_ns, machine, lap, repeat, activity);
CREATE INDEX stored_laps_by_chassis
  ON stored_laps (chassis, began_ns, machine, lap, repeat, track, activity);
CREATE INDEX stored_laps_by_lap
  ON stored_laps (lap, began_ns, machine, repeat, track, activity);
CREATE INDEX stored_laps_by_number ON stored_laps (session, machine, lap, nth);
CREATE INDEX stored_laps_best ON stored_laps (session, lap_time_s, began_ns, chassis, lap)
  WHERE complete = 1 AND valid IS NOT 0 AND lap_time_s IS NOT NULL;
CREATE INDEX stored_laps_best_of_machine
  ON stored_laps (session, chassis, lap_time_s, began_ns, lap)
  WHERE complete = 1 AND valid IS NOT 0 AND lap_time_s IS NOT NULL;
CREATE TABLE track_lines (name TEXT PRIMARY KEY, line TEXT NOT NULL) STRICT;
)sql",
                                               R"sql(
CREATE TABLE stored_alerts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  occurrence TEXT NOT NULL,
  rule TEXT NOT NULL,
  raised INTEGER NOT NULL,  -- 0: cleared
  active INTEGER NOT NULL,  -- raised, and not cleared
  name TEXT NOT NULL,
  severity TEXT NOT NULL,
  track TEXT NOT NULL,
  chassis TEXT NOT NULL,
  tags TEXT NOT NULL,
  time_ns INTEGER NOT NULL,
  value REAL,
  message TEXT NOT NULL,
  UNIQUE (occurrence, raised)
) STRICT;
CREATE INDEX stored_alerts_newest ON stored_alerts (time_ns, id);
CREATE INDEX stored_alerts_by_name ON stored_alerts (name, time_ns, id);
CREATE INDEX stored_alerts_active ON stored_alerts (time_ns, id) WHERE active = 1;
)sql"};
inline constexpr int kStoreVersion = std::size(kStoreSchema);
inline constexpr int kCheckpointsSince = 2;       ///< the version that came with `partitions`
inline constexpr int kCommittedOffsetsSince = 5;  ///< and with their `committed_offset`
inline constexpr int kTagsSince = 7;              ///< and with rollups' `tags`
inline constexpr int kPackedSince = 8;            ///< and with `packed_rollups`
inline constexpr int kMarksSince = 9;             ///< and with `stored_marks`
inline constexpr int kLapsSince = 10;             ///< and with `stored_laps`
inline constexpr int kAlertsSince = 11;           ///< and with `stored_alerts`
/// Of marks.
inline constexpr const char* kMarksTable = "stored_marks";
/// Of laps.
inline constexpr const char* kLapsTable = "stored_laps";
/// Of alerts that were raised and cleared.
inline constexpr const char* kAlertsTable = "stored_alerts";
/// Of rollups that a version before wrote, while there are any.
inline constexpr const char* kUnpackedTable = "unpacked_rollups";

}  // namespace slipstream
