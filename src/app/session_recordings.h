#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/durable_parts.h"
#include "app/history_worker.h"
#include "broadcast/recordings.h"
#include "model/stored_laps.h"
#include "net/io_thread.h"
#include "pipeline/journal.h"

namespace slipstream {

/// What a late join is made of. All of it outlives the last answer.
struct SessionRecordingsParts {
  DurableParts& durable;  ///< has its log
  Journal& journal;       ///< which writes that log
  const LapBook& book;
  IoThread& io;                       ///< where pages are taken
  IoThread& queries;                  ///< where the book is asked
  HistoryWorker& worker;              ///< where the log is read
  std::vector<std::string> identity;  ///< members that a point keeps, whatever fields are asked for
};

/// What the log of this machine has of the running sessions: of each track that which was heard of
/// last within a session's gap; where the store knows of none, all that is no older than the gap.
class SessionRecordings final : public Recordings {
 public:
  explicit SessionRecordings(SessionRecordingsParts parts);

  std::uint64_t end() const override { return parts_->journal.next_offset(); }
  std::shared_ptr<RecordedPoints> open(std::shared_ptr<const Filter> filter) override;

 private:
  const std::shared_ptr<const SessionRecordingsParts> parts_;
};

}  // namespace slipstream
