#include "app/session_pins.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "app/query_values.h"

namespace slipstream {

void SessionPins::start() {
  if (parts_.kept == nullptr) return;
  changed(true);
  parts_.queries.every(kBetweenLooks, [this] { look(); });
}

void SessionPins::changed(bool is_pinned) {
  if (parts_.kept == nullptr) return;
  if (!is_pinned) parts_.kept->session_unpinned();
  parts_.queries.post([this] {
    look();
    parts_.indexer->look_now();
  });
}

/// Where the store cannot be read now, all is needed that was.
void SessionPins::look() {
  auto sessions = parts_.book.pinned_extents({});
  if (!sessions) return;
  open_ended(*sessions);
  parts_.kept->set_sessions(std::move(*sessions));
}

void SessionPins::open_ended(std::vector<SessionExtent>& sessions) const {
  const EventTime now{parts_.clock.now().ns};
  for (SessionExtent& session : sessions) {
    const StoredSession as_stored{.ended = session.to};
    if (!as_stored.is_live(now, parts_.session_gap_ns)) continue;
    session.to = {std::numeric_limits<std::int64_t>::max()};
  }
}

void SessionPins::may_pin(std::string id,
                          std::function<void(std::optional<HttpResponse> refused)> done) {
  if (parts_.kept == nullptr) {
    return done(coded_error(501, "no_history",
                            "there is no log on this machine whose points could be kept"));
  }
  parts_.queries.post([this, id = std::move(id), done = std::move(done)] {
    auto sessions = parts_.book.pinned_extents(id);
    if (!sessions) return done(failed_read(sessions.error()));
    // One that is pinned already takes nothing more.
    if (std::ranges::all_of(*sessions, &SessionExtent::is_pinned)) return done(std::nullopt);
    const bool is_taken =
        parts_.worker.post([this, sessions = std::move(*sessions), done](const std::stop_token&) {
          done(refusal_of(sessions));
        });
    if (!is_taken) {
      done(error_response(503, "too many questions about the log wait: try again later"));
    }
  });
}

std::optional<HttpResponse> SessionPins::refusal_of(
    const std::vector<SessionExtent>& sessions) const {
  const auto need = parts_.kept->need_of(sessions, parts_.log->synced_segments());
  const std::uint64_t most = parts_.kept->max_bytes();
  if (need.bytes > most) {
    return coded_error(409, "pinned_full",
                       fmt::format("with this session the log would keep {} bytes for pinned ones, "
                                   "and PINNED_MAX_BYTES allows {}: let go of another one first "
                                   "({{\"pinned\":false}})",
                                   need.bytes, most));
  }
  if (need.bytes + need.maybe_bytes > most) {
    return error_response(503,
                          "how much this session takes cannot be told yet: parts of the log have "
                          "no index so far (history in /api/health); try again later");
  }
  return std::nullopt;
}

}  // namespace slipstream
