#pragma once
#include <iterator>

namespace slipstream {

/// The store's file, in the data directory.
inline constexpr const char* kStoreFile = "slipstream.db";

/// The store's schema; docs/store.md explains it. Times are nanoseconds since 1970. A database of
/// version n has the first n parts.
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

CREATE VIEW rollup_fields AS
SELECT r.id, r.window, r.track, r.chassis, r.lap, r.sector, r.count,
       strftime('%Y-%m-%dT%H:%M:%fZ', r.first_ns / 1e9, 'unixepoch') AS first_ts,
       strftime('%Y-%m-%dT%H:%M:%fZ', r.last_ns / 1e9, 'unixepoch') AS last_ts,
       substr(s.key, 5) AS field,
       s.value AS avg,
       json_extract(r.stats, '$."min_' || substr(s.key, 5) || '"') AS min,
       json_extract(r.stats, '$."max_' || substr(s.key, 5) || '"') AS max,
       json_extract(r.stats, '$."std_' || substr(s.key, 5) || '"') AS std,
       json_extract(r.stats, '$."last_' || substr(s.key, 5) || '"') AS last
FROM rollups r, json_each(r.stats) s
WHERE substr(s.key, 1, 4) = 'avg_';

CREATE VIEW sectors AS
SELECT id, track, chassis, lap, sector, count,
       strftime('%Y-%m-%dT%H:%M:%fZ', first_ns / 1e9, 'unixepoch') AS first_ts,
       round((last_ns - first_ns) / 1e9, 3) AS seconds,
       json_extract(stats, '$.avg_speed_kmh') AS avg_speed_kmh,
       json_extract(stats, '$.min_speed_kmh') AS min_speed_kmh,
       json_extract(stats, '$.max_speed_kmh') AS max_speed_kmh,
       json_extract(stats, '$.max_pbrake_f') AS max_pbrake_f,
       json_extract(stats, '$.max_rpm') AS max_rpm
FROM rollups WHERE window = 'sector' AND late = 0;

CREATE VIEW seconds AS
SELECT id, track, chassis, lap, sector, count,
       strftime('%Y-%m-%dT%H:%M:%SZ', first_ns / 1000000000, 'unixepoch') AS second,
       json_extract(stats, '$.avg_speed_kmh') AS avg_speed_kmh,
       json_extract(stats, '$.last_lapdist_m') AS last_lapdist_m
FROM rollups WHERE window = 'second' AND late = 0;
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
DROP VIEW IF EXISTS sectors;
CREATE VIEW sectors AS
SELECT id, track, chassis, lap, sector, count,
       strftime('%Y-%m-%dT%H:%M:%fZ', first_ns / 1e9, 'unixepoch') AS first_ts,
       round((last_ns - first_ns) / 1e9, 3) AS seconds,
       json_extract(stats, '$.avg_speed_kmh') AS avg_speed_kmh,
       json_extract(stats, '$.min_speed_kmh') AS min_speed_kmh,
       json_extract(stats, '$.max_speed_kmh') AS max_speed_kmh,
       json_extract(stats, '$.max_pbrake_f') AS max_pbrake_f,
       json_extract(stats, '$.max_rpm') AS max_rpm,
       '{' || tags || '}' AS tags
FROM rollups WHERE window = 'sector' AND late = 0;
DROP VIEW IF EXISTS seconds;
CREATE VIEW seconds AS
SELECT id, track, chassis, lap, sector, count,
       strftime('%Y-%m-%dT%H:%M:%SZ', first_ns / 1000000000, 'unixepoch') AS second,
       json_extract(stats, '$.avg_speed_kmh') AS avg_speed_kmh,
       json_extract(stats, '$.last_lapdist_m') AS last_lapdist_m,
       '{' || tags || '}' AS tags
FROM rollups WHERE window = 'second' AND late = 0;
)sql"};
inline constexpr int kStoreVersion = std::size(kStoreSchema);
inline constexpr int kCheckpointsSince = 2;       ///< the version that came with `partitions`
inline constexpr int kCommittedOffsetsSince = 5;  ///< and with their `committed_offset`
inline constexpr int kTagsSince = 7;              ///< and with rollups' `tags`

}  // namespace slipstream
