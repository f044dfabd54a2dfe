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
  Result<void> bind(const UdpSocketOptions& options, int family);
  void size_buffer(std::size_t wanted);

  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::size_t receive_buffer_bytes_ = 0;
  std::vector<std::string> warnings_;
};

}  // namespace slipstream
