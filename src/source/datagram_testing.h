#pragma once
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "source/datagram_buffers.h"
#include "source/udp_socket.h"

namespace slipstream::source_testing {

/// A program at a port of loopback that takes datagrams as they come.
class Listener {
 public:
  explicit Listener(const std::string& host = "127.0.0.1", std::uint16_t port = 0)
      : host_(host),
        socket_(UdpSocket::open({.host = host, .port = port, .receive_buffer_bytes = 1 << 20})
                    .value()) {}

  std::uint16_t port() const { return socket_.port(); }
  std::string target() const {
    const bool is_v6 = host_.contains(':');
    return (is_v6 ? "[" + host_ + "]" : host_) + ":" + std::to_string(port());
  }
  /// All that came so far, in its order.
  const std::vector<std::string>& heard() {
    while (buffers_.receive(socket_.fd(), clock_) > 0) {
      for (std::size_t i = 0; i < buffers_.count(); ++i) {
        for_each_datagram(buffers_.message(i),
                          [&](std::string_view datagram) { heard_.emplace_back(datagram); });
      }
    }
    return heard_;
  }

 private:
  const std::string host_;
  UdpSocket socket_;
  SystemClock clock_;
  DatagramBuffers buffers_;
  std::vector<std::string> heard_;
};

/// "127.0.0.1:PORT" at which nobody listens, nor will while this process runs: whose port it is
/// hears one peer alone, which is not there.
inline std::string dead_target() {
  static std::vector<UdpSocket> kept;
  kept.push_back(
      UdpSocket::open({.host = "127.0.0.1", .port = 0, .receive_buffer_bytes = 1 << 16}).value());
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(9);
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connected =
      connect(kept.back().fd(), reinterpret_cast<const sockaddr*>(&peer), sizeof peer);
  return connected == 0 ? "127.0.0.1:" + std::to_string(kept.back().port()) : "";
}

inline bool has_ipv6() {
  return UdpSocket::open({.host = "::1", .port = 0}).has_value();
}

}  // namespace slipstream::source_testing
