#include "window/definition.h"

#include <fmt/format.h>

#include <set>

namespace slipstream {

std::vector<WindowDefinition> default_windows(std::uint32_t flush_threshold,
                                              std::int64_t bucket_idle_ms) {
  WindowDefinition bucket;
  bucket.name = "bucket";
  bucket.key_lap = bucket.key_sector = true;
  bucket.close_count = flush_threshold;
  bucket.close_on_change = true;
  bucket.idle_ms = bucket_idle_ms;

  WindowDefinition sector;
  sector.name = "sector";
  sector.key_lap = sector.key_sector = true;
  sector.close_on_change = true;
  sector.idle_ms = 60'000;
  sector.stored = true;

  WindowDefinition second;
  second.name = "second";
  second.every_ms = 1'000;
  second.stored = true;
  return {bucket, sector, second};
}

Result<void> validate(const std::vector<WindowDefinition>& definitions) {
  std::set<std::string> names;
  for (const auto& d : definitions) {
    if (d.name.empty()) return fail("a window has no name");
    if (!names.insert(d.name).second)
      return fail(fmt::format("window '{}' is defined twice", d.name));
    if (d.close_count == 0 && d.every_ms == 0 && !d.close_on_change && d.idle_ms == 0) {
      return fail(fmt::format(
          "window '{}' never closes: give it close_count, every_ms, close_on_change or idle_ms",
          d.name));
    }
    if (d.every_ms < 0 || d.lateness_ms < 0 || d.idle_ms < 0 || d.ahead_ms.value_or(0) < 0) {
      return fail(fmt::format("window '{}': times must not be negative", d.name));
    }
    if (d.every_ms > 0 && (d.close_on_change || d.close_count > 0 || d.key_lap || d.key_sector)) {
      return fail(
          fmt::format("window '{}': every_ms goes with neither close_count, close_on_change nor a "
                      "lap or sector "
                      "key",
                      d.name));
    }
    if (d.close_on_change && !d.key_lap && !d.key_sector) {
      return fail(fmt::format("window '{}': close_on_change needs key lap or sector", d.name));
    }
  }
  return {};
}

}  // namespace slipstream
