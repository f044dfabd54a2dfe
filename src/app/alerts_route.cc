#include "app/alerts_route.h"

#include <utility>

#include "app/object_pages.h"
#include "app/query_parameters.h"
#include "app/query_values.h"
#include "codec/alert_json.h"

namespace slipstream {
namespace {

/// A table of alerts has these columns, and no others.
constexpr std::string_view kAnyAlert =
    R"({"name":0,"state":0,"severity":0,"track":0,"chassis":0,"tags":0,"time":0,"value":0,"message":0,"id":0,"active":0})";

/// As clients of the channel get it, and whether it is active still.
std::string json_of(const StoredAlert& stored) {
  std::string json;
  append_alert_json(json, stored.alert);
  json.pop_back();
  return json + (stored.is_active ? R"(,"active":true})" : R"(,"active":false})");
}

/// Without the type, which says nothing in a list of alerts.
std::string row_of(const StoredAlert& stored) {
  static constexpr std::string_view kType = R"({"type":"alert",)";
  return "{" + json_of(stored).substr(kType.size());
}

Result<void> set_state(AlertQuery& query, std::string_view, std::string_view value) {
  constexpr std::pair<std::string_view, AlertState> kStates[] = {{"active", AlertState::kActive},
                                                                 {"raised", AlertState::kRaised},
                                                                 {"cleared", AlertState::kCleared}};
  for (const auto& [name, state] : kStates) {
    if (name != value) continue;
    query.state = state;
    return {};
  }
  return fail("state must be active, raised or cleared");
}

constexpr QueryParameter<AlertQuery> kAlertParameters[] = {
    {"state", set_state},
    {"name", set_text<&AlertQuery::name>},
    {"track", set_text<&AlertQuery::track>},
    {"chassis", set_text<&AlertQuery::chassis>},
    {"cursor", set_text<&AlertQuery::cursor>},
    {"from", set_time<&AlertQuery::from>},
    {"to", set_time<&AlertQuery::to>},
    {"limit", set_limit<&AlertQuery::limit>}};

HttpResponse alerts_answer(const AlertPage& page, bool as_csv, CsvTexts texts) {
  std::vector<std::string> objects;
  objects.reserve(page.alerts.size());
  for (const auto& stored : page.alerts) {
    objects.push_back(as_csv ? row_of(stored) : json_of(stored));
  }
  return as_csv ? page_csv(kAnyAlert, objects, texts, page.next)
                : page_json("alerts", objects, page.next);
}

}  // namespace

void add_alerts_route(HttpServer& http, const AlertsRouteParts& parts) {
  const auto answer = [parts](const HttpRequest& request, const HttpResponder& respond) {
    AlertQuery query;
    if (auto set = set_parameters(kAlertParameters, request, query); !set) {
      respond(error_response(400, set.error().message));
      return;
    }
    const bool as_csv = wants_table(request);
    parts.queries.post([parts, query = std::move(query), as_csv, respond] {
      const auto page = parts.store.query_alerts(query);
      respond(page ? alerts_answer(*page, as_csv, parts.texts) : failed_read(page.error()));
    });
  };
  http.route("GET", "/api/alerts", answer,
             {.scope = Scope::kRead, .parameters = {.names = names_of(kAlertParameters)}});
}

}  // namespace slipstream
