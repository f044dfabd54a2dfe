#include "app/http_component.h"

#include <fmt/format.h>

#include "app/access_setup.h"
#include "app/api.h"
#include "base/descriptors.h"
#include "net/tls_context.h"
#include "ops/logging.h"

namespace slipstream {
namespace {

void add_access(MetricsPage& page, const HttpGuardStats& guard) {
  for (const auto& [reason, counter] :
       {std::pair{"no_token", &guard.no_token}, std::pair{"wrong_scope", &guard.wrong_scope},
        std::pair{"foreign_origin", &guard.foreign_origin},
        std::pair{"foreign_host", &guard.foreign_host},
        std::pair{"rate_limited", &guard.rate_limited}}) {
    page.counter("http_requests_denied_total", "Requests turned away by their head",
                 real(counter->value()), {{"reason", reason}});
  }
  for (const auto& [reason, counter] :
       {std::pair{"server_full", &guard.server_full},
        std::pair{"no_descriptors", &guard.no_descriptors},
        std::pair{"address_full", &guard.address_full}, std::pair{"made_room", &guard.made_room},
        std::pair{"timeout", &guard.timeouts}, std::pair{"answer_broken", &guard.answers_broken},
        std::pair{"handshake_failed", &guard.handshakes_failed}}) {
    page.counter("http_connections_dropped_total", "Connections turned away or cut off",
                 real(counter->value()), {{"reason", reason}});
  }
}

}  // namespace

Result<std::unique_ptr<HttpComponent>> HttpComponent::open(const Config& config,
                                                           const ConnectionBudget& budget,
                                                           IoThread& io,
                                                           const ComponentList& components) {
  std::unique_ptr<HttpComponent> component(new HttpComponent(config, budget));
  auto options = http_server_options(config);
  if (!options) return std::unexpected(options.error());
  options->max_connections = budget.connections;
  options->max_turned_away = budget.turned_away;
  report_access(config, *options);
  report_budget(config, budget);
  auto http = HttpServer::open(io, std::move(*options));
  if (!http) return std::unexpected(http.error());
  component->http_ = std::move(*http);
  component->routes(*component->http_);
  for (const auto& other : components) other->routes(*component->http_);
  return component;
}

void HttpComponent::start() {
  http_->start();
  is_ready_.store(true);
}

bool HttpComponent::stop() {
  is_ready_.store(false);
  http_->stop_accepting();
  return true;
}

void HttpComponent::reload() {
  const auto& security = config_.security;
  if (security.tls_certificate.empty()) return;
  auto tls = TlsContext::load(security.tls_certificate, security.tls_key);
  if (!tls) {
    log_error("the certificate stays as it is", {{"why", tls.error().message}});
    return;
  }
  log_info("certificate read again", {{"file", security.tls_certificate.string()},
                                      {"days_left", std::to_string((*tls)->days_left())}});
  http_->use_certificate(std::move(*tls));
}

void HttpComponent::routes(HttpServer& http) {
  add_probe_routes(http, is_ready_);
  add_page_routes(http);
  add_description_routes(http);
}

void HttpComponent::health(HealthPage& page) const {
  if (http_->is_starved()) {
    page.problem(
        ProblemArea::kConnections,
        fmt::format("descriptors: the system has none left for this process, of which it may have "
                    "{}; new connections are answered 503",
                    budget_.limit));
  } else if (http_->is_full()) {
    page.problem(
        ProblemArea::kConnections,
        fmt::format("connections: all {} that may be open are in use, new ones are answered 503",
                    budget_.connections));
  }
  auto object = page.object("connections");
  object.number("open", http_->connections().value());
  object.number("most", budget_.connections);
  object.flag("full", http_->is_full());
  ObjectWriter descriptors(object.key("descriptors"));
  descriptors.number("limit", budget_.limit);
  descriptors.number("inUse", open_descriptors());
  descriptors.number("reserve", budget_.reserve);
}

void HttpComponent::metrics(MetricsPage& page) const {
  add_access(page, http_->guard_stats());
  page.gauge("http_connections", "Open connections, WebSockets included",
             real(http_->connections().value()));
  page.gauge("http_connections_limit",
             "Connections that may be open: max_connections, or what descriptors allow",
             real(std::uint64_t{budget_.connections}));
  page.gauge("descriptors_limit", "Files and sockets that the process may have open",
             real(std::uint64_t{budget_.limit}));
  page.gauge("descriptors_reserve", "Of these, kept for log, store and Redis",
             real(std::uint64_t{budget_.reserve}));
  page.gauge("descriptors_open", "Files and sockets that are open",
             real(std::uint64_t{open_descriptors()}));
}

}  // namespace slipstream
