#pragma once
#include "net/http.h"
#include "source/ingest_service.h"

namespace slipstream {

/// The doors of HTTP in front of an IngestService, which must outlive the server whose routes call
/// them. They translate requests and answers, and know nothing of points. Their routes must hear
/// denials, since those are counted as refused points. Threads: any.

/// POST /api/ingest: JSON, NDJSON, CSV or a TRD export, by Content-Type.
void take_ingest(IngestService& service, HttpRequest request, HttpResponder respond);

/// The body of POST /api/marks: one mark as a JSON object.
void take_mark(IngestService& service, HttpRequest request, HttpResponder respond);

/// InfluxDB's POST /write, /api/v2/write and /api/v3/write_lp: line protocol, answered as InfluxDB
/// answers: 204, or why not. Where some lines are refused the others are taken, unless v3's
/// `accept_partial=false` says otherwise, and the answer is 400. v3's `no_sync=true` waits for
/// nothing.
void take_influx_write(IngestService& service, InfluxApi api, HttpRequest request,
                       HttpResponder respond);

}  // namespace slipstream
