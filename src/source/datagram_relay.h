#pragma once
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"
#include "net/address_list.h"
#include "source/datagram_buffers.h"
#include "source/relay_target.h"

namespace slipstream {

/// Sends on what one receiver got, before anything is decoded: to each target the same datagrams,
/// byte for byte, one by one and in the order of receipt, also those that the kernel had joined. It
/// never waits: what a target's socket does not take at once is dropped and counted there, and
/// holds up no other target. A socket for each target, opened when there is something to send, and
/// opened anew, once a second at most, where there was no way to the target: so addresses of this
/// machine may change. What senders sent comes there from this machine.
/// Left out are what the source lets nobody send (`allow`), and copies that another receiver has.
/// One thread.
class DatagramRelay {
 public:
  static constexpr std::int64_t kReopenNs = kNsPerSecond;

  /// Borrows the targets.
  DatagramRelay(std::span<const std::unique_ptr<RelayTarget>> targets, const AddressList& allow);
  ~DatagramRelay();
  DatagramRelay(const DatagramRelay&) = delete;
  DatagramRelay& operator=(const DatagramRelay&) = delete;

  void send(const DatagramBuffers& received);
  /// Whether what comes shall be taken at once: there are targets, and not more comes than they
  /// get.
  bool is_eager(SteadyTime now) const;

 private:
  struct Line {
    RelayTarget* target;
    int fd = -1;
    SteadyTime opened_at = kNever;  ///< or tried to be
  };

  static bool open(Line& line, SteadyTime now);
  static void close(Line& line);
  void send_to(Line& line, SteadyTime now);
  static std::size_t failed(Line& line, int error_number, std::size_t left, std::size_t counted,
                            SteadyTime now);

  const AddressList& allow_;
  std::vector<Line> lines_;
  // Of what is in hand:
  std::vector<iovec> datagrams_;
  std::vector<mmsghdr> headers_;
};

}  // namespace slipstream
