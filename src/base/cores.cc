#include "base/cores.h"

#include <sched.h>

#include <algorithm>
#include <thread>

namespace slipstream {

std::uint32_t usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) > 0) {
    return static_cast<std::uint32_t>(CPU_COUNT(&cores));
  }
  // More cores than the set has room for.
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace slipstream
