#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "net/endpoint.h"

namespace slipstream {

/// Hosts whose names nobody knew at the start, such as those of machines that are switched on
/// later: they are looked up again and again, on a thread of its own, since to ask a name server
/// may take long. There is a thread only where there are some.
/// Threads: add() before start(); turn() on that thread, or a test's; the rest one.
class LateNames {
 public:
  static constexpr std::chrono::seconds kEvery{10};

  /// Looks once: true, and it is not called again.
  using Look = std::function<bool()>;

  LateNames() = default;
  ~LateNames() { stop(); }
  LateNames(const LateNames&) = delete;
  LateNames& operator=(const LateNames&) = delete;

  void add(Look look) { looks_.push_back(std::move(look)); }
  void start();
  /// Waits for the look in hand: as long as the system waits for its name server at most.
  void stop();
  void turn() {
    std::erase_if(looks_, [](const Look& look) { return look(); });
  }

 private:
  void run(const std::stop_token& stop);

  std::vector<Look> looks_;
  std::mutex mutex_;
  std::condition_variable_any woken_;
  std::jthread thread_;
};

}  // namespace slipstream
