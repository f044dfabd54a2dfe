#pragma once
#include "base/clock.h"
#include "model/ingest_stats.h"
#include "model/point.h"
#include "model/schema.h"
#include "ops/config.h"
#include "tracing/tracer.h"

namespace slipstream {

/// What nearly all components work with and none of them is: settings, time, the names of fields,
/// spare batches, and the counts of what came in. It outlives them.
struct Basics {
  const Config& config;
  const Clock& clock;
  Schema& schema;
  BatchPool& pool;
  IngestStats& ingest;
  Tracer* tracer = nullptr;  ///< nullptr: nothing is traced
};

}  // namespace slipstream
