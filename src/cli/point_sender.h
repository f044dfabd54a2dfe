#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/redis_stream.h"

namespace slipstream {

class UdpDatagrams;

/// Where a replay's points go. One thread.
class PointSender {
 public:
  using Time = std::chrono::steady_clock::time_point;

  virtual ~PointSender() = default;
  virtual Result<void> send(std::string_view json) = 0;
  /// A mark, in its place among the points.
  virtual Result<void> send_mark(std::string_view json) { return send(json); }
  /// When flush() is due though no more points come; max(): never.
  virtual Time flush_due() const { return Time::max(); }
  virtual Result<void> flush() { return {}; }
  /// Points given to send() that nobody has taken so far.
  virtual std::uint64_t waiting() const { return 0; }
  /// Points that whoever gets them said were not taken, and why the first was not.
  virtual std::uint64_t refused() const { return 0; }
  virtual std::string first_refusal() const { return {}; }
  /// What else is to be said once all are sent; empty: nothing.
  virtual std::string outcome() const { return {}; }
};

/// From udp://HOST:PORT, http://HOST:PORT, ws://HOST:PORT[/PATH], or a Redis stream's URL.
struct ReplayTarget {
  enum class Scheme { kUdp, kHttp, kWs, kRedis };
  Scheme scheme = Scheme::kUdp;
  std::string text;  ///< for people, without secrets
  std::string host;
  std::uint16_t port = 0;
  std::string path = {};                     ///< kWs
  std::optional<RedisStreamUrl> redis = {};  ///< kRedis: all the rest is in here

  static Result<ReplayTarget> parse(std::string_view url);
};

/// `token`: for a server that asks for one, by HTTP or WebSocket. `redis`: for TLS. `check`: by
/// UDP, the server that is asked what came; nullptr: none.
Result<std::unique_ptr<PointSender>> open_sender(const ReplayTarget& target,
                                                 const std::string& token,
                                                 const Config::Redis& redis,
                                                 const ReplayTarget* check = nullptr);
/// For datagrams as they were captured; `target` is one by UDP.
Result<std::unique_ptr<UdpDatagrams>> open_datagrams(const ReplayTarget& target,
                                                     const std::string& token,
                                                     const ReplayTarget* check = nullptr);

}  // namespace slipstream
