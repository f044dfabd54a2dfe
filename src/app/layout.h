#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/sinks.h"
#include "ops/config.h"
#include "window/definition.h"

namespace slipstream {

/// What the states in the store, and the order of rollups, depend on beside the log.
struct Layout {
  std::uint32_t partitions = 0;
  std::uint32_t max_series = 0;
  bool has_log = true;
  std::vector<WindowDefinition> windows;

  static Layout of(const Config& config);
  static Result<Layout> parse(std::string_view text);
  std::string to_text() const;
};

/// For a pipeline whose points nobody is to see.
struct NobodyListens final : AcceptedSink {
  explicit NobodyListens(BatchPool& p) : pool(p) {}
  void accept(PointBatchPtr batch) override { pool.put(std::move(batch)); }
  BatchPool& pool;
};

}  // namespace slipstream
