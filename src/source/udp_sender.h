#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace slipstream {

/// Sends datagrams to one address. Owns the descriptor. One thread.
class UdpSender {
 public:
  static Result<UdpSender> open(const std::string& host, std::uint16_t port);
  ~UdpSender();
  UdpSender(UdpSender&& other) noexcept;
  UdpSender& operator=(UdpSender&&) = delete;

  /// Errors: too large for a datagram; nobody listens there (told by the datagram before).
  Result<void> send(std::string_view datagram);

 private:
  explicit UdpSender(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace slipstream
