#include "app/history_route.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "app/query_parameters.h"
#include "app/query_values.h"
#include "app/rollups_csv.h"
#include "base/iso_time.h"
#include "net/accept.h"

namespace slipstream {
namespace {

constexpr std::size_t kMostComparedLaps = 6;
constexpr std::size_t kMostTraceRows = 100'000;
constexpr std::size_t kLapsLookedAt = 200;              // for some to learn a line from
constexpr std::int64_t kLapLateNs = 60 * kNsPerSecond;  // so long after its end a lap may change

/// An answer in place of a question.
using RefusedWith = HttpResponse;
template <typename T>
using Asked = std::expected<T, RefusedWith>;

std::unexpected<RefusedWith> refuse(unsigned status, std::string_view message) {
  return std::unexpected(error_response(status, message));
}

/// `gone`: the status of an answer about what the log does not have any more.
HttpResponse failed_history(const Error& error, unsigned gone = 410) {
  switch (error.code) {
    case ErrorCode::kGone:
      return coded_error(gone, "no_history", error.message);
    case ErrorCode::kRefused:
      return error_response(400, error.message);
    case ErrorCode::kTimeout: {
      HttpResponse response = error_response(503, error.message);
      response.headers.emplace_back("Retry-After", "5");
      return response;
    }
    default:
      return error_response(503, "the log cannot be read: " + error.message);
  }
}

/// Tables have no place for it.
void put_lost_in_header(std::uint64_t lost, HttpResponse& response) {
  if (lost > 0) response.headers.emplace_back("X-Lost", std::to_string(lost));
}

HttpResponse too_many_wait() {
  HttpResponse response =
      error_response(503, "too many questions about recorded laps wait: try again later");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

/// A question as its client asked it; what it names is looked up later.
struct TraceQuestion {
  std::string lap;
  std::string session;
  std::string chassis;
  std::optional<EventTime> from;
  std::optional<EventTime> to;
  TraceRequest request;
  bool as_csv = false;
  std::string known_tag;  ///< If-None-Match
  std::uint64_t hash = 0;
};

/// Those that name points; the others are read behind them.
constexpr QueryParameter<TraceQuestion> kTraceParameters[] = {
    {"lap", set_text<&TraceQuestion::lap>},
    {"session", set_text<&TraceQuestion::session>},
    {"chassis", set_text<&TraceQuestion::chassis>},
    {"from", set_time<&TraceQuestion::from>},
    {"to", set_time<&TraceQuestion::to>}};

Asked<TraceBy> asked_axis(const HttpRequest& request) {
  const auto by = request.query_value("by").value_or("time");
  if (by == "time") return TraceBy::kTime;
  if (by == "distance") return TraceBy::kDistance;
  if (by == "position") return TraceBy::kPosition;
  return refuse(400, "by: time, distance or position");
}

Asked<TraceQuestion> trace_question(const HttpRequest& request) {
  TraceQuestion question;
  if (auto set = set_parameters(kTraceParameters, request, question); !set) {
    return refuse(400, set.error().message);
  }
  const bool has_range =
      !question.session.empty() || !question.chassis.empty() || question.from || question.to;
  if (question.lap.empty() ? question.session.empty() || question.chassis.empty() : has_range) {
    return refuse(400, "either lap=ID is expected, or session= and chassis=, with from= and to=");
  }
  auto fields = asked_fields(request);
  if (!fields) return refuse(400, fields.error().message);
  question.request.fields = std::move(*fields);
  auto by = asked_axis(request);
  if (!by) return std::unexpected(std::move(by.error()));
  question.request.by = *by;
  if (question.lap.empty() && *by == TraceBy::kPosition) {
    return refuse(400, "by=position is of a lap: ask with lap=ID");
  }
  if (const auto given = request.query_value("points")) {
    const auto points = to_number<std::size_t>("points", *given, 0, kMostTraceRows);
    if (!points) return refuse(400, points.error().message);
    if (*points == 1) return refuse(400, "points: 0 for all, or 2 and more");
    question.request.points = *points;
  }
  question.as_csv = wants_table(request);
  question.known_tag = request.header("If-None-Match");
  std::string all = question.as_csv ? "csv" : "json";
  for (const auto& [name, value] : request.query) all += '&' + name + '=' + value;
  question.hash = XXH3_64bits(all.data(), all.size());
  return question;
}

HttpResponse unknown_lap(std::string_view id) {
  return coded_error(404, "unknown_lap",
                     fmt::format("there is no lap {}: GET /api/laps lists them", id));
}

Asked<StoredLap> find_lap(const LapBook& book, const std::string& id) {
  auto lap = book.find_lap(id);
  if (!lap) return std::unexpected(failed_read(lap.error()));
  if (!*lap) return std::unexpected(unknown_lap(id));
  return std::move(**lap);
}

/// What is kept of a line, and laps to learn it from.
Asked<KnownLine> known_line(const LapBook& book, const std::string& name, const std::string& track,
                            const std::string& session) {
  KnownLine known{.name = name};
  auto kept = book.track_line(name);
  if (!kept) return std::unexpected(failed_read(kept.error()));
  known.kept = std::move(*kept);
  LapQuery query{.track = track, .limit = kLapsLookedAt};
  if (name != track) query.session = session;
  auto page = book.query_laps(query);
  if (!page) return std::unexpected(failed_read(page.error()));
  for (StoredLap& lap : page->laps) {
    if (is_good_to_learn_from(lap)) known.laps.push_back(std::move(lap));
  }
  return known;
}

Asked<KnownLine> known_line(const LapBook& book, const StoredLap& lap) {
  return known_line(book, line_name(lap.lap->activity.track, lap.session), lap.lap->activity.track,
                    lap.session);
}

/// Names the answer about a lap that will not change any more; empty: it may.
std::string tag_of(const HistoryRouteParts& parts, const TraceQuestion& question,
                   const KnownLine& line) {
  const auto& lap = question.request.lap;
  if (!lap || lap->lap->revision == 0) return {};
  if (parts.clock.now().ns < lap->lap->ended.ns + kLapLateNs) return {};
  const std::int64_t newest = line.laps.empty() ? 0 : line.laps.front().lap->began.ns;
  std::string of = fmt::format("{}/{}/{}/{:x}/{}/", lap->id, lap->row, lap->lap->revision,
                               question.hash, newest);
  of += line.kept.value_or("");
  return fmt::format("\"{:016x}\"", XXH3_64bits(of.data(), of.size()));
}

/// Whether an If-None-Match names it: `*`, or a list of tags, weak ones among them.
bool names_tag(std::string_view header, std::string_view tag) {
  while (!header.empty()) {
    const std::size_t comma = std::min(header.find(','), header.size());
    std::string_view one = header.substr(0, comma);
    header.remove_prefix(std::min(comma + 1, header.size()));
    while (one.starts_with(' ') || one.starts_with('\t')) one.remove_prefix(1);
    while (one.ends_with(' ') || one.ends_with('\t')) one.remove_suffix(1);
    if (one == "*") return true;
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == tag) return true;
  }
  return false;
}

/// Looks up what the question names; on the queries thread.
Asked<KnownLine> look_up(const HistoryRouteParts& parts, TraceQuestion& question) {
  if (!question.lap.empty()) {
    auto lap = find_lap(parts.book, question.lap);
    if (!lap) return std::unexpected(std::move(lap.error()));
    question.request.lap = std::move(*lap);
    if (question.request.by != TraceBy::kPosition) return KnownLine{};
    if (!question.request.lap->lap->is_complete) {
      return refuse(409,
                    "incomplete_lap: a lap that is not complete has no place on the track's "
                    "line: ask by distance, or by time");
    }
    return known_line(parts.book, *question.request.lap);
  }
  const auto session = parts.book.find_session(question.session);
  if (!session) return std::unexpected(failed_read(session.error()));
  if (!*session) {
    return refuse(404, fmt::format("unknown_session: there is no session {}: GET /api/sessions "
                                   "lists them",
                                   question.session));
  }
  // How far a live session has come is told every few seconds alone.
  const EventTime now{parts.clock.now().ns};
  const bool is_live = (*session)->is_live(now, parts.session_gap_ns);
  const EventTime end = is_live ? std::max((*session)->ended, now) : (*session)->ended;
  question.request.range = {.track = (*session)->track,
                            .chassis = question.chassis,
                            .from = question.from.value_or((*session)->started),
                            .to = question.to.value_or(end)};
  if (question.request.range.to < question.request.range.from) {
    return refuse(400, "to: a time that is not before from is expected");
  }
  return KnownLine{};
}

void answer_trace(const HistoryRouteParts& parts, const HttpRequest& request,
                  const HttpResponder& respond) {
  auto asked = trace_question(request);
  if (!asked) {
    respond(std::move(asked.error()));
    return;
  }
  parts.queries.post([&parts, question = std::move(*asked), respond]() mutable {
    auto line = look_up(parts, question);
    if (!line) {
      respond(std::move(line.error()));
      return;
    }
    const std::string tag = tag_of(parts, question, *line);
    if (!tag.empty() && names_tag(question.known_tag, tag)) {
      respond({.status = 304, .headers = {{"ETag", tag}}});
      return;
    }
    const bool taken =
        parts.worker.post([&parts, question = std::move(question), line = std::move(*line), tag,
                           respond](const std::stop_token& stop) {
          const auto answer = parts.history.trace(question.request, line, stop);
          if (!answer) {
            respond(failed_history(answer.error()));
            return;
          }
          HttpResponse response;
          if (question.as_csv) {
            response.content_type = "text/csv";
            response.body = trace_csv(question.request, *answer, parts.texts);
            put_lost_in_header(answer->lost, response);
            if (answer->gone_before) {
              response.headers.emplace_back("X-Gone-Before", iso_time(answer->gone_before->ns));
            }
          } else {
            response.body = trace_json(question.request, *answer);
          }
          const bool is_whole = answer->lost == 0 && !answer->gone_before;
          if (!tag.empty() && is_whole) response.headers.emplace_back("ETag", tag);
          respond(parts.unread.hold(std::move(response)));
        });
    if (!taken) respond(too_many_wait());
  });
}

struct ComparisonQuestion {
  std::vector<std::string> ids;
  std::vector<std::string> fields;
  double step_m = 5;
  bool as_csv = false;
};

Asked<ComparisonQuestion> comparison_question(const HistoryRouteParts& parts,
                                              const HttpRequest& request) {
  ComparisonQuestion question;
  static constexpr std::size_t kMaxIdBytes = 256;
  auto ids =
      names_in("laps", request.query_value("laps").value_or(""), kMostComparedLaps, kMaxIdBytes);
  if (!ids) return refuse(400, ids.error().message);
  question.ids = std::move(*ids);
  auto fields = asked_fields(request);
  if (!fields) return refuse(400, fields.error().message);
  question.fields = std::move(*fields);
  if (question.fields.empty()) question.fields.push_back(parts.names.speed);
  if (const auto given = request.query_value("step")) {
    const auto step = parse_number(*given);
    if (!step || !(*step > 0) || !(*step <= 10'000)) {
      return refuse(400, "step: metres above 0, at most 10000");
    }
    question.step_m = *step;
  }
  question.as_csv = wants_table(request);
  return question;
}

Asked<std::vector<StoredLap>> laps_to_compare(const LapBook& book,
                                              const std::vector<std::string>& ids) {
  std::vector<StoredLap> laps;
  for (const std::string& id : ids) {
    auto lap = find_lap(book, id);
    if (!lap) return std::unexpected(std::move(lap.error()));
    if (!lap->lap->is_complete || !lap->lap->lap_time_s) {
      return refuse(409, fmt::format("incomplete_lap: lap {} is not complete: only whole laps can "
                                     "be compared",
                                     id));
    }
    if (!laps.empty() && lap->lap->activity.track != laps.front().lap->activity.track) {
      return refuse(400, fmt::format("laps: {} is of another track than {}", id, ids.front()));
    }
    laps.push_back(std::move(*lap));
  }
  return laps;
}

void answer_compare(const HistoryRouteParts& parts, const HttpRequest& request,
                    const HttpResponder& respond) {
  auto asked = comparison_question(parts, request);
  if (!asked) {
    respond(std::move(asked.error()));
    return;
  }
  parts.queries.post([&parts, question = std::move(*asked), respond]() mutable {
    auto laps = laps_to_compare(parts.book, question.ids);
    if (!laps) {
      respond(std::move(laps.error()));
      return;
    }
    auto line = known_line(parts.book, laps->front());
    if (!line) {
      respond(std::move(line.error()));
      return;
    }
    const bool taken =
        parts.worker.post([&parts, question = std::move(question), laps = std::move(*laps),
                           line = std::move(*line), respond](const std::stop_token& stop) {
          const auto comparison =
              parts.history.compare(laps, question.fields, question.step_m, line, stop);
          if (!comparison) {
            respond(failed_history(comparison.error(), 409));
          } else if (question.as_csv) {
            HttpResponse response{.body = comparison_csv(*comparison, parts.texts),
                                  .content_type = "text/csv"};
            std::uint64_t lost = 0;
            for (const ComparedLap& lap : comparison->laps) lost = std::max(lost, lap.lost);
            put_lost_in_header(lost, response);
            respond(parts.unread.hold(std::move(response)));
          } else {
            respond(parts.unread.hold({.body = comparison_json(*comparison)}));
          }
        });
    if (!taken) respond(too_many_wait());
  });
}

/// By metre: sectors are told by the distance.
std::vector<SectorPlace> sectors_of(const SectorMap& map, const std::string& track,
                                    double length_m) {
  std::vector<SectorPlace> places;
  for (double metre = 0; metre < length_m; metre += 1) {
    const std::int32_t sector = map.sector_at(track, metre);
    if (!places.empty() && places.back().sector == sector) continue;
    if (!places.empty()) places.back().to_m = metre;
    places.push_back({.sector = sector, .from_m = metre, .to_m = length_m});
  }
  return places;
}

void answer_track(const HistoryRouteParts& parts, const HttpRequest& request,
                  const HttpResponder& respond) {
  const std::string track(request.path_parameter("name"));
  const std::string session(request.query_value("session").value_or(""));
  parts.queries.post([&parts, track, session, respond] {
    std::string of = session;
    if (of.empty() && line_name(track, "") != track) {
      const auto sessions = parts.book.query_sessions({.track = track});
      if (!sessions) {
        respond(failed_read(sessions.error()));
        return;
      }
      if (!sessions->empty()) of = sessions->front().id;
    }
    auto line = known_line(parts.book, line_name(track, of), track, of);
    if (!line) {
      respond(std::move(line.error()));
      return;
    }
    const bool taken = parts.worker.post([&parts, track, line = std::move(*line),
                                          respond](const std::stop_token& stop) {
      const auto learned = parts.history.track(line, stop);
      if (!learned) {
        respond(failed_history(learned.error()));
      } else if (!*learned) {
        respond(error_response(404, fmt::format("unknown_track: nobody has driven a complete lap "
                                                "of {} yet, or the log does not have it any more",
                                                track)));
      } else {
        LearnedLine told = **learned;
        told.name = track;
        respond(
            parts.unread.hold({.body = track_line_json(
                                   told, sectors_of(parts.sectors, track, told.line.length_m()))}));
      }
    });
    if (!taken) respond(too_many_wait());
  });
}

struct HistoryRoute {
  const char* pattern;
  std::vector<std::string_view> parameters;
  void (*answer)(const HistoryRouteParts&, const HttpRequest&, const HttpResponder&);
};

std::vector<HistoryRoute> history_routes() {
  return {{"/api/trace",
           {"lap", "session", "chassis", "from", "to", "fields", "by", "points"},
           answer_trace},
          {"/api/compare", {"laps", "fields", "step"}, answer_compare},
          {"/api/track/:name", {"session"}, answer_track}};
}

}  // namespace

void add_history_routes(HttpServer& http, const HistoryRouteParts& parts) {
  const auto shared = std::make_shared<const HistoryRouteParts>(parts);
  for (const HistoryRoute& route : history_routes()) {
    http.route(
        "GET", route.pattern,
        [shared, answer = route.answer](const HttpRequest& request, const HttpResponder& respond) {
          answer(*shared, request, respond);
        },
        {.scope = Scope::kRead, .parameters = {.names = route.parameters}});
  }
}

void add_no_history_routes(HttpServer& http) {
  for (const HistoryRoute& route : history_routes()) {
    http.route("GET", route.pattern,
               [](const HttpRequest&, const HttpResponder& respond) {
                 respond(error_response(501,
                                        "no_history: recorded laps are read from a log on this "
                                        "machine, and here is none"));
               },
               {.scope = Scope::kRead, .parameters = {.names = route.parameters}});
  }
}

}  // namespace slipstream
