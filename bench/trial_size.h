#pragma once
#include <cstdint>
#include <cstdlib>

namespace slipstream::bench {

/// With SLIPSTREAM_BENCH_SHORT a benchmark only shows that it still runs: its figures say nothing.
inline bool is_short() {
  static const bool given = std::getenv("SLIPSTREAM_BENCH_SHORT") != nullptr;
  return given;
}
inline double trial_seconds(double seconds) {
  return is_short() ? seconds / 15 : seconds;
}
inline std::uint64_t trial_count(std::uint64_t count) {
  return is_short() ? count / 50 : count;
}

}  // namespace slipstream::bench
