#pragma once
#include <memory>
#include <optional>

#include "app/component.h"
#include "app/durable_parts.h"
#include "app/history_route.h"
#include "app/history_worker.h"
#include "app/log_indexer.h"
#include "history/lap_history.h"
#include "net/io_thread.h"

namespace slipstream {

/// Recorded laps, read out of the log: traces, comparisons, the lines of tracks; and the indexes of
/// the log's segments, which make that quick. Without a log in files it
/// answers 501.
class HistoryComponent final : public Component {
 public:
  struct Parts {
    DurableParts& durable;  ///< has its log, where there is one, its writer and its sectors
    const LapBook& book;
    IoThread& queries;
  };
  /// All of it outlives this.
  explicit HistoryComponent(Parts parts);

  std::string_view name() const override { return "history"; }
  void start() override;
  /// What waits is told that it is given up.
  bool stop() override;
  void routes(HttpServer& http) override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;

 private:
  /// What there is where there is a log.
  struct Open {
    explicit Open(DurableParts& durable);
    SegmentIndexes indexes;
    LapHistory history;
    LogIndexer indexer;
  };
  static HistoryNames names_of(const Config& config);

  const Parts parts_;
  HistoryWorker worker_;
  std::unique_ptr<Open> open_;
};

}  // namespace slipstream
