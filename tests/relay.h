#pragma once
#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace slipstream::harness {

/// Stands between clients and a server on loopback, and can keep back what a client has sent while
/// that client sees its connection end: a server or network that stood still does what it was asked
/// only after the client has given up. Throws where no socket can be made.
class Relay {
 public:
  explicit Relay(std::uint16_t server_port);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  std::uint16_t port() const { return port_; }
  /// The next connection that sends `word` ends for its client there; what it sent from about that
  /// word on is kept.
  void keep_back(std::string word);
  bool has_kept() const;
  /// What was kept has been done by the server.
  bool has_let_go() const;
  /// The server gets what was kept; returns when it has done all of it.
  void let_go();
  /// The same, as soon as a connection sends `word`, before the server gets that.
  void let_go_before(std::string word);

 private:
  struct Link;

  void accept_all();
  void pump_up(Link& link);
  void pump_down(Link& link);
  /// False: there is nothing in these bytes to keep the link for.
  bool keep(Link& link, const std::string& bytes);
  bool is_awaited(const std::string& bytes);

  const std::uint16_t server_port_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  mutable std::mutex mutex_;  // guards the rest, not what is in the links
  std::condition_variable changed_;
  std::string word_;
  std::string awaited_;
  Link* kept_ = nullptr;
  bool is_let_go_ = false;
  bool is_done_ = false;
  std::list<Link> links_;
  std::thread accepting_;
};

}  // namespace slipstream::harness
