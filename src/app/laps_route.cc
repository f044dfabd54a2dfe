#include "app/laps_route.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "app/object_pages.h"
#include "app/query_parameters.h"
#include "app/query_values.h"
#include "app/session_edit.h"
#include "codec/lap_json.h"
#include "net/accept.h"

namespace slipstream {
namespace {

HttpResponse unknown_session(std::string_view id) {
  return coded_error(404, "unknown_session",
                     fmt::format("there is no session {}: GET /api/sessions lists them", id));
}

constexpr QueryParameter<LapQuery> kLapParameters[] = {
    {"session", set_text<&LapQuery::session>},
    {"track", set_text<&LapQuery::track>},
    {"chassis", set_text<&LapQuery::chassis>},
    {"cursor", set_text<&LapQuery::cursor>},
    {"lap", set_number<&LapQuery::lap, std::numeric_limits<std::int32_t>::min(),
                       std::numeric_limits<std::int32_t>::max()>},
    {"limit", set_limit<&LapQuery::limit>}};

constexpr QueryParameter<SessionQuery> kSessionParameters[] = {
    {"track", set_text<&SessionQuery::track>},
    {"from", set_time<&SessionQuery::from>},
    {"to", set_time<&SessionQuery::to>}};

HttpResponse laps_answer(const LapPage& page, bool as_csv, CsvTexts texts) {
  std::vector<std::string> objects(page.laps.size());
  for (std::size_t i = 0; i < objects.size(); ++i) append_lap_json(objects[i], page.laps[i]);
  if (!as_csv) return page_json("laps", objects, page.next);
  std::string any;
  append_lap_json(any, {.lap = std::make_shared<const Lap>()});
  return page_csv(any, objects, texts, page.next);
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
  if (as_csv) return page_csv(session_json(parts, {}), objects, parts.texts);
  return {.body = list_json("sessions", objects) + '}'};
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
  LapQuery query;
  if (auto set = set_parameters(kLapParameters, request, query); !set) {
    respond(error_response(400, set.error().message));
    return;
  }
  parts.queries.post([parts, query = std::move(query), as_csv = wants_table(request), respond] {
    respond(answer_laps(parts, query, as_csv));
  });
}

void get_sessions(const LapsRouteParts& parts, const HttpRequest& request,
                  const HttpResponder& respond) {
  SessionQuery query;
  if (auto set = set_parameters(kSessionParameters, request, query); !set) {
    respond(error_response(400, set.error().message));
    return;
  }
  parts.queries.post([parts, query = std::move(query), as_csv = wants_table(request), respond] {
    const auto sessions = parts.store.query_sessions(query);
    respond(sessions ? sessions_answer(parts, *sessions, as_csv) : failed_read(sessions.error()));
  });
}

void write_edit(const LapsRouteParts& parts, SessionEdit edit, const HttpResponder& respond) {
  const auto done = [parts, id = edit.id, pinned = edit.pinned,
                     respond](Result<std::optional<StoredSession>> edited) {
    if (pinned && edited && *edited) parts.pins.changed(*pinned);
    if (!edited) {
      respond(failed_write(edited.error()));
    } else if (!*edited) {
      respond(unknown_session(id));
    } else {
      respond({.body = session_json(parts, **edited)});
    }
  };
  if (!parts.writer().edit_session(std::move(edit), done)) {
    respond(error_response(503, "too many edits of sessions wait for the store: try again later"));
  }
}

void patch_session(const LapsRouteParts& parts, const HttpRequest& request,
                   const HttpResponder& respond) {
  auto edit = read_session_edit(request);
  if (!edit) {
    respond(std::move(edit.error()));
    return;
  }
  if (!edit->pinned.value_or(false)) return write_edit(parts, std::move(*edit), respond);
  const std::string id = edit->id;
  parts.pins.may_pin(
      id, [parts, edit = std::move(*edit), respond](std::optional<HttpResponse> refused) mutable {
        if (refused) {
          respond(std::move(*refused));
        } else {
          write_edit(parts, std::move(edit), respond);
        }
      });
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
             {.scope = Scope::kRead, .parameters = {.names = names_of(kLapParameters)}});
  http.route("GET", "/api/sessions", handler_of(parts, get_sessions),
             {.scope = Scope::kRead, .parameters = {.names = names_of(kSessionParameters)}});
  http.route("PATCH", "/api/sessions/:id", handler_of(parts, patch_session),
             {.scope = Scope::kWrite});
}

}  // namespace slipstream
