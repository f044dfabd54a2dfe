#include "net/http_guard.h"

#include <fmt/format.h>

#include "net/host_name.h"
#include "net/http_syntax.h"

namespace slipstream {
namespace {

constexpr std::string_view kAllowedHeaders =
    "Authorization, Content-Type, Content-Encoding, Idempotency-Key";
constexpr std::string_view kExposedHeaders =
    "Retry-After, Idempotency-Replayed, ETag, X-Next-Cursor";
constexpr std::string_view kPreflightSeconds = "600";
constexpr std::size_t kShownHostBytes = 100;

bool is_foreign(const HttpRequest& request) {
  const auto origin = request.header("Origin");
  return !origin.empty() && !OriginList::is_same(origin, request.header("Host"));
}

}  // namespace

bool HttpGuard::open(const Address& peer, Time now) {
  if (options_.trusted_proxies.contains(peer) || senders_.open(peer.sender(), now)) return true;
  stats_.address_full.add();
  return false;
}

void HttpGuard::close(const Address& peer, Time now) {
  if (!options_.trusted_proxies.contains(peer)) senders_.close(peer.sender(), now);
}

void HttpGuard::identify(HttpRequest& request, const Address& peer,
                         std::string_view token_parameter) const {
  request.address = client_of(request, peer).to_string();
  auto token = token_of_authorization(request.header("Authorization"));
  if (token.empty() && !token_parameter.empty()) {
    token = request.query_value(token_parameter).value_or("");
  }
  request.access = options_.tokens.access_of(token);
}

/// The nearest address that no trusted proxy has: what stands further left anybody can have put
/// there.
Address HttpGuard::client_of(const HttpRequest& request, const Address& peer) const {
  if (!options_.trusted_proxies.contains(peer)) return peer;
  Address client = peer;
  for (auto field = request.headers.rbegin(); field != request.headers.rend(); ++field) {
    if (!equal_ignoring_case(field->first, "X-Forwarded-For")) continue;
    std::string_view rest = field->second;
    while (!rest.empty()) {
      const auto comma = rest.rfind(',');
      const auto text = trim_ows(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(0, comma);
      const auto address = parse_address(std::string(text));
      if (!address) return client;
      client = *address;
      if (!options_.trusted_proxies.contains(client)) return client;
    }
  }
  return client;
}

std::optional<HttpResponse> HttpGuard::check_host(const HttpRequest& request) {
  // A page that has a token needs no name of ours.
  if (!options_.known_hosts_only || !request.access.token.empty()) return std::nullopt;
  const auto authority = request.header("Host");
  const auto host = host_name(authority);
  if (!is_domain_name(host) || options_.origins.has_host(host)) return std::nullopt;
  stats_.foreign_host.add();
  return error_response(
      421, fmt::format("the Host header says '{}', which is no name of this server: while it asks "
                       "for no token it answers to localhost, to addresses and to the hosts of "
                       "[security] origins (ORIGINS), so that no page of another site reads it by "
                       "a name bound to this machine",
                       authority.substr(0, kShownHostBytes)));
}

std::optional<HttpResponse> HttpGuard::check_origin(const HttpRequest& request,
                                                    const Router::Match& match) {
  if (!is_foreign(request)) return std::nullopt;
  if (!options_.origins.is_listed(request.header("Origin"))) {
    if (match.handler != nullptr && match.scope == Scope::kOpen) return std::nullopt;
    stats_.foreign_origin.add();
    return error_response(403, "pages of this origin may not use the server");
  }
  const bool is_preflight = request.method == "OPTIONS" && !match.allowed.empty() &&
                            !request.header("Access-Control-Request-Method").empty();
  if (!is_preflight) return std::nullopt;
  HttpResponse response{.status = 204};
  response.headers = {{"Access-Control-Allow-Methods", match.allowed},
                      {"Access-Control-Allow-Headers", std::string(kAllowedHeaders)},
                      {"Access-Control-Max-Age", std::string(kPreflightSeconds)}};
  return response;
}

void HttpGuard::add_origin(const HttpRequest& request, HttpResponse& response) const {
  if (!is_foreign(request) || !options_.origins.is_listed(request.header("Origin"))) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", request.header("Origin"));
  response.headers.emplace_back("Access-Control-Expose-Headers", kExposedHeaders);
  response.headers.emplace_back("Vary", "Origin");
}

Denial HttpGuard::judge(const HttpRequest& request, Scope scope, Time now) {
  const auto address = parse_address(request.address);
  if (!senders_.may_request(address.value_or(Address{}).sender(), now)) {
    stats_.rate_limited.add();
    return Denial::kRateLimited;
  }
  if (request.access.allows(scope)) return Denial::kNone;
  if (request.access.token.empty()) {
    stats_.no_token.add();
    return Denial::kNoToken;
  }
  stats_.wrong_scope.add();
  return Denial::kWrongScope;
}

unsigned denial_status(Denial denial) {
  return denial == Denial::kRateLimited ? 429 : denial == Denial::kWrongScope ? 403 : 401;
}

std::string_view denial_message(Denial denial) {
  switch (denial) {
    case Denial::kRateLimited:
      return "too many requests a second from this address";
    case Denial::kWrongScope:
      return "the token does not allow this";
    default:
      return "a token is needed: Authorization: Bearer TOKEN";
  }
}

void add_denial_headers(Denial denial, HttpResponse& response) {
  if (denial == Denial::kNoToken) {
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"slipstream\"");
  } else if (denial == Denial::kRateLimited) {
    response.headers.emplace_back("Retry-After", "1");
  }
}

HttpResponse denial_response(Denial denial) {
  auto response = error_response(denial_status(denial), denial_message(denial));
  add_denial_headers(denial, response);
  return response;
}

}  // namespace slipstream
