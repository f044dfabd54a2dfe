#pragma once
#include "app/parts.h"
#include "app/rates.h"

namespace slipstream {

/// The HTTP endpoints and the WebSocket of a server. Routes borrow `parts` and `rates`; `rates` is
/// read on the I/O thread.
void add_routes(Parts& parts, const Rates& rates);

}  // namespace slipstream
