#include "app/session_recordings.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "app/recovery.h"
#include "history/session_reader.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kUntilNextTry{50};

using Parts = std::shared_ptr<const SessionRecordingsParts>;

/// Its pages are asked for on the I/O thread, and read on the worker's, one at a time.
class SessionRecording final : public RecordedPoints,
                               public std::enable_shared_from_this<SessionRecording> {
 public:
  SessionRecording(Parts parts, std::shared_ptr<const Filter> filter)
      : parts_(std::move(parts)),
        filter_(std::move(filter)),
        projection_(*filter_, parts_->identity) {}

  void read(std::uint64_t upto, RecordedTaker taker) override {
    parts_->journal.when_durable(
        upto, Durability::kLogged, [self = shared_from_this(), upto, taker](bool is_logged) {
          if (!is_logged) {
            return self->answer(taker, fail("the log cannot be written", ErrorCode::kIo));
          }
          if (self->reader_) return self->post_read(upto, taker);
          self->parts_->queries.post([self, upto, taker] { self->find_sessions(upto, taker); });
        });
  }

 private:
  /// Before the first page. On the queries thread.
  void find_sessions(std::uint64_t upto, const RecordedTaker& taker) {
    if (auto opened = open(); !opened) return answer(taker, std::unexpected(opened.error()));
    post_read(upto, taker);
  }

  Result<void> open() {
    const EventTime now{parts_->durable.clock.now().ns};
    const std::int64_t gap_ns = parts_->durable.config.racing.session_gap_ns();
    SessionReader::Query query{
        .from = {now.ns - gap_ns},
        .max_hz = filter_->max_hz,
        .wants = [this](std::string_view track, std::string_view chassis,
                        std::string_view tags) { return filter_->matches(track, chassis, tags); },
        .append = [this](std::string& out,
                         std::string_view json) { projection_.append_point(out, json); }};
    const auto sessions =
        parts_->book.query_sessions({.from = EventTime{now.ns - gap_ns}, .to = {}});
    if (!sessions) return std::unexpected(sessions.error());
    std::map<std::string, std::vector<StoredSession>> by_track;
    for (const StoredSession& session : *sessions) by_track[session.track].push_back(session);
    EventTime first = query.from;
    for (const auto& [track, of_track] : by_track) {
      const StoredSession* const running = running_one(of_track, now, gap_ns);
      if (running == nullptr) continue;
      // Those that run beside it, too: what a save goes on in ended before it began.
      EventTime from = running->started;
      for (const StoredSession& other : of_track) {
        if (other.is_live(now, gap_ns) && other.ended >= running->started) {
          from = std::min(from, other.started);
        }
      }
      query.tracks[track] = from;
      first = std::min(first, from);
    }
    const Config& config = parts_->durable.config;
    const std::int64_t ahead_ns = config.schema.future_skew_ms * kNsPerMs;
    const auto segments = parts_->durable.log->synced_segments();
    const bool is_cut = !segments.empty() && segments.front().resumes_from > 0 &&
                        segments.front().created_ns > first.ns;
    if (!query.tracks.empty() && is_cut) gone_before_ = EventTime{segments.front().created_ns};
    reader_ = std::make_unique<SessionReader>(parts_->durable.files, log_folder(config),
                                              first_offset_for(segments, first, ahead_ns),
                                              config.schema, std::move(query));
    return {};
  }

  void post_read(std::uint64_t upto, const RecordedTaker& taker) {
    const bool is_taken =
        parts_->worker.post([self = shared_from_this(), upto, taker](const std::stop_token& stop) {
          auto page = self->reader_->next(upto, self->parts_->durable.clock, stop);
          if (!page) return self->answer(taker, std::unexpected(page.error()));
          self->answer(taker, RecordedPage{.points = std::move(page->points),
                                           .count = page->count,
                                           .lost = page->lost,
                                           .is_last = page->is_last,
                                           .gone_before = std::exchange(self->gone_before_, {})});
        });
    if (is_taken) return;
    parts_->io.after(kUntilNextTry,
                     [self = shared_from_this(), upto, taker] { self->post_read(upto, taker); });
  }

  void answer(const RecordedTaker& taker, Result<RecordedPage> page) {
    parts_->io.post([taker, page = std::move(page), parts = parts_] {
      taker(page, parts->durable.clock.moment());
    });
  }

  const Parts parts_;
  const std::shared_ptr<const Filter> filter_;
  Projection projection_;
  std::unique_ptr<SessionReader> reader_;
  std::optional<EventTime> gone_before_;  ///< told with the first page
};

}  // namespace

SessionRecordings::SessionRecordings(SessionRecordingsParts parts)
    : parts_(std::make_shared<const SessionRecordingsParts>(std::move(parts))) {}

std::shared_ptr<RecordedPoints> SessionRecordings::open(std::shared_ptr<const Filter> filter) {
  return std::make_shared<SessionRecording>(parts_, std::move(filter));
}

}  // namespace slipstream
