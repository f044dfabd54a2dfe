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
  /// 0: as fast as it goes. Otherwise each call to the kernel carries what a millisecond holds, at
  /// least one datagram and at most 64, and is due at its own time since the begin, so that a late
  /// one delays no other. 500 a second are 20 cars at 25 Hz whose turns are spread evenly: single
  /// datagrams 2 ms apart, which spares a receiver no wake. 20,000 are a reading of each of 20 cars
  /// every millisecond, together as a gateway of theirs sends them; 200,000 about three calls of 64
  /// a millisecond.
  double points_per_second = 0;
  double seconds = 2;
  std::uint32_t series = 20;
  std::uint32_t sockets = 1;  ///< used in turns: what the receiver sees as so many senders
  bool with_time = true;      ///< else the server fills in the kernel's time of receipt
};

struct LoadResult {
  std::uint64_t points = 0;
  std::uint64_t datagrams = 0;
  double seconds = 0;
  double cpu_seconds = 0;
};

/// Sends from a process of its own; waits until it is done.
LoadResult send_load(const LoadOptions& options);
/// From so many of them at once, each with its share of the rate. The sums, and the longest time.
LoadResult send_load(const LoadOptions& options, std::size_t processes);

}  // namespace slipstream::bench
