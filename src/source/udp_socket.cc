#include "source/udp_socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace slipstream {
namespace {

int read_option(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  getsockopt(fd, SOL_SOCKET, option, &value, &size);
  return value;
}

bool set_flag(int fd, int level, int option, int value = 1) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

}  // namespace

UdpSocket::~UdpSocket() {
  if (fd_ >= 0) ::close(fd_);
}

UdpSocket::UdpSocket(UdpSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      family_(other.family_),
      port_(other.port_),
      receive_buffer_bytes_(other.receive_buffer_bytes_),
      warnings_(std::move(other.warnings_)) {}

Result<UdpSocket> UdpSocket::open(const UdpSocketOptions& options) {
  auto socket = make(options);
  if (!socket) return socket;
  if (auto bound = socket->bind(options); !bound) return std::unexpected(bound.error());
  return socket;
}

Result<std::vector<UdpSocket>> UdpSocket::open_several(const UdpSocketOptions& options,
                                                       std::size_t count) {
  CHECK(count >= 1, "a port without a socket takes nothing");
  std::vector<UdpSocket> sockets;
  if (count == 1) {
    auto only = open(options);
    if (!only) return std::unexpected(only.error());
    sockets.push_back(std::move(*only));
    return sockets;
  }
  UdpSocketOptions of_next = options;
  while (sockets.size() < count) {
    auto socket = make(of_next);
    if (!socket) return std::unexpected(socket.error());
    // Which socket a sender goes to changes with each that is added, and what it sent before could
    // be overtaken: so none takes anything until all are there.
    socket->take_nothing();
    if (!sockets.empty()) socket->tell_destinations();
    // The first is bound without SO_REUSEPORT, and so alone: with it, another server of the same
    // user would share the port and its senders unnoticed.
    if (!sockets.empty()) set_flag(socket->fd_, SOL_SOCKET, SO_REUSEPORT);
    if (auto bound = socket->bind(of_next); !bound) return std::unexpected(bound.error());
    if (sockets.empty()) set_flag(socket->fd_, SOL_SOCKET, SO_REUSEPORT);
    of_next.port = socket->port_;
    sockets.push_back(std::move(*socket));
  }
  for (const UdpSocket& socket : sockets) set_flag(socket.fd_, SOL_SOCKET, SO_DETACH_FILTER);
  return sockets;
}

Result<UdpSocket> UdpSocket::make(const UdpSocketOptions& options) {
  const bool any = options.host.empty();
  int family = any || options.host.find(':') != std::string::npos ? AF_INET6 : AF_INET;
  int fd = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 && any) {
    family = AF_INET;  // a machine without IPv6
    fd = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  }
  if (fd < 0) return std::unexpected(errno_error("cannot open a UDP socket", errno));
  UdpSocket socket(fd);
  socket.family_ = family;
  if (family == AF_INET6) set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, any ? 0 : 1);
  socket.size_buffer(options.receive_buffer_bytes);
  if (!set_flag(fd, SOL_SOCKET, SO_RXQ_OVFL)) {
    socket.warnings_.push_back("the kernel does not tell of dropped datagrams (SO_RXQ_OVFL)");
  }
  set_flag(fd, SOL_SOCKET, SO_TIMESTAMPNS);
  set_flag(fd, IPPROTO_UDP, UDP_GRO);
  return socket;
}

/// Until the filter is detached.
void UdpSocket::take_nothing() {
  sock_filter refuse_all[] = {{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0}};
  const sock_fprog program{.len = 1, .filter = refuse_all};
  setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

/// Of each datagram whom it was sent to: see DatagramBuffers.
void UdpSocket::tell_destinations() {
  set_flag(fd_, IPPROTO_IP, IP_PKTINFO);
  if (family_ == AF_INET6) set_flag(fd_, IPPROTO_IPV6, IPV6_RECVPKTINFO);
}

Result<void> UdpSocket::bind(const UdpSocketOptions& options) {
  sockaddr_storage storage{};
  socklen_t size;
  if (family_ == AF_INET6) {
    auto& address = reinterpret_cast<sockaddr_in6&>(storage);
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(options.port);
    size = sizeof address;
    if (!options.host.empty() &&
        inet_pton(AF_INET6, options.host.c_str(), &address.sin6_addr) != 1) {
      return fail(fmt::format("UDP host '{}' is no IPv6 address", options.host));
    }
  } else {
    auto& address = reinterpret_cast<sockaddr_in&>(storage);
    address.sin_family = AF_INET;
    address.sin_port = htons(options.port);
    size = sizeof address;
    if (!options.host.empty() && inet_pton(AF_INET, options.host.c_str(), &address.sin_addr) != 1) {
      return fail(fmt::format("UDP host '{}' is no IPv4 address", options.host));
    }
  }
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&storage), size) != 0) {
    return std::unexpected(errno_error(
        fmt::format("cannot listen on UDP {} port {}",
                    options.host.empty() ? "(all addresses)" : options.host, options.port),
        errno));
  }
  getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &size);
  port_ = ntohs(family_ == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(storage).sin6_port
                                    : reinterpret_cast<sockaddr_in&>(storage).sin_port);
  return {};
}

void UdpSocket::size_buffer(std::size_t wanted) {
  const int bytes = static_cast<int>(wanted);
  // Beyond net.core.rmem_max only a privileged process gets what it asks for.
  if (!set_flag(fd_, SOL_SOCKET, SO_RCVBUFFORCE, bytes))
    set_flag(fd_, SOL_SOCKET, SO_RCVBUF, bytes);
  // The kernel doubles the figure, for its own bookkeeping.
  receive_buffer_bytes_ = static_cast<std::size_t>(read_option(fd_, SO_RCVBUF)) / 2;
  if (receive_buffer_bytes_ < wanted) {
    warnings_.push_back(
        fmt::format("the UDP receive buffer is {} bytes, {} were asked for: net.core.rmem_max caps "
                    "it; raise it "
                    "with `sysctl -w net.core.rmem_max={}` or bursts may be dropped by the kernel",
                    receive_buffer_bytes_, wanted, wanted));
  }
}

std::uint32_t UdpSocket::kernel_drops() const {
  std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd_, SOL_SOCKET, SO_MEMINFO, info.data(), &size) != 0) return 0;
  return info[SK_MEMINFO_DROPS];
}

}  // namespace slipstream
