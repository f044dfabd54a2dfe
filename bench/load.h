#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace slipstream::bench {

/// How points are packed into datagrams.
enum class Packing { kOne, kEight, kSegmented };

struct LoadOptions {
  std::uint16_t port = 0;
  Packing packing = Packing::kOne;
  double points_per_second = 0;  ///< 0: as fast as it goes
  double seconds = 2;
  std::uint32_t series = 20;
  bool with_time = true;  ///< else the server fills in the kernel's time of receipt
};

struct LoadResult {
  std::uint64_t points = 0;
  std::uint64_t datagrams = 0;
  double seconds = 0;
  double cpu_seconds = 0;
};

/// Sends from a process of its own; waits until it is done.
LoadResult send_load(const LoadOptions& options);

}  // namespace slipstream::bench
