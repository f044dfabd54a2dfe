#include "source/game_link.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace slipstream {
namespace {

/// As a socket of IPv6 that takes both kinds has to be told it.
Endpoint mapped(const Endpoint& endpoint) {
  Endpoint out = endpoint;
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_port = htons(endpoint.port);
  std::memcpy(&name.sin6_addr, &endpoint.address.high, 8);
  std::memcpy(reinterpret_cast<char*>(&name.sin6_addr) + 8, &endpoint.address.low, 8);
  out.name = {};
  std::memcpy(&out.name, &name, sizeof name);
  out.name_size = sizeof name;
  return out;
}

}  // namespace

Result<std::unique_ptr<GameLink>> GameLink::open(const UdpSocket& socket, const Endpoint& game,
                                                 std::unique_ptr<game::GameClient> client) {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&own), &size) != 0) {
    return std::unexpected(errno_error("a UDP socket", errno));
  }
  const bool is_mapped = own.ss_family == AF_INET6 && game.name.ss_family == AF_INET;
  if (!is_mapped && own.ss_family != game.name.ss_family) {
    return fail(fmt::format("{}: this machine has no IPv6", game.address.to_string()));
  }
  const int fd = fcntl(socket.fd(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(errno_error("cannot share a UDP socket", errno));
  return std::unique_ptr<GameLink>(
      new GameLink(fd, is_mapped ? mapped(game) : game, std::move(client)));
}

GameLink::~GameLink() {
  close(fd_);
}

void GameLink::heard(const DatagramBuffers& received) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < received.count(); ++i) {
    const auto message = received.message(i);
    if (!(message.address == game_.address)) continue;
    for_each_datagram(message, [&](std::string_view datagram) {
      client_->heard(datagram, received.received_at());
    });
  }
  if (!is_over_) client_->take_due(received.received_at(), due_);
  say_locked();
}

void GameLink::tick(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (!is_over_) client_->take_due(now, due_);
  say_locked();
}

void GameLink::say_farewell() {
  const std::lock_guard lock(mutex_);
  if (!is_over_) client_->take_farewell(due_);
  is_over_ = true;
  say_locked();
}

void GameLink::say_locked() {
  for (const auto& datagram : due_) {
    const auto said = sendto(fd_, datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&game_.name), game_.name_size);
    error_number_ = said < 0 ? errno : 0;
  }
  due_.clear();
}

game::ClientState GameLink::state(SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  return client_->state(now);
}

std::string GameLink::trouble(SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  auto trouble = client_->trouble(now);
  if (!trouble.empty() && error_number_ != 0) {
    trouble += fmt::format(" What is sent there fails: {}.", std::strerror(error_number_));
  }
  return trouble;
}

}  // namespace slipstream
