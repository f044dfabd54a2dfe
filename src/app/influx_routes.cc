#include "app/influx_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/letter_case.h"
#include "net/router.h"
#include "source/http_ingest.h"
#include "source/influx_answer.h"

namespace slipstream {
namespace {

constexpr std::size_t kMaxQueryBytes = 65'536;
constexpr std::ptrdiff_t kMaxStatements = 16;

/// The one that clients may take the server for: they look for a number, and ask for more of a
/// higher one.
constexpr std::string_view kInfluxVersion = "1.8.10";
constexpr std::string_view kBuild = "slipstream-" SLIPSTREAM_VERSION;
constexpr std::string_view kPasswordParameter = "p";

RouteOptions options_of(Scope scope, InfluxApi api) {
  return {.scope = scope,
          .error_shape = influx_error_shape(api),
          .token_parameter = kPasswordParameter,
          .parameters = {.passes_over_others = true}};
}

void add_write(HttpServer& http, IngestService& ingest, const char* path, InfluxApi api) {
  auto options = options_of(Scope::kWrite, api);
  options.hears_denials = true;
  http.route(
      "POST", path,
      [&ingest, api](HttpRequest request, HttpResponder respond) {
        take_influx_write(ingest, api, std::move(request), std::move(respond));
      },
      options);
}

void add_version(HttpResponse& response) {
  response.headers.emplace_back("X-Influxdb-Version", kInfluxVersion);
  response.headers.emplace_back("X-Influxdb-Build", kBuild);
}

/// `q`, wherever it stands; nothing: nowhere.
std::optional<std::string> query_of(const HttpRequest& request) {
  if (const auto q = request.query_value("q")) return std::string(*q);
  HttpRequest form;
  if (request.method != "POST" || request.body.size() > kMaxQueryBytes ||
      !parse_target("/?" + request.body, form))
    return std::nullopt;
  const auto q = form.query_value("q");
  return q ? std::optional(std::string(*q)) : std::nullopt;
}

void answer_query(const HttpRequest& request, const HttpResponder& respond) {
  const auto q = query_of(request);
  if (!q) {
    respond(error_response(400, "missing required parameter \"q\""));
    return;
  }
  auto answer = influx_query_answer(*q);
  HttpResponse response = answer ? HttpResponse{.body = std::move(*answer)}
                                 : error_response(400, answer.error().message);
  add_version(response);
  respond(std::move(response));
}

void answer_ping(const HttpRequest& request, const HttpResponder& respond) {
  const auto verbose = request.query_value("verbose").value_or("");
  HttpResponse response{.status = 204};
  if (!verbose.empty() && verbose != "0" && verbose != "false") {
    response = {.body = fmt::format(R"({{"version":"{}"}})", kInfluxVersion)};
  }
  add_version(response);
  respond(std::move(response));
}

/// The next word, in small letters; what is quoted is none.
std::string take_word(std::string_view& text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  std::string word(text.substr(0, text.find_first_of(kBlanks)));
  text.remove_prefix(word.size());
  std::ranges::transform(word, word.begin(), small_letter);
  return word;
}

}  // namespace

Result<std::string> influx_query_answer(std::string_view statements) {
  constexpr std::string_view kNoDatabases =
      R"(,"series":[{"name":"databases","columns":["name"]}])";
  if (std::ranges::count(statements, ';') > kMaxStatements) {
    return fail(fmt::format("at most {} statements are answered at once", kMaxStatements));
  }
  std::string results;
  std::size_t id = 0;
  while (!statements.empty()) {
    std::string_view statement = statements.substr(0, statements.find(';'));
    statements.remove_prefix(std::min(statement.size() + 1, statements.size()));
    const std::string verb = take_word(statement);
    if (verb.empty()) continue;
    const std::string object = take_word(statement);
    const bool is_show = verb == "show" && object == "databases";
    if (!is_show && !(verb == "create" && object == "database")) {
      return fail(
          "no query is answered here but CREATE DATABASE and SHOW DATABASES: what came in is read "
          "by GET /api/rollups, GET /api/recent/:n or the WebSocket");
    }
    results += fmt::format(R"({}{{"statement_id":{}{}}})", id == 0 ? "" : ",", id,
                           is_show ? kNoDatabases : "");
    ++id;
  }
  if (id == 0) return fail("missing required parameter \"q\"");
  return fmt::format(R"({{"results":[{}]}})", results);
}

void add_influx_routes(HttpServer& http, IngestService& ingest) {
  add_write(http, ingest, "/write", InfluxApi::kV1);
  add_write(http, ingest, "/api/v2/write", InfluxApi::kV2);
  add_write(http, ingest, "/api/v3/write_lp", InfluxApi::kV3);
  for (const auto* const method : {"GET", "POST"}) {
    http.route(method, "/query", answer_query, options_of(Scope::kWrite, InfluxApi::kV1));
    http.route(
        method, "/api/v2/query",
        [](const HttpRequest&, const HttpResponder& respond) {
          respond(error_response(
              400,
              "Flux is not answered here: what came in is read by GET /api/rollups, GET "
              "/api/recent/:n or the WebSocket"));
        },
        options_of(Scope::kRead, InfluxApi::kV2));
  }
}

void add_influx_probes(HttpServer& http, std::function<bool()> is_fit) {
  http.route("GET", "/ping", answer_ping, options_of(Scope::kOpen, InfluxApi::kV1));
  http.route(
      "GET", "/health",
      [is_fit = std::move(is_fit)](const HttpRequest&, const HttpResponder& respond) {
        const bool passes = is_fit();
        HttpResponse response{
            .status = passes ? 200u : 503u,
            .body = fmt::format(
                R"({{"name":"slipstream","message":"{}","checks":[],"status":"{}"}})",
                passes ? "ready for writes" : "see /api/health", passes ? "pass" : "fail")};
        add_version(response);
        respond(std::move(response));
      },
      options_of(Scope::kOpen, InfluxApi::kV2));
}

}  // namespace slipstream
