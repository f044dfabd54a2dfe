#pragma once
#include <sys/types.h>

#include <cstdint>

namespace slipstream::bench {

/// How a bare receiver waits for what comes next.
enum class Waiting {
  kNap,    ///< sleeps 250 us whenever nothing is there: fastest where much comes
  kBlock,  ///< `poll`, then reads until nothing is left: cheapest where little comes
};

/// The machine's own limit: a process that receives by recvmmsg and UDP_GRO into 64 KB buffers, as
/// the receive path is advised to, and counts. It ends with its owner's object.
class BareReceiver {
 public:
  explicit BareReceiver(Waiting waiting);
  ~BareReceiver();
  BareReceiver(const BareReceiver&) = delete;
  BareReceiver& operator=(const BareReceiver&) = delete;

  std::uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }
  std::uint64_t datagrams() const;

 private:
  struct Shared;
  [[noreturn]] void receive();
  void wait() const;

  const Waiting waiting_;
  Shared* shared_;
  int fd_;
  std::uint16_t port_;
  pid_t pid_;
};

}  // namespace slipstream::bench
