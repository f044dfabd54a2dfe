#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace slipstream {

struct UdpSocketOptions {
  std::string host;            ///< empty: all addresses, IPv4 and IPv6
  std::uint16_t port = 20777;  ///< 0: a free one
  std::size_t receive_buffer_bytes = std::size_t{32} << 20;
};

/// A bound UDP socket that takes segmented bursts whole (UDP_GRO) and tells the kernel's receipt
/// time and drops. Owns the descriptor.
class UdpSocket {
 public:
  static Result<UdpSocket> open(const UdpSocketOptions& options);
  /// Several of one address and port, at least one, among which the kernel spreads senders: all
  /// that one address and port sends comes to the same socket. What is sent to a network
  /// (broadcast, multicast) comes to each of them: all but the first are asked whom a datagram was
  /// sent to, so that it counts once (DatagramBuffers). They take what comes once all of them are
  /// there. A port that somebody has is refused as by open(), whoever it is.
  static Result<std::vector<UdpSocket>> open_several(const UdpSocketOptions& options,
                                                     std::size_t count);
  ~UdpSocket();
  UdpSocket(UdpSocket&& other) noexcept;
  UdpSocket& operator=(UdpSocket&&) = delete;

  int fd() const { return fd_; }
  std::uint16_t port() const { return port_; }
  std::size_t receive_buffer_bytes() const { return receive_buffer_bytes_; }
  /// What the operator should know, such as a buffer smaller than asked for.
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// Datagrams the kernel dropped since the socket was opened, modulo 2^32.
  std::uint32_t kernel_drops() const;

 private:
  explicit UdpSocket(int fd) : fd_(fd) {}
  static Result<UdpSocket> make(const UdpSocketOptions& options);
  Result<void> bind(const UdpSocketOptions& options);
  void take_nothing();
  void tell_destinations();
  void size_buffer(std::size_t wanted);

  int fd_ = -1;
  int family_ = 0;
  std::uint16_t port_ = 0;
  std::size_t receive_buffer_bytes_ = 0;
  std::vector<std::string> warnings_;
};

}  // namespace slipstream
