#include "app/api.h"

#include <fmt/format.h>
#include <web_assets.h>

#include <algorithm>
#include <array>
#include <limits>

#include "app/query_values.h"
#include "base/json_text.h"
#include "base/object_writer.h"
#include "source/http_ingest.h"

namespace slipstream {
namespace {

/// For whoever asks, with whatever parameters.
RouteOptions open_to_all() {
  return {.scope = Scope::kOpen, .parameters = {.passes_over_others = true}};
}

/// What the page needs and nothing else: its own files and the server it came from. (uPlot sets
/// styles from its script, which no policy restricts.)
constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void answer_recent(const Hub& hub, const HttpRequest& request, const HttpResponder& respond) {
  const auto n = to_number<std::uint32_t>("the number of points", request.path_parameter("n"), 0,
                                          std::numeric_limits<std::uint32_t>::max());
  if (!n) {
    respond(error_response(400, n.error().message));
    return;
  }
  respond({.body = hub.recent().encode({.limit = std::min<std::size_t>(*n, RecentRing::kMaxAnswer),
                                        .track = request.query_value("track").value_or(""),
                                        .chassis = request.query_value("chassis").value_or("")})});
}

std::string_view name_of(Scope scope) {
  switch (scope) {
    case Scope::kOpen:
      return "none";
    case Scope::kRead:
      return "read";
    case Scope::kWrite:
      return "write";
    case Scope::kAdmin:
      break;
  }
  return "admin";
}

HttpResponse file_answer(const WebAsset& asset, const HttpRequest& request) {
  HttpResponse response{.content_type = std::string(asset.content_type)};
  const std::string etag = fmt::format("\"{}\"", asset.etag);
  response.headers = {{"ETag", etag}, {"Cache-Control", "no-cache"}};
  // Packed it has a weak one.
  const auto known = request.header("If-None-Match");
  if (known == etag || known == "W/" + etag) {
    response.status = 304;
  } else {
    response.body = asset.body;
  }
  return response;
}

/// Addresses of the one page; which view it shows it reads from them.
constexpr std::array<std::string_view, 5> kPages = {"/", "/overlay/tower", "/overlay/delta",
                                                    "/overlay/map", "/overlay/tyres"};

/// Without the page's own files.
std::string list_of(const std::vector<RouteInfo>& routes) {
  std::string out = R"({"version":)";
  append_json_string(out, SLIPSTREAM_VERSION);
  out += R"(,"endpoints":[)";
  for (const RouteInfo& route : routes) {
    const bool is_of_page = !route.path.starts_with("/api") && route.path.contains('.');
    if (is_of_page || std::ranges::find(kPages, route.path) != kPages.end()) continue;
    if (!out.ends_with('[')) out += ',';
    ObjectWriter object(out);
    object.text("method", route.is_websocket ? "WEBSOCKET" : route.method);
    object.text("path", route.path);
    object.text("scope", name_of(route.scope));
    std::string& parameters = object.key("parameters");
    parameters += '[';
    for (const auto name : route.parameters) {
      if (!parameters.ends_with('[')) parameters += ',';
      append_json_string(parameters, name);
    }
    parameters += ']';
  }
  return out += "]}";
}

}  // namespace

void add_ingest_routes(HttpServer& http, IngestService& ingest) {
  http.route("POST", "/api/ingest",
             [&ingest](HttpRequest request, HttpResponder respond) {
               take_ingest(ingest, std::move(request), std::move(respond));
             },
             {.scope = Scope::kWrite,
              .hears_denials = true,
              .parameters = {.names = {"durability", "track"}}});
}

void add_description_routes(HttpServer& http) {
  http.route("GET", "/api",
             [&http](const HttpRequest&, const HttpResponder& respond) {
               respond({.body = list_of(http.route_infos())});
             },
             {.scope = Scope::kRead});
  http.route("GET", std::string(api_description().path),
             [](const HttpRequest& request, const HttpResponder& respond) {
               respond(file_answer(api_description(), request));
             },
             {.scope = Scope::kRead});
}

void add_live_routes(HttpServer& http, Hub& hub, const Clock& clock, const std::string& ws_path) {
  http.route("GET", "/api/recent/:n",
             [&hub](const HttpRequest& request, HttpResponder respond) {
               answer_recent(hub, request, respond);
             },
             {.scope = Scope::kRead, .parameters = {.names = {"track", "chassis"}}});
  http.route("GET", "/api/series",
             [&hub, &clock](const HttpRequest& request, HttpResponder respond) {
               const auto tags = tag_filter(request);
               if (!tags) {
                 respond(error_response(400, tags.error().message));
                 return;
               }
               respond({.body = hub.series().encode(clock.steady(), *tags)});
             },
             {.scope = Scope::kRead, .parameters = {.names = {kTagParameters}}});
  http.websocket(
      ws_path, [&hub](std::shared_ptr<WsSession> session) { hub.add_client(std::move(session)); });
  http.websocket(
      "/foxglove",
      [&hub](std::shared_ptr<WsSession> session) { hub.add_foxglove_client(std::move(session)); },
      FoxgloveFanout::kSubprotocol);
}

void add_probe_routes(HttpServer& http, const std::atomic<bool>& is_ready) {
  http.route(
      "GET", "/healthz",
      [](const HttpRequest&, HttpResponder respond) {
        respond({.body = "ok\n", .content_type = "text/plain"});
      },
      open_to_all());
  http.route(
      "GET", "/readyz",
      [&is_ready](const HttpRequest&, HttpResponder respond) {
        if (is_ready.load()) {
          respond({.body = "ready\n", .content_type = "text/plain"});
        } else {
          respond({.status = 503, .body = "starting or stopping\n", .content_type = "text/plain"});
        }
      },
      open_to_all());
}

void add_page_routes(HttpServer& http) {
  for (const auto& asset : web_assets()) {
    const auto serve = [&asset](const HttpRequest& request, const HttpResponder& respond) {
      HttpResponse response = file_answer(asset, request);
      response.headers.emplace_back("Content-Security-Policy", std::string(kPagePolicy));
      respond(std::move(response));
    };
    http.route("GET", std::string(asset.path), serve, open_to_all());
    if (asset.path != "/index.html") continue;
    for (const std::string_view page : kPages) {
      http.route("GET", std::string(page), serve, open_to_all());
    }
  }
}

}  // namespace slipstream
