#pragma once
#include <atomic>
#include <string>

#include "broadcast/hub.h"
#include "net/http_server.h"
#include "source/ingest_service.h"

namespace slipstream {

// The HTTP endpoints and the WebSocket of a server. What is given outlives the HTTP server.

/// /api/ingest.
void add_ingest_routes(HttpServer& http, IngestService& ingest);
/// What there is to ask for, of the paths that this server has when it is asked; and what all of it
/// means, as OpenAPI.
void add_description_routes(HttpServer& http);
/// Recent points, live series, and the WebSocket.
void add_live_routes(HttpServer& http, Hub& hub, const Clock& clock, const std::string& ws_path);
/// Whether the server is there, and whether it is ready.
void add_probe_routes(HttpServer& http, const std::atomic<bool>& is_ready);
/// The dashboard.
void add_page_routes(HttpServer& http);

}  // namespace slipstream
