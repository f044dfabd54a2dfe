#pragma once
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace slipstream::bench {

/// How a bare receiver waits for what comes next.
enum class Waiting {
  kNap,    ///< sleeps 250 us whenever nothing is there: fastest where much comes
  kBlock,  ///< `poll`, then reads until nothing is left: cheapest where little comes
};

/// The machine's own limit: a process that receives by recvmmsg and UDP_GRO into 64 KB buffers, as
/// the receive path is advised to, and counts. Several sockets of its port have a thread each, and
/// senders are spread among them (SO_REUSEPORT). It ends with its owner's object.
class BareReceiver {
 public:
  explicit BareReceiver(Waiting waiting, std::size_t sockets = 1);
  ~BareReceiver();
  BareReceiver(const BareReceiver&) = delete;
  BareReceiver& operator=(const BareReceiver&) = delete;

  std::uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }
  std::uint64_t datagrams() const;

 private:
  struct Shared;
  void open(bool is_shared);
  [[noreturn]] void receive(int fd);
  void wait(int fd) const;

  const Waiting waiting_;
  Shared* shared_;
  std::vector<int> fds_;
  std::uint16_t port_ = 0;
  pid_t pid_;
};

}  // namespace slipstream::bench
