#include "bare_receiver.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <thread>

namespace slipstream::bench {
namespace {

std::uint64_t datagrams_of(mmsghdr& message) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message.msg_hdr); c != nullptr;
       c = CMSG_NXTHDR(&message.msg_hdr, c)) {
    if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO) continue;
    int segment = 0;
    std::memcpy(&segment, CMSG_DATA(c), sizeof segment);
    return (message.msg_len + static_cast<unsigned>(segment) - 1) / static_cast<unsigned>(segment);
  }
  return 1;
}

}  // namespace

/// In memory that both processes see.
struct BareReceiver::Shared {
  std::atomic<std::uint64_t> datagrams{0};
};

BareReceiver::BareReceiver(Waiting waiting, std::size_t sockets) : waiting_(waiting) {
  shared_ =
      new (mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
          Shared;
  while (fds_.size() < sockets) open(sockets > 1);
  pid_ = fork();
  if (pid_ != 0) return;
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < fds_.size(); ++i)
    others.emplace_back([this, i] { receive(fds_[i]); });
  receive(fds_.front());
}

void BareReceiver::open(bool is_shared) {
  const int fd = fds_.emplace_back(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  const int buffer = 32 << 20;
  setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on);
  if (is_shared) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  }
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port_);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
    throw std::runtime_error("the bare receiver has no port");
  }
  port_ = ntohs(at.sin_port);
}

BareReceiver::~BareReceiver() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  for (const int fd : fds_) close(fd);
  munmap(shared_, sizeof(Shared));
}

std::uint64_t BareReceiver::datagrams() const {
  return shared_->datagrams.load();
}

void BareReceiver::receive(int fd) {
  constexpr std::size_t kMessages = 64;
  constexpr std::size_t kBuffer = 65'536;
  const auto buffers = std::make_unique<char[]>(kMessages * kBuffer);
  const auto controls = std::make_unique<char[]>(kMessages * 64);
  mmsghdr messages[kMessages] = {};
  iovec vectors[kMessages];
  for (std::size_t i = 0; i < kMessages; ++i) {
    vectors[i] = {buffers.get() + i * kBuffer, kBuffer};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_control = controls.get() + i * 64;
  }
  while (true) {
    for (auto& m : messages) m.msg_hdr.msg_controllen = 64;
    const int received = recvmmsg(fd, messages, kMessages, MSG_DONTWAIT, nullptr);
    if (received <= 0) {
      wait(fd);
      continue;
    }
    std::uint64_t count = 0;
    for (int i = 0; i < received; ++i) count += datagrams_of(messages[i]);
    shared_->datagrams.fetch_add(count);
  }
}

void BareReceiver::wait(int fd) const {
  if (waiting_ == Waiting::kNap) {
    const timespec nap{0, 250'000};
    nanosleep(&nap, nullptr);
  } else {
    pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
    poll(&readable, 1, -1);
  }
}

}  // namespace slipstream::bench
