#pragma once
#include <functional>

#include "net/http_server.h"
#include "source/ingest_service.h"

namespace slipstream {

// What InfluxDB's clients ask of a server, so that they send here unchanged. They may show their
// token as InfluxDB 1 has it, too (`?u=NAME&p=TOKEN`), and parameters that mean nothing here are
// passed over.

/// /write, /api/v2/write and /api/v3/write_lp, and what clients ask besides before they write:
/// /query knows CREATE DATABASE and SHOW DATABASES, other queries say what to use in their place.
/// `ingest` outlives the server.
void add_influx_routes(HttpServer& http, IngestService& ingest);

/// /ping and /health, open to everybody. `is_fit` is asked on the I/O thread.
void add_influx_probes(HttpServer& http, std::function<bool()> is_fit);

/// InfluxDB's answer to what it is asked in InfluxQL, or why there is none.
Result<std::string> influx_query_answer(std::string_view statements);

}  // namespace slipstream
