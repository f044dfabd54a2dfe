#pragma once
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "net/http_guard.h"
#include "net/http_server.h"
#include "net/router.h"
#include "net/tls_context.h"

namespace slipstream {

class HttpConnection;

/// What connections need of their server. I/O thread only, but for counters.
struct HttpService {
  explicit HttpService(HttpServerOptions given)
      : options(std::move(given)), guard(std::move(options.guard)), tls(options.tls) {}

  /// A connection from there is over.
  void release_connection(const Address& peer) {
    connections.add(-1);
    guard.close(peer, std::chrono::steady_clock::now());
  }

  HttpServerOptions options;
  HttpGuard guard;
  std::shared_ptr<const TlsContext> tls;  ///< of connections to come; nullptr: plain ones
  Router router;
  struct WebSocketPath {
    std::string subprotocol;  ///< empty: none is agreed on
    std::function<void(std::shared_ptr<WsSession>)> on_open;
  };
  std::map<std::string, WebSocketPath, std::less<>> websockets;  ///< by path
  Gauge connections;
  std::list<HttpConnection*> waiting;  ///< for a whole head; the one that waits longest first
  std::size_t turned_away = 0;         ///< connections that linger, without a place
  std::size_t body_bytes = 0;          ///< held by requests whose bodies are being read
  bool stopping = false;               ///< answers say Connection: close
};

}  // namespace slipstream
