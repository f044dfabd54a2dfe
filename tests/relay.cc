#include "relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace slipstream::harness {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::string read_some(int fd) {
  std::array<char, 65'536> bytes{};
  const ssize_t size = recv(fd, bytes.data(), bytes.size(), 0);
  return size > 0 ? std::string(bytes.data(), static_cast<std::size_t>(size)) : std::string();
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

}  // namespace

struct Relay::Link {
  int client = -1;
  int server = -1;
  std::string tail;  ///< what was sent last; the word may be cut
  std::thread up;
  std::thread down;
};

Relay::Relay(std::uint16_t server_port) : server_port_(server_port) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, any, size) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, any, &size) != 0) {
    throw std::runtime_error("no socket to relay with");
  }
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_all(); });
}

Relay::~Relay() {
  let_go();
  shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  close(listener_);
  for (auto& link : links_) {
    shutdown(link.client, SHUT_RDWR);
    shutdown(link.server, SHUT_RDWR);
    link.up.join();
    link.down.join();
    close(link.client);
    close(link.server);
  }
}

void Relay::accept_all() {
  while (true) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(server_port_);
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      close(client);
      close(server);
      continue;
    }
    const std::lock_guard lock(mutex_);
    Link& link = links_.emplace_back();
    link.client = client;
    link.server = server;
    link.up = std::thread([this, &link] { pump_up(link); });
    link.down = std::thread([this, &link] { pump_down(link); });
  }
}

void Relay::pump_up(Link& link) {
  while (true) {
    std::string bytes = read_some(link.client);
    if (bytes.empty()) break;
    const bool is_kept = keep(link, bytes);
    if (is_kept) {
      shutdown(link.client, SHUT_WR);
      for (std::string more = read_some(link.client); !more.empty();) {
        bytes += more;
        more = read_some(link.client);
      }
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return is_let_go_; });
    } else if (is_awaited(bytes)) {
      let_go();
    }
    write_all(link.server, bytes);
    if (is_kept) break;
  }
  shutdown(link.server, SHUT_WR);
}

void Relay::pump_down(Link& link) {
  while (true) {
    const std::string bytes = read_some(link.server);
    if (bytes.empty()) break;
    write_all(link.client, bytes);
  }
  shutdown(link.client, SHUT_RDWR);
  const std::lock_guard lock(mutex_);
  is_done_ = is_done_ || &link == kept_;
  changed_.notify_all();
}

bool Relay::keep(Link& link, const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  if (word_.empty()) return false;
  const std::string seen = link.tail + bytes;
  const bool is_found = seen.contains(word_);
  if (is_found) {
    word_.clear();
    kept_ = &link;
  }
  link.tail = seen.substr(seen.size() - std::min(seen.size(), word_.size()));
  return is_found;
}

bool Relay::is_awaited(const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  if (kept_ == nullptr || awaited_.empty() || !bytes.contains(awaited_)) return false;
  awaited_.clear();
  return true;
}

void Relay::keep_back(std::string word) {
  const std::lock_guard lock(mutex_);
  word_ = std::move(word);
}

void Relay::let_go_before(std::string word) {
  const std::lock_guard lock(mutex_);
  awaited_ = std::move(word);
}

bool Relay::has_let_go() const {
  const std::lock_guard lock(mutex_);
  return is_done_;
}

bool Relay::has_kept() const {
  const std::lock_guard lock(mutex_);
  return kept_ != nullptr;
}

void Relay::let_go() {
  std::unique_lock lock(mutex_);
  word_.clear();
  is_let_go_ = true;
  changed_.notify_all();
  if (kept_ != nullptr) changed_.wait(lock, [this] { return is_done_; });
}

}  // namespace slipstream::harness
