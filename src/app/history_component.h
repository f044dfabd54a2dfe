#pragma once
#include <memory>
#include <string>
#include <vector>

#include "app/component.h"
#include "app/durable_parts.h"
#include "app/history_route.h"
#include "app/history_worker.h"
#include "app/log_indexer.h"
#include "app/session_pins.h"
#include "app/session_recordings.h"
#include "history/lap_history.h"
#include "net/io_thread.h"

namespace slipstream {

/// Recorded laps, read out of the log: traces, comparisons, the lines of tracks; what late clients
/// get first; and the indexes of the log's segments, which make that quick. Without a log in files
/// it answers 501.
class HistoryComponent final : public Component {
 public:
  struct Parts {
    DurableParts& durable;  ///< has its log, where there is one, its writer and its sectors
    const LapBook& book;
    IoThread& io;
    IoThread& queries;
    Journal& journal;
    std::vector<std::string> identity;  ///< members of points that late clients get in any case
  };
  /// All of it outlives this. Errors: what is kept for pinned sessions cannot be listed.
  static Result<std::unique_ptr<HistoryComponent>> open(Parts parts);

  std::string_view name() const override { return "history"; }
  void start() override;
  /// What waits is told that it is given up.
  bool stop() override;
  void routes(HttpServer& http) override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;

  /// nullptr: there is no log on this machine.
  Recordings* recordings() { return open_ ? &open_->recordings : nullptr; }
  SessionPins& pins() { return pins_; }

 private:
  explicit HistoryComponent(Parts parts);
  /// What there is where there is a log.
  struct Open {
    Open(const Parts& parts, HistoryWorker& worker);
    SegmentIndexes indexes;
    PinnedSegments pinned;
    LapHistory history;
    LogIndexer indexer;
    SessionRecordings recordings;
  };
  static HistoryNames names_of(const Config& config);

  const Parts parts_;
  HistoryWorker worker_;
  std::unique_ptr<Open> open_;
  SessionPins pins_;
};

}  // namespace slipstream
