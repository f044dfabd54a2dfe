#include "ops/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "ops/setting_kinds.h"
#include "source/udp_source.h"

namespace slipstream {
namespace {

constexpr std::int64_t kMaxStampMs = 1'000'000'000;

/// Takes true and false too, as it once was a flag.
Setting log_setting() {
  Setting s = text("durability", "log", "DURABLE_LOG",
                   "where points are kept before they are folded, to lose and repeat nothing after "
                   "a crash: segments (files), redis (streams), none",
                   [](auto& c) -> auto& { return c.durability.log; });
  s.expected = "one of segments redis none";
  s.set = [](Config& config, const SettingValue& value) {
    std::string given;
    if (const auto* flag = std::get_if<bool>(&value)) given = *flag ? "true" : "false";
    if (const auto* named = std::get_if<std::string>(&value)) given = *named;
    if (given == "true") given = "segments";
    if (given == "false") given = "none";
    if (given != "segments" && given != "redis" && given != "none") return false;
    config.durability.log = given;
    return true;
  };
  return s;
}

/// "second=168": of each window its hours.
std::optional<std::pair<std::string, std::int64_t>> parse_window_hours(const std::string& text) {
  constexpr std::int64_t kMostHours = 1'000'000;
  const auto equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  std::int64_t hours = -1;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + equals + 1, end, hours);
  if (read.ec != std::errc{} || read.ptr != end || hours < 0 || hours > kMostHours) {
    return std::nullopt;
  }
  return std::pair(text.substr(0, equals), hours);
}

Setting window_hours_setting() {
  return {"store",
          "window_retention_hours",
          "WINDOW_RETENTION_HOURS",
          SettingKind::kList,
          "hours that a window's rollups are kept after they were stored (second=48); 0: for ever. "
          "What is not named: second for 168 in a store that 0.2 made, all others for ever",
          "a list of WINDOW=HOURS",
          [](Config& config, const SettingValue& value) {
            const auto* given = std::get_if<std::vector<std::string>>(&value);
            if (given == nullptr) return false;
            std::map<std::string, std::int64_t> hours;
            for (const auto& text : *given) {
              const auto one = parse_window_hours(text);
              if (!one) return false;
              hours.insert_or_assign(one->first, one->second);
            }
            config.store.window_retention_hours = std::move(hours);
            return true;
          },
          [](const Config& config) -> SettingValue {
            std::vector<std::string> texts;
            for (const auto& [window, hours] : config.store.window_retention_hours) {
              texts.push_back(fmt::format("{}={}", window, hours));
            }
            return texts;
          }};
}

/// A flag that is written as one of two words.
Setting csv_empty_setting() {
  return {
      "csv",
      "empty",
      "CSV_EMPTY",
      SettingKind::kText,
      "an empty cell of lap or of a well-known field: absent, or zero as in the replaced system",
      "one of absent zero",
      [](Config& config, const SettingValue& value) {
        const auto* given = std::get_if<std::string>(&value);
        if (given == nullptr || (*given != "absent" && *given != "zero")) return false;
        config.schema.csv.empty_is_zero = *given == "zero";
        return true;
      },
      [](const Config& config) -> SettingValue {
        return std::string(config.schema.csv.empty_is_zero ? "zero" : "absent");
      }};
}

constexpr std::string_view kAuto = "auto";

std::optional<std::int64_t> whole_number(const SettingValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  const auto* digits = std::get_if<std::string>(&value);
  std::int64_t number = 0;
  if (digits == nullptr) return std::nullopt;
  const char* const last = digits->data() + digits->size();
  const auto [end, error] = std::from_chars(digits->data(), last, number);
  return error == std::errc{} && end == last ? std::optional(number) : std::nullopt;
}

/// A number of threads, which is decided by the cores that there are unless it is told.
template <typename Where>
Setting threads_or_auto(std::string section, std::string key, std::string environment,
                        std::int64_t min, std::int64_t max, std::string help, Where where) {
  return {std::move(section),
          std::move(key),
          std::move(environment),
          SettingKind::kText,
          std::move(help),
          fmt::format("\"{}\" or a whole number from {} to {}", kAuto, min, max),
          [where, min, max](Config& config, const SettingValue& value) {
            const auto* word = std::get_if<std::string>(&value);
            if (word != nullptr && *word == kAuto) {
              where(config).reset();
              return true;
            }
            const auto number = whole_number(value);
            if (!number || *number < min || *number > max) return false;
            where(config) = static_cast<std::uint32_t>(*number);
            return true;
          },
          [where](const Config& config) -> SettingValue {
            if (where(config)) return std::int64_t{*where(config)};
            return std::string(kAuto);
          }};
}

// An accessor that serves const and mutable configurations alike.
// NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name cannot stand in any.
#define SLIPSTREAM_AT(member) [](auto& c) -> auto& { return c.member; }

std::vector<Setting> make_settings() {
  return {
      text("server", "listen", "LISTEN", "address of HTTP and WebSocket",
           SLIPSTREAM_AT(server.listen)),
      integer("server", "port", "PORT", 0, 65'535, "port of HTTP and WebSocket; 0: a free one",
              SLIPSTREAM_AT(server.port)),
      text("server", "ws_path", "WS_PATH", "path of the WebSocket", SLIPSTREAM_AT(server.ws_path)),
      integer("server", "max_ws_buffer", "MAX_WS_BUFFER", 1'000, kMaxInt,
              "bytes unsent to a client before it is skipped",
              SLIPSTREAM_AT(server.max_ws_buffer_bytes)),
      integer("server", "max_connections", "MAX_CONNECTIONS", 1, 1'000'000,
              "HTTP and WebSocket connections, as far as the limit of open files allows",
              SLIPSTREAM_AT(server.max_connections)),
      integer("server", "max_body_bytes", "MAX_BODY_BYTES", 1'024, 1 << 30,
              "bytes of a request's body, also once decompressed",
              SLIPSTREAM_AT(server.max_body_bytes)),
      integer("server", "points_per_second", "HTTP_POINTS_PER_SECOND", 0, 1'000'000'000,
              "points a second an address may send by HTTP; 0: any",
              SLIPSTREAM_AT(server.http_points_per_second)),
      flag("server", "csv_raw", "CSV_RAW",
           "whether texts in CSV answers and exports that a spreadsheet would run (they begin with "
           "= + - @, a tab or a carriage return) go out without a ' before them",
           SLIPSTREAM_AT(server.csv_raw)),
      text("security", "read_token", "API_TOKEN_READ",
           "a token that may read; see also [[security.tokens]]",
           SLIPSTREAM_AT(security.read_token)),
      text("security", "write_token", "API_TOKEN_WRITE", "a token that may write",
           SLIPSTREAM_AT(security.write_token)),
      text("security", "admin_token", "API_TOKEN_ADMIN", "a token that may do everything",
           SLIPSTREAM_AT(security.admin_token)),
      flag("security", "protect_metrics", "PROTECT_METRICS",
           "whether /metrics asks for an admin token; else it is read as the rest is",
           SLIPSTREAM_AT(security.protect_metrics)),
      list("security", "origins", "ORIGINS",
           "other sites whose pages may use the server (https://pits.example); \"*\": all",
           SLIPSTREAM_AT(security.origins)),
      list("security", "trusted_proxies", "TRUSTED_PROXIES",
           "networks (CIDR) of proxies whose X-Forwarded-For is believed",
           SLIPSTREAM_AT(security.trusted_proxies)),
      text("security", "tls_certificate", "TLS_CERTIFICATE",
           "PEM file of the certificate and its chain: HTTPS and WSS on the port; empty: no TLS",
           SLIPSTREAM_AT(security.tls_certificate)),
      text("security", "tls_key", "TLS_KEY", "PEM file of the certificate's private key",
           SLIPSTREAM_AT(security.tls_key)),
      integer("security", "max_connections_per_address", "MAX_CONNECTIONS_PER_ADDRESS", 0,
              1'000'000, "connections an address may have; 0: any number",
              SLIPSTREAM_AT(security.max_connections_per_address)),
      integer("security", "requests_per_second", "REQUESTS_PER_SECOND", 0, 1'000'000'000,
              "HTTP requests a second an address may send; 0: any",
              SLIPSTREAM_AT(security.requests_per_second)),
      integer("security", "header_timeout_ms", "HEADER_TIMEOUT_MS", 1, 3'600'000,
              "ms for the TLS handshake and the head of a request",
              SLIPSTREAM_AT(security.header_timeout_ms)),
      integer("security", "keep_alive_timeout_ms", "KEEP_ALIVE_TIMEOUT_MS", 1, 3'600'000,
              "ms that a connection may wait for its next request",
              SLIPSTREAM_AT(security.keep_alive_timeout_ms)),
      integer("security", "body_timeout_ms", "BODY_TIMEOUT_MS", 1, 3'600'000,
              "ms for a body, or for an answer to be read, beside what its bytes may take",
              SLIPSTREAM_AT(security.body_timeout_ms)),
      integer("security", "min_bytes_per_second", "MIN_BYTES_PER_SECOND", 1, 1 << 30,
              "bytes a second at which bodies must come and answers be read",
              SLIPSTREAM_AT(security.min_bytes_per_second)),
      flag("udp", "enabled", "UDP_ENABLED", "whether to listen by UDP",
           SLIPSTREAM_AT(udp.front().enabled)),
      text("udp", "host", "UDP_HOST", "address to listen at by UDP; empty: all, IPv4 and IPv6",
           SLIPSTREAM_AT(udp.front().host)),
      integer("udp", "port", "UDP_PORT", 0, 65'535, "UDP port; 0: a free one",
              SLIPSTREAM_AT(udp.front().port)),
      integer("udp", "receive_buffer_bytes", "UDP_RECEIVE_BUFFER", 1 << 16, 1 << 30,
              "bytes of the socket's buffer asked of the kernel",
              SLIPSTREAM_AT(udp.front().receive_buffer_bytes)),
      list("udp", "allow", "UDP_ALLOW", "networks (CIDR) that may send by UDP; none: all may",
           SLIPSTREAM_AT(udp.front().allow)),
      integer("udp", "points_per_second", "UDP_POINTS_PER_SECOND", 0, 1'000'000'000,
              "points a second an address may send by UDP; 0: any",
              SLIPSTREAM_AT(udp.front().points_per_second)),
      text("udp", "decoder", "UDP_DECODER",
           "format of what comes by UDP; auto: told by the first bytes of each datagram",
           SLIPSTREAM_AT(udp.front().decoder)),
      threads_or_auto("udp", "receivers", "UDP_RECEIVERS", 1, UdpSource::kMaxReceivers,
                      "threads that receive and decode, each with a socket of the port, among "
                      "which the kernel spreads senders; auto: a quarter of the cores, 1 to 8",
                      SLIPSTREAM_AT(udp.front().receivers)),
      threads_or_auto("udp", "decode_helpers", "UDP_DECODE_HELPERS", 0, DecodeHelpers::kMax,
                      "threads that decode for receivers which cannot keep up, in the order of "
                      "receipt; auto: half of the cores, less the receivers, at most 8",
                      SLIPSTREAM_AT(udp.front().decode_helpers)),
      text("schema", "time", "SCHEMA_TIME", "member with the event time",
           SLIPSTREAM_AT(schema.time)),
      text("schema", "track", "SCHEMA_TRACK", "member that says where; required",
           SLIPSTREAM_AT(schema.track)),
      text("schema", "chassis", "SCHEMA_CHASSIS", "member that says which machine; required",
           SLIPSTREAM_AT(schema.chassis)),
      text("schema", "lap", "SCHEMA_LAP", "member with the lap", SLIPSTREAM_AT(schema.lap)),
      text("schema", "sector", "SCHEMA_SECTOR", "member with the sector",
           SLIPSTREAM_AT(schema.sector)),
      text("schema", "sequence", "SEQUENCE", "member that numbers a machine's points; empty: none",
           SLIPSTREAM_AT(schema.sequence)),
      list("schema", "tags", "SCHEMA_TAGS",
           "members whose texts tell a machine's series apart (wheel, cpu ...)",
           SLIPSTREAM_AT(schema.tags)),
      integer("schema", "max_series_per_machine", "MAX_SERIES_PER_MACHINE", 1, 1'000'000,
              "series with tags of a machine within an hour",
              SLIPSTREAM_AT(schema.max_series_per_machine)),
      integer("schema", "future_skew_ms", "FUTURE_SKEW_MS", 0, kMaxInt / kNsPerSecond,
              "ms that an event time may be ahead of the server's clock",
              SLIPSTREAM_AT(schema.future_skew_ms)),
      integer("schema", "max_point_bytes", "MAX_POINT_BYTES", 64, 1 << 20, "bytes of a point",
              SLIPSTREAM_AT(schema.max_point_bytes)),
      csv_empty_setting(),
      integer("clocks", "watermark_ahead_ms", "WATERMARK_AHEAD_MS", 0, kMaxStampMs,
              "a stamp that is ahead of the server's clock by more ms is kept, and moves no "
              "watermark",
              SLIPSTREAM_AT(clocks.watermark_ahead_ms)),
      integer("clocks", "told_offset_ms", "CLOCK_TOLD_OFFSET_MS", 0, kMaxStampMs,
              "ms that a machine's clock may be off, by the median of arrival minus event time, "
              "before that is told; 0: never",
              SLIPSTREAM_AT(clocks.told_offset_ms)),
      integer("pipeline", "workers", "AGG_WORKERS", 1, 1'024,
              "threads that fold; at most the number of cores is used",
              SLIPSTREAM_AT(pipeline.workers)),
      integer("pipeline", "partitions", "PARTITIONS", 1, 4'096,
              "partitions, shared out among the workers", SLIPSTREAM_AT(pipeline.partitions)),
      integer("pipeline", "queue_batches", "QUEUE_BATCHES", 1, 1'000'000,
              "batches that may wait for a partition", SLIPSTREAM_AT(pipeline.queue_batches)),
      integer("pipeline", "queue_bytes", "QUEUE_BYTES", 1 << 16, kMaxInt,
              "bytes that may wait for a partition", SLIPSTREAM_AT(pipeline.queue_bytes)),
      integer("pipeline", "max_series", "MAX_SERIES", 16, 100'000'000,
              "series a partition remembers", SLIPSTREAM_AT(pipeline.max_series)),
      log_setting(),
      text("durability", "durability", "DURABILITY",
           "what an acknowledgement waits for: received, logged, fsynced or (redis) replicated",
           SLIPSTREAM_AT(durability.level), {"received", "logged", "fsynced", "replicated"}),
      integer("durability", "flush_interval_ms", "FLUSH_INTERVAL_MS", 0, 10'000,
              "ms between writes of the log, while points wait",
              SLIPSTREAM_AT(durability.flush_interval_ms)),
      integer("durability", "sync_interval_ms", "SYNC_INTERVAL_MS", 0, 2'000,
              "ms between syncs of the log that no acknowledgement waits for: what a power failure "
              "may cost of points by UDP, and how much later rollups of those come",
              SLIPSTREAM_AT(durability.sync_interval_ms)),
      integer("durability", "flush_bytes", "FLUSH_BYTES", 1 << 12, 1 << 30,
              "bytes of points that wait for the log before it is written and synced early",
              SLIPSTREAM_AT(durability.flush_bytes)),
      integer("durability", "max_backlog_bytes", "MAX_BACKLOG_BYTES", 1 << 20, kMaxInt,
              "bytes of points that may wait for the log; beyond, they are refused. More than that "
              "of one "
              "body are refused with 413",
              SLIPSTREAM_AT(durability.max_backlog_bytes)),
      integer("durability", "checkpoint_interval_ms", "CHECKPOINT_INTERVAL_MS", 10, 3'600'000,
              "ms between checkpoints of open windows: what a restart reads again",
              SLIPSTREAM_AT(durability.checkpoint_interval_ms)),
      integer("durability", "segment_bytes", "SEGMENT_BYTES", 1 << 16, kMaxInt,
              "bytes of one file of the log", SLIPSTREAM_AT(durability.segment_bytes)),
      integer("durability", "segment_minutes", "SEGMENT_MINUTES", 1, 1'000'000,
              "minutes after which the log begins another file",
              SLIPSTREAM_AT(durability.segment_minutes)),
      integer("durability", "log_retention_bytes", "LOG_RETENTION_BYTES", 0, kMaxInt,
              "bytes of the log that are kept; 0: all",
              SLIPSTREAM_AT(durability.log_retention_bytes)),
      integer("durability", "log_retention_hours", "LOG_RETENTION_HOURS", 0, 1'000'000,
              "hours that the log is kept; 0: for ever",
              SLIPSTREAM_AT(durability.log_retention_hours)),
      integer("durability", "pinned_max_bytes", "PINNED_MAX_BYTES", 0, kMaxInt,
              "bytes of the log that pinned sessions keep beyond its retention; 0: half of "
              "log_retention_bytes",
              SLIPSTREAM_AT(durability.pinned_max_bytes)),
      text("store", "data_dir", "DATA_DIR", "directory of the log and the store",
           SLIPSTREAM_AT(store.data_dir)),
      integer("store", "retention_hours", "RETENTION_HOURS", 0, 1'000'000,
              "hours that rollups are kept, by their last point's time; 0: for ever",
              SLIPSTREAM_AT(store.retention_hours)),
      integer("store", "retention_rollups", "RETENTION_ROLLUPS", 0, kMaxInt,
              "rollups that are kept; 0: any number", SLIPSTREAM_AT(store.retention_rollups)),
      window_hours_setting(),
      integer("store", "memory_rollups", "MEMORY_ROLLUPS", 1, 1'000'000,
              "newest rollups kept in memory, of each window that is not stored",
              SLIPSTREAM_AT(store.memory_rollups)),
      text(
          "redis", "url", "REDIS_URL",
          "redis://, rediss:// or unix:// of a server, or of some of a cluster's joined by commas; "
          "empty: no Redis",
          SLIPSTREAM_AT(redis.url)),
      text("redis", "telemetry_stream", "TELEMETRY_STREAM", "stream that points are read from",
           SLIPSTREAM_AT(redis.telemetry_stream)),
      text("redis", "aggregates_stream", "AGG_STREAM", "stream that rollups are written to",
           SLIPSTREAM_AT(redis.aggregates_stream)),
      integer("redis", "partitions", "STREAM_PARTITIONS", 1, 1'024,
              "streams that the points are spread over: NAME:{0}, NAME:{1} ...; 1: just NAME",
              SLIPSTREAM_AT(redis.partitions)),
      text("redis", "group", "INGEST_GROUP", "consumer group", SLIPSTREAM_AT(redis.group)),
      text("redis", "name", "INGEST_NAME",
           "consumer, another for each instance; empty: ingestor-<host>-<pid>",
           SLIPSTREAM_AT(redis.name)),
      text("redis", "from", "INGEST_FROM",
           "where a group that is missing begins: $ the end, 0 the beginning, or an entry's id",
           SLIPSTREAM_AT(redis.from)),
      flag("redis", "consume", "INGEST_CONSUME", "whether to read the streams, as one of the group",
           SLIPSTREAM_AT(redis.consume)),
      flag("redis", "follow", "INGEST_FOLLOW",
           "whether to read along what other instances own, for the clients here",
           SLIPSTREAM_AT(redis.follow)),
      integer("redis", "batch", "INGEST_BATCH", 1, 100'000, "entries a read, at rest",
              SLIPSTREAM_AT(redis.batch)),
      integer("redis", "max_batch", "INGEST_MAX_BATCH", 1, 100'000, "entries a read, under load",
              SLIPSTREAM_AT(redis.max_batch)),
      integer("redis", "block_ms", "INGEST_BLOCK_MS", 1, 10'000,
              "ms that a read waits for new entries", SLIPSTREAM_AT(redis.block_ms)),
      integer("redis", "claim_idle_ms", "CLAIM_IDLE_MS", 1'000, 86'400'000,
              "ms after which entries that a strange consumer left pending are claimed",
              SLIPSTREAM_AT(redis.claim_idle_ms)),
      integer("redis", "stream_maxlen", "STREAM_MAXLEN", 1'000, kMaxInt,
              "entries kept in each stream that is written to", SLIPSTREAM_AT(redis.stream_maxlen)),
      list("redis", "windows", "AGG_WINDOWS", "windows whose rollups are written",
           SLIPSTREAM_AT(redis.windows)),
      list("redis", "fields", "AGG_FIELDS", "fields of those rollups; none: every field",
           SLIPSTREAM_AT(redis.fields)),
      list("redis", "statistics", "AGG_STATISTICS",
           "statistics of each field, as \"avg\"; none: all that the window has",
           SLIPSTREAM_AT(redis.statistics)),
      integer("redis", "pipeline_size", "REDIS_PIPELINE_SIZE", 1, 10'000,
              "rollups of the embedded log written at once", SLIPSTREAM_AT(redis.pipeline_size)),
      integer("redis", "commit_interval_ms", "INGEST_COMMIT_MS", 1, 10'000,
              "ms between commits of a partition, under load",
              SLIPSTREAM_AT(redis.commit_interval_ms)),
      integer("redis", "lease_ms", "LEASE_MS", 500, 600'000,
              "ms after which the partitions of a silent instance are taken by others",
              SLIPSTREAM_AT(redis.lease_ms)),
      integer("redis", "pool", "REDIS_POOL", 1, 1'000,
              "connections for short commands; each partition has one of its own beside",
              SLIPSTREAM_AT(redis.pool)),
      integer("redis", "wait_replicas", "REDIS_WAIT_REPLICAS", 1, 100,
              "replicas that must have a point before durability \"replicated\" acknowledges it",
              SLIPSTREAM_AT(redis.wait_replicas)),
      text("redis", "ca_file", "REDIS_CA_FILE",
           "certificates (PEM) that rediss:// trusts; empty: the system's",
           SLIPSTREAM_AT(redis.ca_file)),
      text("redis", "certificate_file", "REDIS_CERTIFICATE_FILE",
           "our certificate (PEM), where the server asks for one",
           SLIPSTREAM_AT(redis.certificate_file)),
      text("redis", "key_file", "REDIS_KEY_FILE", "and its key (PEM)",
           SLIPSTREAM_AT(redis.key_file)),
      integer("broadcast", "batch_ms", "BATCH_MS", 50, 3'600'000, "ms between insight updates",
              SLIPSTREAM_AT(broadcast.batch_ms)),
      integer("broadcast", "batch_min_ms", "BATCH_MIN_MS", 0, 200,
              "ms between telemetry updates under light load; a tenth of it for up to 32 clients",
              SLIPSTREAM_AT(broadcast.batch_min_ms)),
      integer("broadcast", "ring_size", "RINGBUFFER_SIZE", 0, 100'000'000,
              "recent points kept for /api/recent", SLIPSTREAM_AT(broadcast.ring_size)),
      integer("broadcast", "batch_points", "BATCH_POINTS", 1, 100'000,
              "points that make a telemetry update full at rest; more under load",
              SLIPSTREAM_AT(broadcast.batch_points)),
      integer("broadcast", "batch_max_points", "BATCH_MAX_POINTS", 1, 100'000,
              "points of a telemetry update at most", SLIPSTREAM_AT(broadcast.batch_max_points)),
      integer("broadcast", "batch_max_ms", "BATCH_MAX_MS", 1, 10'000,
              "ms between telemetry updates at most, when clients are behind",
              SLIPSTREAM_AT(broadcast.batch_max_ms)),
      integer("broadcast", "once_buffer", "WS_ONCE_BUFFER", 65'536, kMaxInt,
              "bytes of rollups and answers unsent to a client before it is closed",
              SLIPSTREAM_AT(broadcast.max_event_bytes)),
      flag("broadcast", "deflate", "WS_DEFLATE", "whether WebSocket messages may be compressed",
           SLIPSTREAM_AT(broadcast.deflate)),
      flag("broadcast", "io_uring", "WS_IO_URING",
           "whether 64 clients or more are written to by io_uring, where the kernel allows it",
           SLIPSTREAM_AT(broadcast.io_uring)),
      text("racing", "track_sectors_path", "TRACK_SECTORS_PATH",
           "JSON file of the tracks' sectors; empty: built in",
           SLIPSTREAM_AT(racing.track_sectors_path)),
      integer("racing", "session_gap_minutes", "SESSION_GAP_MINUTES", 1, 100'000,
              "minutes without points of a track that end its session, where the source calls it "
              "nothing",
              SLIPSTREAM_AT(racing.session_gap_minutes)),
      text("racing", "latitude", "TRACK_LATITUDE",
           "field of a position's latitude, degrees; empty: VBOX_Lat_Min, lat or latitude",
           SLIPSTREAM_AT(racing.latitude)),
      text("racing", "longitude", "TRACK_LONGITUDE",
           "field of its longitude; empty: VBOX_Long_Minutes, lon or longitude",
           SLIPSTREAM_AT(racing.longitude)),
      text("demo", "data_path", "DEMO_DATA_PATH",
           "JSON file of points to play in the demo; empty: simulated cars",
           SLIPSTREAM_AT(demo.data_path)),
      integer("demo", "cars", "DEMO_CARS", 1, 1'000, "simulated cars", SLIPSTREAM_AT(demo.cars)),
      integer("demo", "seed", "DEMO_SEED", 0, kMaxInt, "the same seed gives the same race",
              SLIPSTREAM_AT(demo.seed)),
      text("log", "level", "LOG_LEVEL", "least level that is logged", SLIPSTREAM_AT(log.level),
           {"trace", "debug", "info", "warn", "error"}),
      text("log", "format", "LOG_FORMAT", "auto: text on a terminal, else JSON",
           SLIPSTREAM_AT(log.format), {"auto", "text", "json"}),
      integer("log", "metrics_interval_s", "METRICS_INTERVAL", 0, 86'400,
              "s between lines with the rates; 0: none", SLIPSTREAM_AT(log.metrics_interval_s)),
      text("tracing", "endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT",
           "http:// or https:// of an OpenTelemetry collector, which gets spans at /v1/traces; "
           "empty: nothing is traced",
           SLIPSTREAM_AT(tracing.endpoint)),
      text("tracing", "traces_endpoint", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
           "instead of it: the whole URL that spans are sent to",
           SLIPSTREAM_AT(tracing.traces_endpoint)),
      list("tracing", "headers", "OTEL_EXPORTER_OTLP_HEADERS",
           "headers for the collector (api-key=SECRET), percent-encoded",
           SLIPSTREAM_AT(tracing.headers)),
      text("tracing", "compression", "OTEL_EXPORTER_OTLP_COMPRESSION",
           "how what is sent there is packed", SLIPSTREAM_AT(tracing.compression),
           {"none", "gzip"}),
      integer("tracing", "timeout_ms", "OTEL_EXPORTER_OTLP_TIMEOUT", 1, 600'000,
              "ms that the collector may take for an answer", SLIPSTREAM_AT(tracing.timeout_ms)),
      text("tracing", "ca_file", "OTEL_EXPORTER_OTLP_CERTIFICATE",
           "certificates (PEM) that https:// to the collector trusts; empty: the system's",
           SLIPSTREAM_AT(tracing.ca_file)),
      text("tracing", "service_name", "OTEL_SERVICE_NAME",
           "what spans are of; empty: service.name of the attributes, else slipstream",
           SLIPSTREAM_AT(tracing.service_name)),
      list("tracing", "resource_attributes", "OTEL_RESOURCE_ATTRIBUTES",
           "attributes of all spans (deployment.environment=pits), percent-encoded",
           SLIPSTREAM_AT(tracing.resource_attributes)),
      text("tracing", "sampler", "OTEL_TRACES_SAMPLER",
           "always_on, always_off, traceidratio, or parentbased_ and one of these: which traces "
           "are recorded; empty: those whose parent is, and of what has no parent 1 in 10,000 "
           "batches, at most 10 a second",
           SLIPSTREAM_AT(tracing.sampler)),
      text("tracing", "sampler_arg", "OTEL_TRACES_SAMPLER_ARG",
           "the share of traces that traceidratio takes, from 0 to 1; empty: all",
           SLIPSTREAM_AT(tracing.sampler_argument)),
  };
}

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = make_settings();
  return all;
}

}  // namespace slipstream
