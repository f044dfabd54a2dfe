#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/lap.h"
#include "model/stored_events.h"

namespace slipstream {

/// A stored lap's row: given out from 1 in the order of commits; a lap that changed has a new one.
/// 0: none.
using LapRow = std::int64_t;
/// How far somebody has read the stored laps, as RollupCursor of rollups.
using LapCursor = RollupCursor;

/// Best of its session and track, or of its machine there; of laps that count (complete, valid).
enum class BestLap : std::uint8_t { kNone, kPersonal, kSession };

/// Of a lap's row, and what it says.
LapCursor lap_cursor(LapRow row, std::string_view track, std::string_view chassis, std::int32_t lap,
                     std::uint32_t repeat, std::uint32_t revision);

struct StoredLap {
  LapRow row = 0;
  std::string id = {};       ///< <session>-<machine>-<lap>, and which of that number
  std::string session = {};  ///< its id
  BestLap best = BestLap::kNone;
  LapPtr lap = {};

  LapCursor cursor() const;
};

/// Closed ones alone, in the order of their rows.
struct StoredLaps {
  std::vector<StoredLap> laps = {};
  LapCursor to = {};        ///< the last one; equals `after` where none was left
  bool is_foreign = false;  ///< the cursor is of another store: nothing was read
};

/// What /api/laps asks for.
struct LapQuery {
  std::string session = {};  ///< its id, or one that it had before; empty: all
  std::string track = {};
  std::string chassis = {};
  std::optional<std::int32_t> lap = {};
  std::size_t limit = 100;  ///< 1..1,000
  std::string cursor = {};  ///< of the page before
};
/// The newest by their beginning first.
struct LapPage {
  std::vector<StoredLap> laps = {};
  std::optional<std::string> next = {};  ///< where more follow
};

/// What one track saw without a pause, or what the source calls a session, with all that its saves
/// go on in.
struct StoredSession {
  std::string id = {};
  std::string track = {};
  std::string name = {};  ///< given by a person; empty: none
  EventTime started = {};
  EventTime ended = {};
  std::uint64_t machines = 0;
  std::uint64_t laps = 0;
  std::uint64_t points = 0;
  std::vector<std::string> parts = {};  ///< what the source calls them, in their order
  bool is_pinned = false;

  /// Points may still come that join it: its end is no further than a gap from now.
  bool is_live(EventTime now, std::int64_t gap_ns) const {
    return now.ns - gap_ns < ended.ns && ended.ns < now.ns + gap_ns;
  }
};

/// The one of these sessions of a track that points come for now: that which was heard of last.
/// nullptr: none is live.
inline const StoredSession* running_one(const std::vector<StoredSession>& sessions, EventTime now,
                                        std::int64_t gap_ns) {
  const StoredSession* running = nullptr;
  for (const StoredSession& session : sessions) {
    if (!session.is_live(now, gap_ns)) continue;
    if (running == nullptr || session.ended > running->ended) running = &session;
  }
  return running;
}

/// What /api/sessions asks for: those that overlap [from, to].
struct SessionQuery {
  std::string track = {};  ///< empty: all
  std::optional<EventTime> from = {};
  std::optional<EventTime> to = {};
};

/// Where a session's points are: those of these machines of its track, from then to then.
struct SessionExtent {
  std::string id = {};
  std::string track = {};
  EventTime from = {};
  EventTime to = {};
  std::vector<std::string> chassis = {};
  bool is_pinned = true;
};

/// What is known of laps and sessions. Errors: kRefused (a cursor that no page gave), kCorrupt (the
/// store is damaged), others: it cannot be read now.
/// Threads: one, the one for queries.
class LapBook {
 public:
  virtual ~LapBook() = default;
  virtual Result<LapPage> query_laps(const LapQuery& query) const = 0;
  /// By its id, or one that it had before its session was joined to another. Nothing: unknown.
  virtual Result<std::optional<StoredLap>> find_lap(std::string_view id) const = 0;
  /// The newest first.
  virtual Result<std::vector<StoredSession>> query_sessions(const SessionQuery& query) const = 0;
  /// By its id, or one that it had before it was joined to another. Nothing: unknown.
  virtual Result<std::optional<StoredSession>> find_session(std::string_view id) const = 0;
  /// Of all that are pinned, and of that one, where it is known.
  virtual Result<std::vector<SessionExtent>> pinned_extents(std::string_view also) const = 0;
  /// The track line that was kept last under that name, as its text.
  virtual Result<std::optional<std::string>> track_line(std::string_view name) const = 0;
};

}  // namespace slipstream
