#pragma once
#include <optional>
#include <string>

#include "base/counters.h"
#include "net/access.h"
#include "net/address_list.h"
#include "net/http.h"
#include "net/origin_list.h"
#include "net/router.h"
#include "net/sender_table.h"
#include "net/token_table.h"

namespace slipstream {

struct HttpGuardOptions {
  TokenTable tokens = {};
  OriginList origins = {};
  AddressList trusted_proxies = {};  ///< whose X-Forwarded-For is believed
  SenderLimits limits = {};
  /// Whether requests may name this machine by a domain name only where it is the host of a listed
  /// origin. A page of another site whose name was bound anew to this machine cannot.
  bool known_hosts_only = false;
};

/// What was turned away at the door. Any thread.
struct HttpGuardStats {
  Counter no_token;           ///< 401
  Counter wrong_scope;        ///< 403
  Counter foreign_origin;     ///< 403
  Counter foreign_host;       ///< 421
  Counter rate_limited;       ///< 429
  Counter server_full;        ///< connections: there were max_connections
  Counter address_full;       ///< connections: their address had as many as it may
  Counter no_descriptors;     ///< connections: the process had no file descriptor left for them
  Counter made_room;          ///< connections closed while they waited, for new ones
  Counter timeouts;           ///< connections too slow with a head, a body or an answer
  Counter answers_broken;     ///< connections reset, since the rest of an answer was not to be had
  Counter handshakes_failed;  ///< TLS
};

/// Judges connections and requests before anything is spent on them: by address, host, origin,
/// rate and token, in that order. One thread, but for stats().
class HttpGuard {
 public:
  using Time = SenderTable::Time;

  explicit HttpGuard(HttpGuardOptions options)
      : options_(std::move(options)), senders_(options_.limits) {}

  /// Whether a connection from there may be; close() gives back what was taken.
  bool open(const Address& peer, Time now);
  void close(const Address& peer, Time now);

  /// Sets the request's address and access. Where it has no Authorization, the query parameter
  /// `token_parameter` may show its token; empty: none may.
  void identify(HttpRequest& request, const Address& peer, std::string_view token_parameter) const;
  /// Nothing, or the answer to a request for a host that is not known.
  std::optional<HttpResponse> check_host(const HttpRequest& request);
  /// Nothing, or the answer: to a page of a foreign origin, or to a browser's question whether a
  /// page may (preflight).
  std::optional<HttpResponse> check_origin(const HttpRequest& request, const Router::Match& match);
  /// What of `response` depends on the origin: that its page may read it.
  void add_origin(const HttpRequest& request, HttpResponse& response) const;
  /// Whether the request is denied, and counts it.
  Denial judge(const HttpRequest& request, Scope scope, Time now);

  HttpGuardStats& stats() { return stats_; }
  const HttpGuardStats& stats() const { return stats_; }

 private:
  Address client_of(const HttpRequest& request, const Address& peer) const;

  const HttpGuardOptions options_;
  SenderTable senders_;
  HttpGuardStats stats_;
};

/// What a denial says where the handler says nothing of its own.
HttpResponse denial_response(Denial denial);
/// Its status, and in words what is wrong.
unsigned denial_status(Denial denial);
std::string_view denial_message(Denial denial);
/// Adds the headers that go with its status.
void add_denial_headers(Denial denial, HttpResponse& response);

}  // namespace slipstream
