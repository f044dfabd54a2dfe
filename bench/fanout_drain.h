#pragma once
#include <sys/types.h>

#include <atomic>
#include <cstdint>

namespace slipstream::bench {

struct DrainOptions {
  std::uint16_t port = 0;
  std::size_t clients = 1;
  bool websocket = true;    ///< else plain TCP
  bool deflate = false;     ///< ask for permessage-deflate
  std::size_t stalled = 0;  ///< of the clients, how many never read
  /// Not 0: every message is so long on the wire, and begins with its time (timed_message()); how
  /// late it came is counted. Else bytes are only counted, and not even copied.
  std::size_t timed_bytes = 0;
};

/// Clients in a process of their own: they read what comes, all with one epoll.
class Drain {
 public:
  explicit Drain(const DrainOptions& options);
  ~Drain();
  Drain(const Drain&) = delete;
  Drain& operator=(const Drain&) = delete;

  /// Until all are connected.
  void wait_ready() const;
  std::uint64_t bytes() const { return shared_->bytes.load(); }
  pid_t pid() const { return pid_; }
  /// Of the messages since the start or reset_latency(), in milliseconds.
  double latency_ms(double share) const;
  void reset_latency();

 private:
  static constexpr std::size_t kBuckets = 4'000;  // of 25 us
  static constexpr std::int64_t kBucketNs = 25'000;
  struct Shared {
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<bool> ready{false};
    std::atomic<std::uint32_t> late[kBuckets] = {};
  };
  [[noreturn]] void run(const DrainOptions& options);

  Shared* shared_;
  pid_t pid_;
};

}  // namespace slipstream::bench
