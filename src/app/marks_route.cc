#include "app/marks_route.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "app/query_values.h"
#include "app/rollups_csv.h"
#include "base/json_text.h"
#include "codec/event_time.h"
#include "codec/mark_json.h"
#include "source/http_ingest.h"

namespace slipstream {
namespace {

/// A table of marks has these columns, and behind them what some mark of the page has.
constexpr std::string_view kAnyMark =
    R"({"track":0,"session":0,"time":0,"kind":0,"chassis":0,"text":0})";

std::string json_of(const Mark& mark) {
  std::string json;
  append_mark_json(json, mark);
  return json;
}

/// Without the type, which says nothing in a list of marks.
std::string row_of(const Mark& mark) {
  static constexpr std::string_view kType = R"({"type":"mark",)";
  return "{" + json_of(mark).substr(kType.size());
}

Result<MarkQuery> mark_query(const HttpRequest& request) {
  MarkQuery query;
  const std::pair<std::string_view, std::string MarkQuery::*> texts[] = {
      {"track", &MarkQuery::track},
      {"session", &MarkQuery::session},
      {"chassis", &MarkQuery::chassis},
      {"kind", &MarkQuery::kind},
      {"cursor", &MarkQuery::cursor}};
  for (const auto& [name, member] : texts) {
    query.*member = request.query_value(name).value_or("");
  }
  const std::pair<std::string_view, std::optional<EventTime> MarkQuery::*> times[] = {
      {"from", &MarkQuery::from}, {"to", &MarkQuery::to}};
  for (const auto& [name, member] : times) {
    const auto given = request.query_value(name);
    if (!given) continue;
    const auto time = asked_time(*given);
    if (!time) return fail(fmt::format("{}: {}", name, time.error().message));
    query.*member = *time;
  }
  if (const auto given = request.query_value("limit")) {
    const auto limit = to_number<std::size_t>("limit", *given, 1, 1'000);
    if (!limit) return std::unexpected(limit.error());
    query.limit = *limit;
  }
  return query;
}

HttpResponse as_json(const MarkPage& page) {
  std::string body = R"({"marks":[)";
  for (const auto& stored : page.marks) {
    if (&stored != page.marks.data()) body += ',';
    append_mark_json(body, *stored.mark);
  }
  body += R"(],"next":)";
  if (page.next) {
    append_json_string(body, *page.next);
  } else {
    body += "null";
  }
  return {.body = body + '}'};
}

HttpResponse as_table(const MarkPage& page, CsvTexts texts) {
  RollupsCsv table(texts);
  table.learn(kAnyMark);
  for (const auto& stored : page.marks) table.learn(row_of(*stored.mark));
  HttpResponse response{.content_type = "text/csv"};
  table.append_header(response.body);
  for (const auto& stored : page.marks) table.append_row(response.body, row_of(*stored.mark));
  if (page.next) response.headers.emplace_back("X-Next-Cursor", *page.next);
  return response;
}

}  // namespace

void add_marks_route(HttpServer& http, const MarksRouteParts& parts) {
  const auto answer = [parts](const HttpRequest& request, const HttpResponder& respond) {
    auto query = mark_query(request);
    if (!query) {
      respond(error_response(400, query.error().message));
      return;
    }
    const bool as_csv = wants_table(request);
    parts.queries.post([parts, query = std::move(*query), as_csv, respond] {
      const auto page = parts.store.query_marks(query);
      if (!page) {
        respond(failed_read(page.error()));
      } else {
        respond(as_csv ? as_table(*page, parts.texts) : as_json(*page));
      }
    });
  };
  http.route("GET", "/api/marks", answer,
             {.scope = Scope::kRead,
              .parameters = {.names = {"track", "session", "chassis", "kind", "from", "to", "limit",
                                       "cursor"}}});
}

void add_mark_ingest_route(HttpServer& http, IngestService& ingest) {
  http.route(
      "POST", "/api/marks",
      [&ingest](HttpRequest request, HttpResponder respond) {
        take_mark(ingest, std::move(request), std::move(respond));
      },
      {.scope = Scope::kWrite, .hears_denials = true, .parameters = {.names = {"durability"}}});
}

}  // namespace slipstream
