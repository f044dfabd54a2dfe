#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/counters.h"
#include "base/error.h"
#include "net/http.h"
#include "net/http_guard.h"
#include "net/io_thread.h"
#include "net/tls_context.h"
#include "net/ws_session.h"

namespace slipstream {

struct HttpServerOptions {
  std::string listen = "127.0.0.1";
  std::uint16_t port = 8081;  ///< 0: a free one
  std::size_t max_body_bytes = std::size_t{16} << 20;
  std::size_t max_bodies_bytes = std::size_t{512} << 20;  ///< of all requests being read: 503
  std::uint32_t max_connections = 4'096;                  ///< WebSockets included
  std::uint32_t max_turned_away = 64;           ///< besides: that linger after they were told 503
  std::int64_t header_timeout_ms = 10'000;      ///< for the TLS handshake and a request's head
  std::int64_t keep_alive_timeout_ms = 60'000;  ///< for the next request to begin
  std::int64_t body_timeout_ms = 20'000;       ///< for a body, or an answer to be read, and besides
  std::uint32_t min_bytes_per_second = 4'096;  ///< as long as its bytes take at this rate
  std::int64_t linger_ms = 2'000;  ///< for reading what a client still sends behind its last answer
  HttpGuardOptions guard = {};
  std::shared_ptr<const TlsContext> tls = nullptr;  ///< nullptr: plain HTTP
  std::int64_t ws_ping_ms = 20'000;
  std::int64_t ws_silence_ms = 60'000;
  bool ws_deflate = true;  ///< offer permessage-deflate
  std::string server_name = "slipstream";
};

/// HTTP/1.1 and WebSocket on one port: keep-alive, pipelining in order, Expect: 100-continue. A
/// body over the limit is 413, an unknown path 404, a known path with another method 405 with
/// Allow, each a JSON error. Requests are judged by HttpGuard first. Where there are as many
/// connections as may be, the one that has waited longest for a request makes room; where none
/// waits, the new one is answered 503. So it is where the process has no descriptor left, by one
/// that is kept in reserve: nobody hangs unanswered. Threads: routes are added before start();
/// everything else runs on the I/O thread.
class HttpServer {
 public:
  /// Binds and listens; connections are served once start() was called.
  static Result<std::unique_ptr<HttpServer>> open(IoThread& io, HttpServerOptions options);
  ~HttpServer();

  /// `pattern` is a path whose segments may be `:name`. GET serves HEAD too.
  void route(std::string method, std::string pattern, HttpHandler handler,
             RouteOptions options = {});
  /// Upgrades on `path` become sessions. The handler installs callbacks; it may keep the session.
  /// `subprotocol`: what is spoken there, which clients have to offer; empty: they may offer any.
  void websocket(std::string path, std::function<void(std::shared_ptr<WsSession>)> on_open,
                 std::string subprotocol = {});

  /// All that was added.
  std::vector<RouteInfo> route_infos() const;

  void start();
  /// Closes the listener, idle connections at once, busy ones when their answer is out. Any thread.
  void stop_accepting();
  /// For connections from now on; those that are open go on with what they began with. Any thread.
  void use_certificate(std::shared_ptr<const TlsContext> tls);
  std::uint16_t port() const;
  const Gauge& connections() const;
  /// Whether there are as many connections as may be, and none that would make room. I/O thread.
  bool is_full() const;
  /// Whether the process has no descriptor for a connection, beyond those it may have. Any thread.
  bool is_starved() const;
  const HttpGuardStats& guard_stats() const;

 private:
  struct Impl;
  explicit HttpServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace slipstream
