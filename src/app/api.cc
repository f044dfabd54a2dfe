#include "app/api.h"

#include <fmt/format.h>
#include <web_assets.h>

#include <algorithm>
#include <charconv>

#include "app/health.h"
#include "app/rollups_csv.h"
#include "codec/event_time.h"
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

template <typename Integer>
Result<Integer> to_number(std::string_view name, std::string_view text, Integer min, Integer max) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < min || value > max) {
    return fail(fmt::format("{} must be a whole number from {} to {}", name, min, max));
  }
  return value;
}

/// A time in a query: ISO 8601, or a number as in a point.
Result<EventTime> to_time(std::string_view name, std::string_view text) {
  if (const auto time = time_from_text(text)) return *time;
  return fail(fmt::format("{} must be an ISO 8601 time or a number since 1970", name));
}

Result<RollupQuery> rollup_query(const HttpRequest& request) {
  RollupQuery query;
  for (const auto& [name, value] : request.query) {
    if (name == "window") {
      query.window = value;
    } else if (name == "track") {
      query.track = value;
    } else if (name == "chassis") {
      query.chassis = value;
    } else if (name == "cursor") {
      query.cursor = value;
    } else if (name == "lap") {
      const auto lap = to_number<std::int32_t>(name, value, 0, Schema::kMaxLap);
      if (!lap) return std::unexpected(lap.error());
      query.lap = *lap;
    } else if (name == "limit") {
      const auto limit = to_number<std::size_t>(name, value, 1, 1'000);
      if (!limit) return std::unexpected(limit.error());
      query.limit = *limit;
    } else if (name == "from" || name == "to") {
      const auto time = to_time(name, value);
      if (!time) return std::unexpected(time.error());
      (name == "from" ? query.from : query.to) = *time;
    }
  }
  return query;
}

HttpResponse rollups_response(const Result<RollupPage>& page, std::optional<CsvTexts> table) {
  if (!page) return error_response(400, page.error().message);
  if (table) {
    HttpResponse response{.body = rollups_to_csv(page->rollups, *table),
                          .content_type = "text/csv"};
    if (page->next) response.headers.emplace_back("X-Next-Cursor", *page->next);
    return response;
  }
  std::string body = R"({"rollups":[)";
  for (std::size_t i = 0; i < page->rollups.size(); ++i) {
    if (i > 0) body += ',';
    body += page->rollups[i];
  }
  body += page->next ? fmt::format(R"(],"next":"{}"}})", *page->next) : R"(],"next":null})";
  return {.body = std::move(body)};
}

void answer_rollups(Parts& parts, const HttpRequest& request, const HttpResponder& respond) {
  const auto query = rollup_query(request);
  if (!query) {
    respond(error_response(400, query.error().message));
    return;
  }
  std::optional<CsvTexts> table;
  if (request.header("Accept").find("text/csv") != std::string_view::npos) {
    table = parts.config.server.csv_raw ? CsvTexts::kRaw : CsvTexts::kGuarded;
  }
  const auto& windows = parts.config.windows;
  const auto window = std::ranges::find(windows, query->window, &WindowDefinition::name);
  if (!query->window.empty() && window == windows.end()) {
    std::string known;
    for (const auto& w : windows) known += (known.empty() ? "" : ", ") + w.name;
    respond(error_response(400, fmt::format("no such window; there are: {}", known)));
    return;
  }
  const bool is_stored = query->window.empty() || window->stored;
  parts.queries.post([&parts, query = *query, table, is_stored, respond] {
    respond(rollups_response(is_stored ? parts.store->query(query) : parts.memory->query(query),
                             table));
  });
}

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
               parts.http_ingest->handle(std::move(request), std::move(respond));
             },
             {.scope = Scope::kWrite, .hears_denials = true});
  for (const auto path : {"/write", "/api/v2/write"}) {
    http.route("POST", path,
               [&parts](HttpRequest request, HttpResponder respond) {
                 parts.http_ingest->handle_influx(std::move(request), std::move(respond));
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
        respond({.body = parts.hub->series().encode(parts.clock.now())});
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
