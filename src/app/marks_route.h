#pragma once
#include "codec/csv_text.h"
#include "net/http_server.h"
#include "source/ingest_service.h"
#include "store/rollup_store.h"

namespace slipstream {

/// What answers are made of. All of it outlives the server.
struct MarksRouteParts {
  const RollupStore& store;
  IoThread& queries;  ///< where the store is asked
  CsvTexts texts;
};

/// GET /api/marks: a page of stored marks, in JSON or as a table.
void add_marks_route(HttpServer& http, const MarksRouteParts& parts);
/// POST /api/marks: a mark by hand, which is answered once it is as durable as a body of points.
void add_mark_ingest_route(HttpServer& http, IngestService& ingest);

}  // namespace slipstream
