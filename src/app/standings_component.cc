#include "app/standings_component.h"

#include <string>

#include "net/http_server.h"
#include "racing/standings_message.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kTurn(200);
constexpr std::uint32_t kQuietTurns = 5;  ///< between two messages, where no points come

}  // namespace

StandingsComponent::StandingsComponent(const Clock& clock, IoThread& io, Hub& hub)
    : clock_(clock), io_(io), hub_(hub), standings_({}, [this] {
        has_some_.store(true);
        // Turns go on by themselves; where they have ended, this begins them again.
        if (!is_turning_.exchange(true)) io_.after(kTurn, [this] { turn(); });
      }) {}

void StandingsComponent::turn() {
  const bool has_some = has_some_.exchange(false);
  if (has_some || ++quiet_turns_ >= kQuietTurns) {
    quiet_turns_ = 0;
    tell();
  }
  if (!standings_.is_falling_silent(clock_.now())) {
    is_turning_.store(false);
    // What came just before that found turns that seemed to go on.
    if (!has_some_.load() || is_turning_.exchange(true)) return;
  }
  io_.after(kTurn, [this] { turn(); });
}

void StandingsComponent::tell() {
  const ArrivalTime now = clock_.now();
  const auto moved = standings_.update(now);
  if (!hub_.wants(Channel::kStandings)) return;
  for (const auto& track : moved) {
    const auto standings = standings_.of(track, now);
    if (!standings) continue;
    hub_.broadcast_track(Channel::kStandings, track, encode_standings(*standings));
  }
}

HttpResponse StandingsComponent::answer(const HttpRequest& request) {
  const ArrivalTime now = clock_.now();
  standings_.update(now);
  const auto track = request.query_value("track");
  const auto session = request.query_value("session");
  std::string body = R"({"standings":[)";
  for (const auto& name : standings_.tracks()) {
    if (track && *track != name) continue;
    const auto standings = standings_.of(name, now);
    if (!standings || (session && *session != standings->session)) continue;
    if (!body.ends_with('[')) body += ',';
    body += encode_standings(*standings);
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
