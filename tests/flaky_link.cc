#include "flaky_link.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string_view>

namespace slipstream::harness {
namespace {

sockaddr_in at_loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

FlakyLink::FlakyLink(std::uint16_t server_port) : server_port_(server_port) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = at_loopback(0);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, any, size) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, any, &size) != 0) {
    throw std::runtime_error("no socket for a link");
  }
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_all(); });
}

FlakyLink::~FlakyLink() {
  is_over_ = true;
  shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  set_down(true);
  for (auto& connection : connections_) {
    connection.pump.join();
    close(connection.client);
    if (connection.server >= 0) close(connection.server);
  }
  close(listener_);
}

void FlakyLink::set_down(bool is_down) {
  is_down_ = is_down;
  if (!is_down) return;
  const std::lock_guard lock(mutex_);
  for (auto& connection : connections_) shutdown(connection.client, SHUT_RDWR);
}

void FlakyLink::accept_all() {
  while (!is_over_) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const std::lock_guard lock(mutex_);
    auto& connection = connections_.emplace_back();
    connection.client = client;
    connection.server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (is_down_) shutdown(client, SHUT_RDWR);
    connection.pump = std::thread([this, &connection] { pump(connection); });
  }
}

void FlakyLink::pump(Connection& connection) {
  const int client = connection.client;
  const int server = connection.server;
  const sockaddr_in address = at_loopback(server_port_);
  const bool is_connected =
      connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  std::array<pollfd, 2> both{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
  std::array<char, 65'536> bytes{};
  while (is_connected && poll(both.data(), both.size(), -1) >= 0) {
    if (both[0].revents != 0) {
      const ssize_t got = recv(client, bytes.data(), bytes.size(), 0);
      if (got <= 0 || !send_all(server, {bytes.data(), static_cast<std::size_t>(got)})) break;
    }
    if (both[1].revents != 0) {
      const ssize_t got = recv(server, bytes.data(), bytes.size(), 0);
      if (got <= 0) break;
      if (to_swallow_ > 0) {
        --to_swallow_;
        ++swallowed_;
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms_));
      if (!send_all(client, {bytes.data(), static_cast<std::size_t>(got)})) break;
    }
  }
  shutdown(client, SHUT_RDWR);
  shutdown(server, SHUT_RDWR);
}

}  // namespace slipstream::harness
