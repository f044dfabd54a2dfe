#include "app/access_setup.h"

#include <fmt/format.h>

#include <boost/asio/ip/address.hpp>

#include "net/tls_context.h"
#include "ops/logging.h"

namespace slipstream {
namespace {

constexpr std::size_t kShortToken = 16;
constexpr int kSoonDays = 14;

TokenTable tokens_of(const Config& config) {
  TokenTable table;
  for (const auto& token : all_tokens(config.security)) {
    const auto digest =
        token.sha256.empty() ? digest_of_token(token.token) : parse_token_digest(token.sha256);
    if (!digest) continue;  // the configuration was not checked
    table.add({.name = token.name,
               .digest = *digest,
               .read = token.read,
               .write = token.write,
               .admin = token.admin});
  }
  return table;
}

void warn_exposed(const Config& config, const Access& everybody) {
  if (is_loopback(config.server.listen) || (!everybody.read && !everybody.write)) return;
  log_warn(fmt::format("whoever can reach {} may {}{}{} without a token: set API_TOKEN_READ and "
                       "API_TOKEN_WRITE, or listen on 127.0.0.1",
                       config.server.listen, everybody.read ? "see everything" : "",
                       everybody.read && everybody.write ? " and " : "",
                       everybody.write ? "send points" : ""),
           {{"listen", config.server.listen}, {"port", std::to_string(config.server.port)}});
}

}  // namespace

bool is_loopback(const std::string& listen) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(listen, error);
  return !error && address.is_loopback();
}

std::vector<ConfigFault> check_access_settings(const Config& config) {
  std::vector<ConfigFault> faults;
  const auto& security = config.security;
  if (const auto origins = OriginList::parse(security.origins); !origins) {
    faults.push_back({"[security] origins", origins.error().message});
  }
  if (const auto proxies = AddressList::parse(security.trusted_proxies); !proxies) {
    faults.push_back({"[security] trusted_proxies", proxies.error().message});
  }
  if (!security.tls_certificate.empty() && !security.tls_key.empty()) {
    if (const auto tls = TlsContext::load(security.tls_certificate, security.tls_key); !tls) {
      faults.push_back({"[security] tls_certificate, tls_key", tls.error().message});
    }
  }
  return faults;
}

Result<HttpServerOptions> http_server_options(const Config& config) {
  const auto& security = config.security;
  auto origins = OriginList::parse(security.origins);
  if (!origins) return std::unexpected(origins.error());
  auto proxies = AddressList::parse(security.trusted_proxies);
  if (!proxies) return std::unexpected(proxies.error());
  HttpServerOptions options{
      .listen = config.server.listen,
      .port = config.server.port,
      .max_body_bytes = config.server.max_body_bytes,
      .max_connections = config.server.max_connections,
      .header_timeout_ms = security.header_timeout_ms,
      .keep_alive_timeout_ms = security.keep_alive_timeout_ms,
      .body_timeout_ms = security.body_timeout_ms,
      .min_bytes_per_second = security.min_bytes_per_second,
      .guard = {.tokens = tokens_of(config),
                .origins = std::move(*origins),
                .trusted_proxies = std::move(*proxies),
                .limits = {.connections = security.max_connections_per_address,
                           .requests_per_second = security.requests_per_second}},
      .ws_deflate = config.broadcast.deflate};
  options.guard.known_hosts_only = is_loopback(config.server.listen) &&
                                   options.guard.tokens.everybody().read &&
                                   security.trusted_proxies.empty();
  if (!security.tls_certificate.empty()) {
    auto tls = TlsContext::load(security.tls_certificate, security.tls_key);
    if (!tls) return std::unexpected(tls.error());
    options.tls = std::move(*tls);
  }
  return options;
}

void report_access(const Config& config, const HttpServerOptions& options) {
  const auto& everybody = options.guard.tokens.everybody();
  warn_exposed(config, everybody);
  for (const auto& token : all_tokens(config.security)) {
    if (token.sha256.empty() && token.token.size() < kShortToken) {
      log_warn(fmt::format("a token of fewer than {} characters can be guessed", kShortToken),
               {{"token", token.name}});
    }
  }
  if (options.tls && options.tls->days_left() < kSoonDays) {
    log_warn(options.tls->days_left() < 0 ? "the certificate has expired"
                                          : "the certificate expires soon",
             {{"file", config.security.tls_certificate.string()},
              {"days_left", std::to_string(options.tls->days_left())}});
  }
  log_info("access", {{"tls", options.tls ? "yes" : "no"},
                      {"read", everybody.read ? "everybody" : "by token"},
                      {"write", everybody.write ? "everybody" : "by token"}});
}

void report_budget(const Config& config, const ConnectionBudget& budget) {
  if (!budget.is_lower_than_asked) return;
  log_warn(
      "fewer connections than [server] max_connections can be open: the limit of open files "
      "(ulimit -n, LimitNOFILE=) leaves room for no more",
      {{"connections", std::to_string(budget.connections)},
       {"max_connections", std::to_string(config.server.max_connections)},
       {"open_files_limit", std::to_string(budget.limit)},
       {"reserve", std::to_string(budget.reserve)}});
}

}  // namespace slipstream
