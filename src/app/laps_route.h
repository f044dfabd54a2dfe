#pragma once
#include <cstdint>
#include <functional>

#include "app/session_pins.h"
#include "base/clock.h"
#include "codec/csv_text.h"
#include "net/http_server.h"
#include "store/rollup_store.h"
#include "store/store_writer.h"

namespace slipstream {

/// What answers are made of. All of it outlives the server.
struct LapsRouteParts {
  const RollupStore& store;
  /// Whoever commits to the store; there once the server runs.
  std::function<StoreWriter&()> writer;
  const Clock& clock;
  IoThread& queries;  ///< where the store is asked
  CsvTexts texts;
  std::int64_t session_gap_ns;
  bool is_followed;  ///< laps are told here: else all of it answers 501 `not_followed`
  SessionPins& pins;
};

/// GET /api/laps: a page of laps, in JSON or as a table. GET /api/sessions: sessions likewise, all
/// that there are. PATCH /api/sessions/ID: what a person says of a session.
void add_laps_routes(HttpServer& http, const LapsRouteParts& parts);

}  // namespace slipstream
