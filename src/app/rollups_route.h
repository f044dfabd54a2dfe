#pragma once
#include "app/parts.h"
#include "net/http.h"

namespace slipstream {

/// GET /api/rollups: a page of closed windows, in JSON or as a table, in pieces where it is long.
/// On the I/O thread; what it asks the store for runs on the queries thread.
void answer_rollups(Parts& parts, const HttpRequest& request, const HttpResponder& respond);

}  // namespace slipstream
