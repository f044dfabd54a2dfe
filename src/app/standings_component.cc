#include "app/standings_component.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "history/learned_line.h"
#include "net/http_server.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kTurn(200);
constexpr std::uint32_t kQuietTurns = 5;  ///< between two messages, where no points come

}  // namespace

StandingsComponent::StandingsComponent(const Parts& parts)
    : parts_(parts), standings_({}, [this] {
        has_some_.store(true);
        // Turns go on by themselves; where they have ended, this begins them again.
        if (!is_turning_.exchange(true)) parts_.io.after(kTurn, [this] { turn(); });
      }) {}

void StandingsComponent::turn() {
  const bool has_some = has_some_.exchange(false);
  if (has_some || ++quiet_turns_ >= kQuietTurns) {
    quiet_turns_ = 0;
    tell();
  }
  look();
  if (!standings_.is_falling_silent(parts_.clock.now())) {
    is_turning_.store(false);
    // What came just before that found turns that seemed to go on.
    if (!has_some_.load() || is_turning_.exchange(true)) return;
  }
  parts_.io.after(kTurn, [this] { turn(); });
}

/// Now and again: sessions begin, are joined, and lines are learned.
void StandingsComponent::look() {
  const SteadyTime now = parts_.clock.steady();
  if (is_looking_ || now < looked_ + kBetweenLooksNs) return;
  is_looking_ = true;
  looked_ = now;
  std::map<std::string, std::string> parts;
  for (const std::string& track : standings_.tracks()) {
    parts[track] = standings_.source_session(track);
  }
  parts_.queries.post([this, parts = std::move(parts)] { look_up(parts); });
}

/// On the queries thread. What cannot be read now is as it was.
void StandingsComponent::look_up(const std::map<std::string, std::string>& parts) {
  const EventTime now{parts_.clock.now().ns};
  std::erase_if(known_, [&](const auto& known) { return !parts.contains(known.first); });
  std::map<std::string, TrackFacts> facts;
  for (const auto& [track, part] : parts) {
    Known& known = known_[track];
    known.facts.session = running_session(track, part, now);
    const std::string name = line_name(track, known.facts.session);
    const auto kept = parts_.book.track_line(name);
    const bool is_another = name != known.line_name;
    if (kept && (is_another || kept->value_or("") != known.line_text)) {
      known.line_name = name;
      known.line_text = kept->value_or("");
      const auto learned = parse_track_line(known.line_text);
      known.facts.line = learned ? std::make_shared<const TrackLine>(learned->line) : nullptr;
    } else if (is_another) {
      known.facts.line = nullptr;
    }
    facts[track] = known.facts;
  }
  parts_.io.post([this, facts = std::move(facts)]() mutable {
    facts_ = std::move(facts);
    is_looking_ = false;
  });
}

std::string StandingsComponent::running_session(const std::string& track, const std::string& part,
                                                EventTime now) const {
  auto sessions = parts_.book.query_sessions(
      {.track = track, .from = EventTime{now.ns - parts_.session_gap_ns}, .to = {}});
  if (!sessions) return {};
  std::erase_if(*sessions, [&](const StoredSession& session) {
    return part.empty() ? !session.parts.empty()
                        : std::ranges::find(session.parts, part) == session.parts.end();
  });
  const StoredSession* const running = running_one(*sessions, now, parts_.session_gap_ns);
  return running == nullptr ? std::string() : running->id;
}

const TrackFacts& StandingsComponent::facts_of(const std::string& track) const {
  static const TrackFacts kNone;
  const auto known = facts_.find(track);
  return known == facts_.end() ? kNone : known->second;
}

void StandingsComponent::tell() {
  const ArrivalTime now = parts_.clock.now();
  const auto moved = standings_.update(now);
  if (!parts_.hub.wants(Channel::kStandings)) return;
  for (const auto& track : moved) {
    const auto standings = standings_.of(track, now);
    if (!standings) continue;
    parts_.hub.broadcast_track(Channel::kStandings, track,
                               encode_standings(*standings, facts_of(track)));
  }
}

HttpResponse StandingsComponent::answer(const HttpRequest& request) {
  const ArrivalTime now = parts_.clock.now();
  standings_.update(now);
  const auto track = request.query_value("track");
  const auto session = request.query_value("session");
  std::string body = R"({"standings":[)";
  for (const auto& name : standings_.tracks()) {
    if (track && *track != name) continue;
    const auto standings = standings_.of(name, now);
    if (!standings) continue;
    const TrackFacts& facts = facts_of(name);
    if (session && *session != facts.session && *session != standings->session) continue;
    if (!body.ends_with('[')) body += ',';
    body += encode_standings(*standings, facts);
  }
  return {.body = body += "]}"};
}

void StandingsComponent::routes(HttpServer& http) {
  http.route("GET", "/api/standings",
             [this](const HttpRequest& request, const HttpResponder& respond) {
               respond(answer(request));
             },
             {.scope = Scope::kRead, .parameters = {.names = {"track", "session"}}});
}

void StandingsComponent::metrics(MetricsPage& page) const {
  page.counter("standings_samples_dropped_total",
               "Samples of cars that the standings had no room for",
               static_cast<double>(standings_.dropped()));
}

}  // namespace slipstream
