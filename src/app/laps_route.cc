#include "app/laps_route.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "app/query_values.h"
#include "app/rollups_csv.h"
#include "app/session_edit.h"
#include "base/json_text.h"
#include "codec/event_time.h"
#include "codec/lap_json.h"
#include "net/accept.h"

namespace slipstream {
namespace {

HttpResponse unknown_session(std::string_view id) {
  return coded_error(404, "unknown_session",
                     fmt::format("there is no session {}: GET /api/sessions lists them", id));
}

Result<LapQuery> lap_query(const HttpRequest& request) {
  LapQuery query;
  const std::pair<std::string_view, std::string LapQuery::*> texts[] = {
      {"session", &LapQuery::session},
      {"track", &LapQuery::track},
      {"chassis", &LapQuery::chassis},
      {"cursor", &LapQuery::cursor}};
  for (const auto& [name, member] : texts) {
    query.*member = request.query_value(name).value_or("");
  }
  if (const auto given = request.query_value("lap")) {
    using Limits = std::numeric_limits<std::int32_t>;
    const auto lap = to_number<std::int32_t>("lap", *given, Limits::min(), Limits::max());
    if (!lap) return std::unexpected(lap.error());
    query.lap = *lap;
  }
  if (const auto given = request.query_value("limit")) {
    const auto limit = to_number<std::size_t>("limit", *given, 1, 1'000);
    if (!limit) return std::unexpected(limit.error());
    query.limit = *limit;
  }
  return query;
}

Result<SessionQuery> session_query(const HttpRequest& request) {
  SessionQuery query{.track = std::string(request.query_value("track").value_or(""))};
  const std::pair<std::string_view, std::optional<EventTime> SessionQuery::*> times[] = {
      {"from", &SessionQuery::from}, {"to", &SessionQuery::to}};
  for (const auto& [name, member] : times) {
    const auto given = request.query_value(name);
    if (!given) continue;
    const auto time = asked_time(*given);
    if (!time) return fail(fmt::format("{}: {}", name, time.error().message));
    query.*member = *time;
  }
  return query;
}

/// The objects as `{"NAME":[...]`, to be closed by the caller.
std::string as_list(std::string_view name, const std::vector<std::string>& objects) {
  std::string body = fmt::format("{{\"{}\":[", name);
  for (const auto& object : objects) {
    if (&object != objects.data()) body += ',';
    body += object;
  }
  return body + ']';
}

/// `any`: an object whose members every table has.
HttpResponse as_rows(const std::string& any, const std::vector<std::string>& objects,
                     CsvTexts texts) {
  RollupsCsv table(texts);
  table.learn(any);
  HttpResponse response{.content_type = "text/csv"};
  table.append_header(response.body);
  for (const auto& object : objects) table.append_row(response.body, object);
  return response;
}

HttpResponse laps_answer(const LapPage& page, bool as_csv, CsvTexts texts) {
  std::vector<std::string> objects(page.laps.size());
  for (std::size_t i = 0; i < objects.size(); ++i) append_lap_json(objects[i], page.laps[i]);
  if (as_csv) {
    std::string any;
    append_lap_json(any, {.lap = std::make_shared<const Lap>()});
    HttpResponse response = as_rows(any, objects, texts);
    if (page.next) response.headers.emplace_back("X-Next-Cursor", *page.next);
    return response;
  }
  std::string body = as_list("laps", objects) + R"(,"next":)";
  if (page.next) {
    append_json_string(body, *page.next);
  } else {
    body += "null";
  }
  return {.body = body + '}'};
}

std::string session_json(const LapsRouteParts& parts, const StoredSession& session) {
  std::string json;
  append_session_json(json, session, session.is_live({parts.clock.now().ns}, parts.session_gap_ns));
  return json;
}

HttpResponse sessions_answer(const LapsRouteParts& parts,
                             const std::vector<StoredSession>& sessions, bool as_csv) {
  std::vector<std::string> objects;
  for (const auto& session : sessions) objects.push_back(session_json(parts, session));
  if (as_csv) return as_rows(session_json(parts, {}), objects, parts.texts);
  return {.body = as_list("sessions", objects) + '}'};
}

HttpResponse answer_laps(const LapsRouteParts& parts, const LapQuery& query, bool as_csv) {
  if (!query.session.empty()) {
    const auto session = parts.store.find_session(query.session);
    if (!session) return failed_read(session.error());
    if (!*session) return unknown_session(query.session);
  }
  const auto page = parts.store.query_laps(query);
  return page ? laps_answer(*page, as_csv, parts.texts) : failed_read(page.error());
}

void get_laps(const LapsRouteParts& parts, const HttpRequest& request,
              const HttpResponder& respond) {
  auto query = lap_query(request);
  if (!query) {
    respond(error_response(400, query.error().message));
    return;
  }
  parts.queries.post([parts, query = std::move(*query), as_csv = wants_table(request), respond] {
    respond(answer_laps(parts, query, as_csv));
  });
}

void get_sessions(const LapsRouteParts& parts, const HttpRequest& request,
                  const HttpResponder& respond) {
  auto query = session_query(request);
  if (!query) {
    respond(error_response(400, query.error().message));
    return;
  }
  parts.queries.post([parts, query = std::move(*query), as_csv = wants_table(request), respond] {
    const auto sessions = parts.store.query_sessions(query);
    respond(sessions ? sessions_answer(parts, *sessions, as_csv) : failed_read(sessions.error()));
  });
}

void patch_session(const LapsRouteParts& parts, const HttpRequest& request,
                   const HttpResponder& respond) {
  auto edit = read_session_edit(request);
  if (!edit) {
    respond(std::move(edit.error()));
    return;
  }
  const std::string id = edit->id;
  const auto done = [parts, id, respond](Result<std::optional<StoredSession>> edited) {
    if (!edited) {
      respond(failed_write(edited.error()));
    } else if (!*edited) {
      respond(unknown_session(id));
    } else {
      respond({.body = session_json(parts, **edited)});
    }
  };
  if (!parts.writer().edit_session(std::move(*edit), done)) {
    respond(error_response(503, "too many edits of sessions wait for the store: try again later"));
  }
}

using Handler = void (*)(const LapsRouteParts&, const HttpRequest&, const HttpResponder&);

HttpHandler handler_of(const LapsRouteParts& parts, Handler handler) {
  return [parts, handler](const HttpRequest& request, const HttpResponder& respond) {
    if (parts.is_followed) {
      handler(parts, request, respond);
    } else {
      respond(coded_error(501, "not_followed",
                          "with Redis as the log no instance tells laps and sessions yet"));
    }
  };
}

}  // namespace

void add_laps_routes(HttpServer& http, const LapsRouteParts& parts) {
  http.route("GET", "/api/laps", handler_of(parts, get_laps),
             {.scope = Scope::kRead,
              .parameters = {.names = {"session", "track", "chassis", "lap", "limit", "cursor"}}});
  http.route("GET", "/api/sessions", handler_of(parts, get_sessions),
             {.scope = Scope::kRead, .parameters = {.names = {"track", "from", "to"}}});
  http.route("PATCH", "/api/sessions/:id", handler_of(parts, patch_session),
             {.scope = Scope::kWrite});
}

}  // namespace slipstream
