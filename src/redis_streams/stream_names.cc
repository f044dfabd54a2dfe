#include "redis_streams/stream_names.h"

#include <fmt/format.h>

namespace slipstream {

StreamKeys stream_keys(const StreamNames& names, std::uint32_t partition) {
  const std::string tag = names.partitions == 1 ? "" : fmt::format(":{{{}}}", partition);
  const std::string telemetry = names.telemetry + tag;
  const std::string aggregates = names.aggregates + tag;
  const std::string group = telemetry + "." + names.group;
  return {.telemetry = telemetry,
          .dead = telemetry + ".dead",
          .aggregates = aggregates,
          .rollups = group + ".rollups",
          .checkpoint = group + ".checkpoint",
          .fence = group + ".fence",
          .lease = group + ".lease",
          .owners = group + ".owners"};
}

std::string instances_key(const StreamNames& names) {
  return names.telemetry + "." + names.group + ".instances";
}

}  // namespace slipstream
