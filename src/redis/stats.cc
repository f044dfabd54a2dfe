#include "redis/stats.h"

namespace slipstream {

std::uint8_t RedisStats::index_of(std::string_view name) {
  for (std::size_t i = 1; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<std::uint8_t>(i);
  }
  return 0;
}

}  // namespace slipstream
