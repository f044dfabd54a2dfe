#include "base/heap.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace slipstream {

HeapUse heap_use() {
  std::int64_t all_pages = 0;
  std::int64_t resident_pages = 0;
  std::ifstream("/proc/self/statm") >> all_pages >> resident_pages;
  const struct mallinfo2 info = mallinfo2();
  return {.resident = resident_pages * sysconf(_SC_PAGESIZE),
          .in_use = static_cast<std::int64_t>(info.uordblks + info.hblkhd)};
}

void trim_heap() {
  malloc_trim(0);
}

std::int64_t HeapKeeper::keep() {
  const HeapUse before = look_();
  const std::int64_t idle = before.resident - before.in_use;
  idle_ = std::min(idle_, idle);
  if (idle < idle_ + std::max(kLeastGain, before.in_use / 4)) return 0;
  trim_();
  const HeapUse after = look_();
  idle_ = after.resident - after.in_use;
  return std::max<std::int64_t>(1, before.resident - after.resident);
}

}  // namespace slipstream
