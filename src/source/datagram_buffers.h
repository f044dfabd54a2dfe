#pragma once
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "codec/decoder.h"
#include "net/address.h"

namespace slipstream {

/// What one call to the kernel receives: up to kMessages datagrams, or bursts of them that the
/// kernel joined (UDP_GRO). Four MiB of addresses, of which memory is taken as far as something was
/// received into it. Used by one thread after the other.
class DatagramBuffers {
 public:
  static constexpr std::size_t kMessages = 64;

  struct Message {
    std::string_view bytes;         ///< with Decoder::kPadding readable bytes behind
    std::size_t segment_bytes = 0;  ///< of each datagram in it but the last
    ArrivalTime arrival;            ///< the kernel's
    Address address;                ///< of the sender
    std::uint16_t port = 0;
    bool is_copy = false;  ///< sent to a network: another socket of the port has it as well
  };

  DatagramBuffers();

  /// Takes what the socket has, without waiting. How many messages that are.
  std::size_t receive(int fd, const Clock& clock);
  std::size_t count() const { return count_; }
  /// In those messages.
  std::size_t datagrams() const;
  /// There may be more where it comes from.
  bool is_full() const { return count_ == kMessages; }
  /// When receive() returned.
  SteadyTime received_at() const { return received_.steady; }
  Message message(std::size_t i) const;
  /// Datagrams that the socket has dropped so far, modulo 2^32, if these tell of any.
  std::optional<std::uint32_t> dropped_in_all() const { return dropped_in_all_; }

 private:
  static constexpr std::size_t kBufferBytes = 65'536;  ///< a coalesced burst at most
  static constexpr std::size_t kStride = kBufferBytes + Decoder::kPadding;
  static constexpr std::size_t kControlBytes = 256;  // all that a socket may be asked to tell

  /// What the kernel says of a message beside its bytes.
  struct Control {
    std::size_t segment_bytes = 0;  ///< 0: one datagram
    ArrivalTime arrival;
    bool is_copy = false;
  };
  Control read_control(msghdr& header);

  std::unique_ptr<char[]> bytes_;
  std::vector<iovec> vectors_;
  std::vector<mmsghdr> headers_;
  std::vector<sockaddr_storage> names_;
  std::vector<char> control_bytes_;
  std::vector<Control> controls_;
  std::size_t count_ = 0;
  Moment received_;
  std::optional<std::uint32_t> dropped_in_all_;
};

/// Each datagram of a message, in their order.
template <typename Take>
void for_each_datagram(const DatagramBuffers::Message& message, Take take) {
  std::string_view rest = message.bytes;
  do {
    const auto datagram = rest.substr(0, message.segment_bytes);
    rest.remove_prefix(datagram.size());
    take(datagram);
  } while (!rest.empty());
}

}  // namespace slipstream
