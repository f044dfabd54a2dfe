#pragma once
#include <vector>

#include "app/rollups_csv.h"
#include "broadcast/rollup_memory.h"
#include "net/http_server.h"
#include "store/rollup_store.h"
#include "window/definition.h"

namespace slipstream {

/// What answers are made of. All of it outlives the server.
struct RollupsRouteParts {
  const std::vector<WindowDefinition>& windows;
  const RollupStore& store;
  const RollupMemory& memory;  ///< of windows that are not stored
  IoThread& queries;           ///< where the store is asked
  CsvTexts texts;
};

/// GET /api/rollups: a page of closed windows, in JSON or as a table, in pieces where it is long.
void add_rollups_route(HttpServer& http, const RollupsRouteParts& parts);

}  // namespace slipstream
