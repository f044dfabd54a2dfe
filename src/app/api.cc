#include "app/api.h"

#include <fmt/format.h>
#include <web_assets.h>

#include <algorithm>
#include <limits>

#include "app/health.h"
#include "app/query_values.h"
#include "app/rollups_route.h"
#include "source/http_ingest.h"
#include "source/influx_answer.h"

namespace slipstream {
namespace {

constexpr RouteOptions kOpen{.scope = Scope::kOpen};
constexpr RouteOptions kRead{.scope = Scope::kRead};

/// What the page needs and nothing else: its own files and the server it came from. (uPlot sets
/// styles from its script, which no policy restricts.)
constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void answer_recent(const Parts& parts, const HttpRequest& request, const HttpResponder& respond) {
  const auto n = to_number<std::uint32_t>("the number of points", request.path_parameter("n"), 0,
                                          std::numeric_limits<std::uint32_t>::max());
  if (!n) {
    respond(error_response(400, n.error().message));
    return;
  }
  respond({.body = parts.hub->recent().encode(
               {.limit = std::min<std::size_t>(*n, RecentRing::kMaxAnswer),
                .track = request.query_value("track").value_or(""),
                .chassis = request.query_value("chassis").value_or("")})});
}

void add_page(HttpServer& http) {
  for (const auto& asset : web_assets()) {
    const auto serve = [&asset](const HttpRequest& request, const HttpResponder& respond) {
      HttpResponse response{.content_type = std::string(asset.content_type)};
      const std::string etag = fmt::format("\"{}\"", asset.etag);
      response.headers = {{"ETag", etag},
                          {"Cache-Control", "no-cache"},
                          {"Content-Security-Policy", std::string(kPagePolicy)}};
      if (request.header("If-None-Match") == etag) {
        response.status = 304;
      } else {
        response.body = asset.body;
      }
      respond(std::move(response));
    };
    http.route("GET", std::string(asset.path), serve, kOpen);
    if (asset.path == "/index.html") http.route("GET", "/", serve, kOpen);
  }
}

}  // namespace

void add_routes(Parts& parts, const Rates& rates) {
  HttpServer& http = *parts.http;
  http.route("POST", "/api/ingest",
             [&parts](HttpRequest request, HttpResponder respond) {
               take_ingest(*parts.ingest_service, std::move(request), std::move(respond));
             },
             {.scope = Scope::kWrite, .hears_denials = true});
  for (const auto path : {"/write", "/api/v2/write"}) {
    http.route("POST", path,
               [&parts](HttpRequest request, HttpResponder respond) {
                 take_influx_write(*parts.ingest_service, std::move(request), std::move(respond));
               },
               {.scope = Scope::kWrite, .hears_denials = true, .error_body = influx_error_body});
  }
  http.route(
      "GET", "/api/recent/:n",
      [&parts](const HttpRequest& request, HttpResponder respond) {
        answer_recent(parts, request, respond);
      },
      kRead);
  http.route(
      "GET", "/api/rollups",
      [&parts](const HttpRequest& request, HttpResponder respond) {
        answer_rollups(parts, request, respond);
      },
      kRead);
  http.route(
      "GET", "/api/series",
      [&parts](const HttpRequest&, HttpResponder respond) {
        respond({.body = parts.hub->series().encode(parts.clock.steady())});
      },
      kRead);
  http.route(
      "GET", "/api/health",
      [&parts, &rates](const HttpRequest&, HttpResponder respond) {
        const auto problems = health_problems(parts);
        respond({.status = problems.empty() ? 200u : 503u,
                 .body = health_json(parts, rates, problems)});
      },
      kRead);
  http.route(
      "GET", "/healthz",
      [](const HttpRequest&, HttpResponder respond) {
        respond({.body = "ok\n", .content_type = "text/plain"});
      },
      kOpen);
  http.route(
      "GET", "/readyz",
      [&parts](const HttpRequest&, HttpResponder respond) {
        if (parts.ready.load()) {
          respond({.body = "ready\n", .content_type = "text/plain"});
        } else {
          respond({.status = 503, .body = "starting or stopping\n", .content_type = "text/plain"});
        }
      },
      kOpen);
  http.route("GET", "/metrics",
             [&parts](const HttpRequest&, HttpResponder respond) {
               respond({.body = metrics_text(parts), .content_type = "text/plain; version=0.0.4"});
             },
             {.scope = parts.config.security.protect_metrics ? Scope::kAdmin : Scope::kRead});
  add_page(http);
  http.websocket(parts.config.server.ws_path, [&parts](std::shared_ptr<WsSession> session) {
    parts.hub->add_client(std::move(session));
  });
}

}  // namespace slipstream
