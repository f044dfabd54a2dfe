#include "app/marks_route.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "app/object_pages.h"
#include "app/query_parameters.h"
#include "app/query_values.h"
#include "base/json_text.h"
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

constexpr QueryParameter<MarkQuery> kMarkParameters[] = {
    {"track", set_text<&MarkQuery::track>},     {"session", set_text<&MarkQuery::session>},
    {"chassis", set_text<&MarkQuery::chassis>}, {"kind", set_text<&MarkQuery::kind>},
    {"cursor", set_text<&MarkQuery::cursor>},   {"from", set_time<&MarkQuery::from>},
    {"to", set_time<&MarkQuery::to>},           {"limit", set_limit<&MarkQuery::limit>}};

HttpResponse marks_answer(const MarkPage& page, bool as_csv, CsvTexts texts) {
  std::vector<std::string> objects;
  objects.reserve(page.marks.size());
  for (const auto& stored : page.marks) {
    objects.push_back(as_csv ? row_of(*stored.mark) : json_of(*stored.mark));
  }
  return as_csv ? page_csv(kAnyMark, objects, texts, page.next)
                : page_json("marks", objects, page.next);
}

}  // namespace

void add_marks_route(HttpServer& http, const MarksRouteParts& parts) {
  const auto answer = [parts](const HttpRequest& request, const HttpResponder& respond) {
    MarkQuery query;
    if (auto set = set_parameters(kMarkParameters, request, query); !set) {
      respond(error_response(400, set.error().message));
      return;
    }
    const bool as_csv = wants_table(request);
    parts.queries.post([parts, query = std::move(query), as_csv, respond] {
      const auto page = parts.store.query_marks(query);
      respond(page ? marks_answer(*page, as_csv, parts.texts) : failed_read(page.error()));
    });
  };
  http.route("GET", "/api/marks", answer,
             {.scope = Scope::kRead, .parameters = {.names = names_of(kMarkParameters)}});
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
