#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace slipstream {

/// Each runs a subcommand and returns the exit code.

struct ServeOptions {
  std::string config_file = {};  ///< empty: ./slipstream.toml where there is one
  std::string log_format = {};   ///< empty: as configured
  std::string listen = {};       ///< address of HTTP and WebSocket; empty: as configured
  bool check_only = false;
};
int run_serve(const ServeOptions& options);

struct DemoOptions {
  ServeOptions serve;
  std::string data_dir = {};  ///< empty: beside the configured one, its name with "-demo"
  std::optional<std::uint32_t> cars;
  std::optional<std::uint64_t> seed;
  std::string as = {};  ///< "f1" or "forza": as that game sends; empty: JSON
};
int run_demo(const DemoOptions& options);

int run_check(const std::string& file);

struct ReplayOptions {
  std::string source;  ///< a file; a data directory, or its log folder; redis://...
  std::string to;
  std::string speed = "1";       ///< a factor, or "max"
  std::string check = {};        ///< by UDP: http://HOST:PORT of the server; empty: nobody is asked
  std::string track = {};        ///< for exports that do not name it
  std::string token = {};        ///< for an HTTP server that asks for one
  std::string config_file = {};  ///< of a session or stream: what its members are called
  std::string from = "0";        ///< of a stream: an entry's id
  std::uint32_t partitions = 1;  ///< of a stream
  std::optional<std::uint16_t> port = {};  ///< of a capture: only what was sent there
};
int run_replay(ReplayOptions options);

struct ForwardOptions {
  std::string config_file = {};  ///< what members are called, and where the data is
  std::string data_dir = {};     ///< empty: as configured
  std::string to;                ///< http://... or https://...
  std::string token = {};
  std::string ca_file = {};
  bool compress = false;
  bool once = false;
  bool only_new = false;
};
int run_forward(const ForwardOptions& options);

struct ExportOptions {
  std::string config_file = {};
  std::string data_dir = {};  ///< empty: as configured
  std::string from = {};
  std::string to = {};
  std::string format = "ndjson";  ///< or "csv", "mcap", "motec"
  std::string what = "points";    ///< or "rollups"
  std::string chassis = {};
  std::string track = {};
  std::vector<std::string> tags = {};  ///< NAME=VALUE
  std::string window = {};
  std::string lap = {};      ///< its id: of this lap only
  std::string session = {};  ///< its id: of this session only
  std::string output = {};   ///< empty: stdout
  bool resume = false;       ///< the output goes on behind what it holds
  bool raw = false;          ///< CSV: texts that a spreadsheet would run stay as they are
};
int run_export(const ExportOptions& options);

int run_log_info(const std::string& directory);
int run_log_verify(const std::string& directory);

int run_store_check(const std::string& directory);
int run_store_rebuild(const std::string& directory, const std::string& config_file);

}  // namespace slipstream
