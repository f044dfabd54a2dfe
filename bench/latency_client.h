#pragma once
#include <cstdint>
#include <memory>

namespace slipstream::bench {

/// A WebSocket client that reads and forgets, from a process of its own.
class DrainingClient {
 public:
  explicit DrainingClient(std::uint16_t port);
  ~DrainingClient();

 private:
  int pid_;
};

struct Latency {
  double p50_ms = 0;
  double p99_ms = 0;
  std::size_t points = 0;
};

/// A WebSocket client that notes, for each point, how long ago the kernel had received it: points
/// without a time get the time of their receipt from the server.
class LatencyClient {
 public:
  explicit LatencyClient(std::uint16_t port);
  ~LatencyClient();
  /// When nothing has come for a while.
  Latency finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipstream::bench
