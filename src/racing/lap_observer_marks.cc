// What marks of a source change: flashbacks, and saves that are loaded.
#include <algorithm>
#include <limits>
#include <optional>

#include "racing/lap_observer.h"

namespace slipstream {
namespace {

constexpr std::uint64_t kTellAgain = std::numeric_limits<std::uint64_t>::max();

}  // namespace

void LapObserver::observe_mark(const Mark& mark) {
  if (mark.session.empty()) return;
  if (mark.takes_points_back()) take_back(mark);
  if (mark.kind == "save_reload" && !mark.goes_on_from.empty()) go_on(mark);
}

void LapObserver::take_back(const Mark& mark) {
  const double to = *mark.to_session_time_s;
  const auto session =
      std::ranges::find(sessions_, mark.session, &decltype(sessions_)::value_type::first);
  std::optional<std::uint64_t> from;
  std::uint64_t until = 0;
  bool is_known = false;
  if (session != sessions_.end()) {
    SessionFrames& frames = session->second;
    from = frames.first_since(to);
    until = std::max(frames.newest(), mark.frame && *mark.frame > 0 ? *mark.frame - 1 : 0);
    is_known = frames.reaches(to);
    if (from) frames.take_back(*from, until);
  }
  for (auto& [number, machine] : machines_) {
    for (OpenActivity& open : machine->open) {
      if (open.activity.key.source_session != mark.session) continue;
      end_doubt(open);
      if (open.has_frames && from) open.laps.take_back(*from, until);
      if (!open.has_frames || !is_known) open.laps.lose_track(to);
      open.told_points = kTellAgain;
      list(*machine, number);
    }
  }
}

void LapObserver::go_on(const Mark& mark) {
  std::erase_if(reloads_, [&](const auto& reload) { return reload.first == mark.session; });
  reloads_.emplace_back(mark.session, mark.goes_on_from);
  if (reloads_.size() > kMostSessions) reloads_.pop_front();
  for (auto& [number, machine] : machines_) {
    for (OpenActivity& open : machine->open) {
      if (open.activity.key.source_session != mark.session) continue;
      open.activity.goes_on_from = mark.goes_on_from;
      go_on_from(*machine, open);
      list(*machine, number);
    }
  }
}

}  // namespace slipstream
