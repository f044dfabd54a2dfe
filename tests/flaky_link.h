#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <thread>

namespace slipstream::harness {

/// Stands between clients and a server on loopback: can be down, and can lose answers after the
/// server has given them. Keeps its port when the server changes. Throws where no socket can be
/// made.
class FlakyLink {
 public:
  explicit FlakyLink(std::uint16_t server_port);
  ~FlakyLink();
  FlakyLink(const FlakyLink&) = delete;
  FlakyLink& operator=(const FlakyLink&) = delete;

  std::uint16_t port() const { return port_; }
  void lead_to(std::uint16_t server_port) { server_port_ = server_port; }
  /// Whoever is connected is cut off; whoever connects is cut off at once.
  void set_down(bool is_down);
  /// The next answers do not get back: the connection ends instead.
  void swallow_answers(int count) { to_swallow_ = count; }
  /// Each answer gets back this much later.
  void delay_answers(std::chrono::milliseconds time) { delay_ms_ = time.count(); }
  int swallowed() const { return swallowed_; }

 private:
  struct Connection {
    int client = -1;
    int server = -1;
    std::thread pump;
  };

  void accept_all();
  void pump(Connection& connection);

  std::atomic<std::uint16_t> server_port_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::atomic<bool> is_down_ = false;
  std::atomic<bool> is_over_ = false;
  std::atomic<int> to_swallow_ = 0;
  std::atomic<int> swallowed_ = 0;
  std::atomic<std::int64_t> delay_ms_ = 0;
  std::mutex mutex_;  // guards connections_
  std::list<Connection> connections_;
  std::thread accepting_;
};

}  // namespace slipstream::harness
