#pragma once
#include <cstdint>

#include "app/history_pages.h"
#include "app/history_worker.h"
#include "app/unread_answers.h"
#include "base/clock.h"
#include "codec/csv_text.h"
#include "history/lap_history.h"
#include "model/sinks.h"
#include "net/http_server.h"

namespace slipstream {

/// What answers are made of. All of it outlives the server.
struct HistoryRouteParts {
  const LapBook& book;
  IoThread& queries;      ///< where the book is asked
  HistoryWorker& worker;  ///< where the log is read ...
  LapHistory& history;    ///< ... by this
  const SectorMap& sectors;
  const Clock& clock;
  CsvTexts texts;
  HistoryNames names;
  UnreadAnswers unread = UnreadAnswers();
  std::int64_t session_gap_ns = 0;  ///< a session that was heard of within it is live
};

/// GET /api/trace, /api/compare and /api/track/NAME.
void add_history_routes(HttpServer& http, const HistoryRouteParts& parts);
/// The same where there is no log to be read, or nobody tells laps: 501 `no_history`.
void add_no_history_routes(HttpServer& http);

}  // namespace slipstream
