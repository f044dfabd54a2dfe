#include "source/udp_sender.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

namespace slipstream {

Result<UdpSender> UdpSender::open(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failure = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failure != 0) return fail(fmt::format("{}: {}", host, gai_strerror(failure)));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  int error_number = 0;
  for (const addrinfo* a = addresses.get(); a != nullptr; a = a->ai_next) {
    UdpSender sender(socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (sender.fd_ >= 0 && connect(sender.fd_, a->ai_addr, a->ai_addrlen) == 0) return sender;
    error_number = errno;
  }
  return std::unexpected(errno_error(fmt::format("udp://{}:{}", host, port), error_number));
}

UdpSender::~UdpSender() {
  if (fd_ >= 0) close(fd_);
}

UdpSender::UdpSender(UdpSender&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Result<void> UdpSender::send(std::string_view datagram) {
  while (::send(fd_, datagram.data(), datagram.size(), 0) < 0) {
    if (errno == EINTR) continue;
    return std::unexpected(
        errno_error(fmt::format("a datagram of {} bytes", datagram.size()), errno));
  }
  return {};
}

}  // namespace slipstream
