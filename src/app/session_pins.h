#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "app/history_worker.h"
#include "app/log_indexer.h"
#include "base/clock.h"
#include "history/pinned_segments.h"
#include "log/segment_log.h"
#include "model/stored_laps.h"
#include "net/http.h"
#include "net/io_thread.h"

namespace slipstream {

/// What pinned sessions need is asked of the book now and again, since sessions grow and are
/// joined, and told to who keeps it. Threads: start() from one; all others from any.
class SessionPins {
 public:
  struct Parts {
    const Clock& clock;
    const LapBook& book;
    IoThread& queries;      ///< where the book is asked
    HistoryWorker& worker;  ///< where it is looked what a session takes
    const SegmentLog* log;  ///< nullptr: there is none ...
    PinnedSegments* kept;   ///< ... and nothing is kept
    LogIndexer* indexer;    ///< lets go of what is not needed any more; likewise
    std::int64_t session_gap_ns;
  };
  explicit SessionPins(const Parts& parts) : parts_(parts) {}

  void start();
  /// Whether there is room for what a session takes beside all that are pinned; `done` is called
  /// later, with why not: 409 `pinned_full`, 501 `no_history`, or 503. A session that is not known
  /// takes nothing.
  void may_pin(std::string id, std::function<void(std::optional<HttpResponse> refused)> done);
  /// A session was pinned, or is not any more.
  void changed(bool is_pinned);

  static constexpr std::chrono::milliseconds kBetweenLooks{5'000};

 private:
  void look();
  /// Sessions that go on, as far as they may go.
  void open_ended(std::vector<SessionExtent>& sessions) const;
  std::optional<HttpResponse> refusal_of(const std::vector<SessionExtent>& sessions) const;

  const Parts parts_;
};

}  // namespace slipstream
