#include "fanout_drain.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace slipstream::bench {
namespace {

constexpr std::size_t kTimeAt = 6;  // behind a head of 4 bytes: {"
constexpr std::size_t kTimeDigits = 19;

int connect_to(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) _exit(1);
  return fd;
}

/// Byte by byte: what comes behind the answer belongs to the messages.
void shake_hands(int fd, bool deflate) {
  const std::string request =
      std::string("GET /ws/realtime HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n") +
      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
      (deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "") +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  if (write(fd, request.data(), request.size()) < 0) _exit(1);
  std::string answer;
  while (!answer.ends_with("\r\n\r\n")) {
    char byte = 0;
    if (read(fd, &byte, 1) != 1) _exit(1);
    answer += byte;
  }
}

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

Drain::Drain(const DrainOptions& options)
    : shared_(new(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                       -1, 0)) Shared),
      pid_(fork()) {
  if (pid_ == 0) run(options);
}

Drain::~Drain() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  munmap(shared_, sizeof(Shared));
}

void Drain::wait_ready() const {
  for (int tries = 0; tries < 3'000 && !shared_->ready.load(); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (!shared_->ready.load()) throw std::runtime_error("the clients could not connect");
}

void Drain::run(const DrainOptions& options) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct Client {
    int fd;
    std::size_t have = 0;  ///< bytes of the message that is coming in
    std::int64_t time = 0;
    char digits[kTimeDigits + 1] = {};
  };
  const int epoll = epoll_create1(0);
  std::vector<Client> clients;
  clients.reserve(options.clients);
  for (std::size_t i = 0; i < options.clients; ++i) {
    const int fd = connect_to(options.port);
    if (options.websocket) shake_hands(fd, options.deflate);
    clients.push_back({.fd = fd});
    if (i < options.stalled) continue;
    epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
  shared_->ready.store(true);
  std::vector<char> buffer(1 << 20);
  std::vector<epoll_event> events(512);
  while (true) {
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int e = 0; e < count; ++e) {
      Client& client = clients[events[static_cast<std::size_t>(e)].data.u64];
      const bool timed = options.timed_bytes > 0;
      const auto got =
          recv(client.fd, buffer.data(), buffer.size(), MSG_DONTWAIT | (timed ? 0 : MSG_TRUNC));
      if (got == 0) epoll_ctl(epoll, EPOLL_CTL_DEL, client.fd, nullptr);
      if (got <= 0) continue;
      shared_->bytes.fetch_add(static_cast<std::uint64_t>(got), std::memory_order_relaxed);
      if (!timed) continue;
      const std::int64_t now = now_ns();
      for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
        if (client.have < kTimeAt + kTimeDigits) {
          if (client.have >= kTimeAt) client.digits[client.have - kTimeAt] = buffer[at];
          ++client.have;
          ++at;
          continue;
        }
        const std::size_t step =
            std::min(options.timed_bytes - client.have, static_cast<std::size_t>(got) - at);
        client.have += step;
        at += step;
        if (client.have < options.timed_bytes) continue;
        client.have = 0;
        const std::int64_t late = now - std::strtoll(client.digits, nullptr, 10);
        const auto bucket = static_cast<std::size_t>(std::max<std::int64_t>(late, 0) / kBucketNs);
        shared_->late[std::min(bucket, kBuckets - 1)].fetch_add(1, std::memory_order_relaxed);
      }
    }
  }
}

double Drain::latency_ms(double share) const {
  std::uint64_t total = 0;
  for (const auto& n : shared_->late) total += n.load();
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    below += shared_->late[i].load();
    if (static_cast<double>(below) >= share * static_cast<double>(total) && total > 0) {
      return static_cast<double>(static_cast<std::int64_t>(i + 1) * kBucketNs) * 1e-6;
    }
  }
  return 0;
}

void Drain::reset_latency() {
  for (auto& n : shared_->late) n.store(0);
}

}  // namespace slipstream::bench
