#pragma once
#include <cstddef>
#include <vector>

#include "base/counters.h"

namespace slipstream {

/// What a definition's windows did, over all partitions. Any thread.
struct WindowStats {
  Counter rollups_emitted;
  Counter late_points;
  Counter closed_points;
  Gauge open_points;
};

/// Of all partitions. Any thread.
struct PipelineStats {
  explicit PipelineStats(std::size_t definitions) : windows(definitions) {}
  std::vector<WindowStats> windows;  ///< by definition
  LatencyHistogram processing;       ///< worker time a batch
  Counter batches;
  Counter folded_points;
  Gauge series;
};

}  // namespace slipstream
