#pragma once
#include "codec/csv_text.h"
#include "net/http_server.h"
#include "net/io_thread.h"
#include "store/rollup_store.h"

namespace slipstream {

/// What answers are made of. All of it outlives the server.
struct AlertsRouteParts {
  const RollupStore& store;
  IoThread& queries;  ///< where the store is asked
  CsvTexts texts;
};

/// GET /api/alerts: a page of what was raised and cleared, in JSON or as a table.
void add_alerts_route(HttpServer& http, const AlertsRouteParts& parts);

}  // namespace slipstream
