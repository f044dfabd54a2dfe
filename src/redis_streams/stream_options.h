#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cluster/cluster.h"
#include "model/own_rollups.h"
#include "model/rollup_selection.h"
#include "redis/servers.h"
#include "redis_streams/stream_names.h"

namespace slipstream {

/// As set; what has no default here has it in the settings (ops/config.h).
struct StreamOptions {
  ClusterOptions cluster;
  StreamNames names;
  std::string instance;        ///< unique among the running ones
  std::string consumer;        ///< in the group
  std::string from;            ///< where a group that is missing begins: "$" the end, "0", or an id
  std::uint32_t batch;         ///< entries a read, at rest
  std::uint32_t max_batch;     ///< and under load
  std::int64_t claim_idle_ms;  ///< then entries of strangers are claimed
  std::uint64_t stream_maxlen;
  std::int64_t lease_ms;
  std::vector<std::string> aggregate_windows;
  RollupSelection aggregate_selection = {};  ///< what of their rollups goes to the aggregates
  bool is_log = false;  ///< the streams are ours: old entries are trimmed once acknowledged
};

/// What the streams work with; all of it outlives them.
struct StreamParts {
  RedisServers& servers;
  ClusterParts cluster;
  const OwnRollups* own_rollups = nullptr;  ///< of the embedded log; nullptr: none are sent
};

}  // namespace slipstream
