#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/component.h"
#include "model/ingest_stats.h"

namespace slipstream {
class Topology;
}  // namespace slipstream

namespace slipstream::harness {

/// How long a test waits for what is to come. It is there only so that a test ends: the machine may
/// be slow, and busy with others.
inline constexpr std::chrono::seconds kPatience{60};

/// The windows of the default configuration, but that silence closes none. For tests that say which
/// rollups there are: however long the machine stands still, a window is not over for that.
inline constexpr const char* kWithoutIdleness = R"(
[[window]]
name = "bucket"
key = ["lap", "sector"]
count = 10
change = true
idle_ms = 0
[[window]]
name = "sector"
key = ["lap", "sector"]
change = true
idle_ms = 0
stored = true
[[window]]
name = "second"
every_ms = 1000
idle_ms = 0
stored = true
)";

/// A directory of its own, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A whole server in this process, on free ports of loopback.
class Server {
 public:
  /// `environment`: settings by their names in the environment; `file`: a configuration's text.
  explicit Server(std::initializer_list<std::pair<const std::string, std::string>> environment = {},
                  const std::string& file = "");
  explicit Server(std::map<std::string, std::string> environment, const std::string& file = "");
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  std::uint16_t udp_port() const;
  const std::filesystem::path& directory() const { return directory_.path(); }
  /// One of its components, seen from inside.
  template <typename Kind>
  const Kind& component() const {
    return components().template get<Kind>();
  }
  const ComponentList& components() const;
  const IngestStats& ingest() const;
  void reload();
  /// As Topology::stop(): false where something that was taken is given up.
  bool stop();

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<Topology> topology_;
};

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
  std::map<std::string, std::string> headers;  ///< names in lower case
};
using Headers = std::vector<std::pair<std::string, std::string>>;
HttpAnswer http(std::uint16_t port, const std::string& method, const std::string& target,
                const std::string& body = "", const Headers& headers = {});

/// A WebSocket client that reads when asked.
class WebSocketClient {
 public:
  WebSocketClient(std::uint16_t port, const std::string& path);
  ~WebSocketClient();
  /// The next text message; nothing when none came in time.
  std::optional<std::string> read(std::chrono::milliseconds limit = kPatience);
  /// Reads until a message holds `text`; fails the test when none does.
  std::string read_until(const std::string& text);
  void send(const std::string& text);
  /// The code of the close frame that ended the connection; 0: none came in time.
  unsigned closed_with();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Tries until `condition` holds; false when it did not within the limit.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds limit = kPatience);

/// How many rollups of a window there are, up to 1,000, stored or in memory.
std::size_t rollups_of(std::uint16_t port, const std::string& window);

/// The value of one sample of /metrics, named with its labels; 0 where it is not there.
double metric(std::uint16_t port, const std::string& sample);

/// Where recordings for tests are (SLIPSTREAM_TEST_DATA), or nothing.
std::optional<std::filesystem::path> test_data(const std::string& file);

}  // namespace slipstream::harness
