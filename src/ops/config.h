#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "alert/alert_rule.h"
#include "base/error.h"
#include "game/acc_client.h"
#include "game/gt7_client.h"
#include "game/packed_format.h"
#include "model/schema.h"
#include "output/output_kinds.h"
#include "output/webhook.h"
#include "source/relay_options.h"
#include "window/definition.h"

namespace slipstream {

/// All settings, with their defaults. Units are in the names. What each is called in the file and
/// in the environment stands in one table, settings.cc; docs/configuration.md lists them. A default
/// stands once: here, or where a room's own options have it, there, from where config_defaults.cc
/// takes it into the members that have none below.
struct Config {
  struct Server {
    Server();

    std::string listen;  ///< HTTP and WebSocket
    std::uint16_t port;  ///< 0: a free one
    std::string ws_path = "/ws/realtime";
    std::size_t max_ws_buffer_bytes;
    std::uint32_t max_connections;
    std::size_t max_body_bytes;
    std::uint32_t http_points_per_second;  ///< per address; 0: no limit
    bool csv_raw = false;                  ///< texts go out as they are, formulas too
  } server;
  struct Security {
    Security();

    struct Token {
      std::string name;    ///< for the log
      std::string token;   ///< never logged
      std::string sha256;  ///< of the token, in hex: instead of it
      bool read = false;   ///< what it grants
      bool write = false;
      bool admin = false;
    };
    std::vector<Token> tokens;
    std::string read_token;  ///< one of each kind, for those who need no file; empty: none
    std::string write_token;
    std::string admin_token;
    bool protect_metrics = false;              ///< /metrics asks for admin, not for read
    std::vector<std::string> origins;          ///< of other sites that may use the API
    std::vector<std::string> trusted_proxies;  ///< networks whose X-Forwarded-For is believed
    std::filesystem::path tls_certificate;     ///< PEM; empty: no TLS
    std::filesystem::path tls_key;             ///< PEM
    std::uint32_t max_connections_per_address = 1'024;  ///< 0: any number
    std::uint32_t requests_per_second = 0;              ///< per address; 0: no limit
    std::int64_t header_timeout_ms;
    std::int64_t keep_alive_timeout_ms;
    std::int64_t body_timeout_ms;
    std::uint32_t min_bytes_per_second;
  } security;
  struct UdpSource {
    UdpSource();

    bool enabled = true;
    std::string host;    ///< empty: all addresses, IPv4 and IPv6
    std::uint16_t port;  ///< 0: a free one
    std::size_t receive_buffer_bytes;
    std::vector<std::string> allow;                    ///< networks; empty: everybody
    std::uint32_t points_per_second;                   ///< per address; 0: no limit
    std::string decoder;                               ///< the name of a codec's decoder
    std::optional<std::uint32_t> receivers = {};       ///< of a loaded one never none
    std::optional<std::uint32_t> decode_helpers = {};  ///< likewise
    std::vector<RelayTargetOptions> forward = {};      ///< whom all that comes is sent on to
  };
  /// Never empty: the first is what [udp] and UDP_PORT say, further ones are [[udp]] tables.
  std::vector<UdpSource> udp = std::vector<UdpSource>(1);
  /// Games that are asked for what they send: tables [[gt7]] and [[acc]].
  std::vector<game::Gt7ClientOptions> gt7;
  std::vector<game::AccClientOptions> acc;
  /// Packed datagrams of one's own: tables [[format]]. Those of one name are one decoder.
  std::vector<game::PackedFormat> formats;
  SchemaOptions schema;
  /// Senders' clocks.
  struct Clocks {
    std::int64_t watermark_ahead_ms = WindowDefinition::kAheadMs;  ///< of all windows
    std::int64_t told_offset_ms = 30'000;                          ///< 0: none is told
  } clocks;
  struct Pipeline {
    Pipeline();

    std::uint32_t workers = 4;  ///< at most the number of cores
    std::uint32_t partitions = 8;
    std::size_t queue_batches;  ///< a partition
    std::size_t queue_bytes;    ///< a partition
    std::uint32_t max_series;   ///< a partition
  } pipeline;
  struct Durability {
    Durability();

    std::string log = "segments";   ///< where points are kept before they are folded: none, redis
    std::string level = "fsynced";  ///< what an acknowledgement waits for, unless it says another
    std::int64_t flush_interval_ms;
    std::int64_t sync_interval_ms;
    std::size_t flush_bytes;
    std::size_t max_backlog_bytes;
    std::int64_t checkpoint_interval_ms;
    std::size_t segment_bytes;
    std::int64_t segment_minutes = 60;
    std::size_t log_retention_bytes = std::size_t{16} << 30;  ///< 0: any size
    std::int64_t log_retention_hours = 168;                   ///< 0: for ever
    std::size_t pinned_max_bytes = 0;  ///< of segments kept for pinned sessions; 0: see below
    /// Half of log_retention_bytes where nothing else is said; where that is any size, any size.
    std::uint64_t pinned_limit() const;
  } durability;
  bool has_segment_log() const { return durability.log == "segments"; }
  bool has_redis_log() const { return durability.log == "redis"; }
  std::vector<WindowDefinition> windows;  ///< default_windows() unless [[window]] tables say others
  struct Store {
    Store();

    std::filesystem::path data_dir = "data";
    std::int64_t retention_hours;                                     ///< 0: for ever
    std::uint64_t retention_rollups;                                  ///< 0: any number
    std::map<std::string, std::int64_t> window_retention_hours = {};  ///< before the store's own
    std::uint32_t memory_rollups = 5'000;  ///< newest kept, of a window that is not stored
  } store;
  struct Redis {
    Redis();

    std::string url;  ///< empty: no Redis
    std::string telemetry_stream = "telemetry.stream";
    std::string aggregates_stream = "aggregates.stream";
    std::uint32_t partitions;
    std::string group = "ingestors";
    std::string name;        ///< consumer; empty: ingestor-<host>-<pid>
    std::string from = "$";  ///< where a new group begins
    bool consume;            ///< read the streams, as one of the group
    bool follow;             ///< read along what other instances of the group own
    std::uint32_t batch = 500;
    std::uint32_t max_batch = 8'000;
    std::int64_t block_ms;
    std::int64_t claim_idle_ms = 30'000;
    std::uint64_t stream_maxlen;
    std::vector<std::string> windows = {"bucket"};  ///< whose rollups go to the aggregates
    std::vector<std::string> fields;                ///< of those rollups; empty: all
    std::vector<std::string> statistics;            ///< likewise
    std::uint32_t pipeline_size;
    std::int64_t commit_interval_ms;
    std::int64_t lease_ms = 5'000;
    std::uint32_t pool;
    std::uint32_t wait_replicas = 1;  ///< that durability "replicated" waits for
    std::string ca_file;              ///< of rediss://; empty: the system's authorities
    std::string certificate_file;
    std::string key_file;
  } redis;
  std::vector<OutputSettings> outputs;    ///< what gets closed windows beside Redis
  std::vector<AlertRule> alerts;          ///< tables [[alert]]
  std::vector<WebhookSettings> webhooks;  ///< tables [[webhook]]
  struct Broadcast {
    Broadcast();

    std::int64_t batch_ms;         ///< insights
    std::int64_t batch_min_ms;     ///< telemetry batches are no closer than this
    std::uint32_t ring_size;       ///< recent points kept
    std::size_t batch_points;      ///< a full telemetry batch at rest ...
    std::size_t batch_max_points;  ///< ... and under load
    std::int64_t batch_max_ms;     ///< no point waits longer
    std::size_t max_event_bytes;   ///< unsent to a client, of what happens once
    bool io_uring;                 ///< write to many clients by it, where the kernel lets us
    bool deflate;                  ///< offer permessage-deflate
  } broadcast;
  struct Racing {
    Racing();

    std::filesystem::path track_sectors_path;  ///< empty: equal thirds of 5,000 m
    std::int64_t session_gap_minutes;          ///< a pause that ends a session
    std::int64_t session_gap_ns() const { return session_gap_minutes * 60 * kNsPerSecond; }
    /// The fields of a position, degrees; both or neither: those that are usual.
    std::string latitude = {};
    std::string longitude = {};
  } racing;
  struct Demo {
    Demo();

    std::filesystem::path
        data_path;  ///< a JSON file of points to play instead of the simulated field
    std::uint32_t cars;
    std::uint64_t seed;
  } demo;
  struct Log {
    std::string level = "info";            ///< trace, debug, info, warn, error
    std::string format = "auto";           ///< auto (text on a terminal), text, json
    std::int64_t metrics_interval_s = 60;  ///< 0: no periodic line
  } log;
  /// Spans, as OpenTelemetry's variables say it; what its parts take of it: ops/tracing_settings.h.
  struct Tracing {
    std::string endpoint;              ///< of a collector; empty: there is none
    std::string traces_endpoint;       ///< instead of it, with its path
    std::vector<std::string> headers;  ///< NAME=VALUE, never logged
    std::string compression = "none";
    std::int64_t timeout_ms = 10'000;  ///< of an export
    std::string ca_file;               ///< of https://; empty: the system's authorities
    std::string service_name;          ///< empty: what the attributes say, or slipstream
    std::vector<std::string> resource_attributes;  ///< NAME=VALUE
    std::string sampler;                           ///< empty: SamplerOptions{}
    std::string sampler_argument;
  } tracing;
  /// Where what is no default was set: "[server] port" to "slipstream.toml:12" or "environment
  /// variable PORT".
  std::map<std::string, std::string> origins;
  /// That, for the beginning of a message: "slipstream.toml:12: "; empty: a default.
  std::string before(const std::string& where) const {
    const auto origin = origins.find(where);
    return origin == origins.end() ? std::string() : origin->second + ": ";
  }
};

/// All tokens, those that have a setting of their own as well.
std::vector<Config::Security::Token> all_tokens(const Config::Security& security);

/// What a UDP source is called in messages: "[udp]" the first, "[[udp]] number 2" ...
std::string udp_section(std::size_t number);

/// One thing wrong with a configuration: where, what, and what was expected.
struct ConfigFault {
  std::string where;  ///< "slipstream.toml:12", "environment variable PORT"
  std::string message;
};
/// A fault of the setting that `where` names ("[server] port"), with the place where it was set.
ConfigFault located(const Config& config, const ConfigFault& fault);

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
/// The process's own.
Environment process_environment();

/// Reads `file` (no value: defaults and environment only), then the environment, which wins. All
/// faults are named at once. After that the window "bucket" takes FLUSH_THRESHOLD and
/// BUCKET_IDLE_MS, the file's own one too where it counts; and all take WATERMARK_AHEAD_MS.
std::expected<Config, std::vector<ConfigFault>> load_config(
    const std::optional<std::filesystem::path>& file, const Environment& environment);

}  // namespace slipstream
