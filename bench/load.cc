#include "load.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "point_texts.h"

namespace slipstream::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMessages = 64;
constexpr std::size_t kPointsPerEight = 8;
constexpr std::size_t kSegments = 64;  // datagrams of one segmented send
int connected_socket(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    throw std::runtime_error("the sender has no socket");
  }
  const int bytes = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  return fd;
}

/// One call to the kernel: up to kMessages datagrams, or one segmented burst. Returns the
/// datagrams.
class Sender {
 public:
  Sender(const LoadOptions& options)
      : packing_(options.packing),
        datagrams_(options.series, options.packing == Packing::kEight ? kPointsPerEight : 1,
                   options.with_time) {
    for (std::uint32_t i = 0; i < options.sockets; ++i) {
      const int fd = fds_.emplace_back(connected_socket(options.port));
      if (packing_ == Packing::kSegmented) {
        const int segment = static_cast<int>(point_text(0, 0, options.with_time).size());
        setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment);
      }
    }
  }
  ~Sender() {
    for (const int fd : fds_) close(fd);
  }

  std::size_t send(std::size_t most) {
    datagrams_.set_time(now_ms());
    const int fd = fds_[calls_++ % fds_.size()];
    if (packing_ == Packing::kSegmented) {
      burst_.clear();
      for (std::size_t i = 0; i < kSegments; ++i) burst_ += datagrams_.next();
      return ::send(fd, burst_.data(), burst_.size(), 0) > 0 ? kSegments : 0;
    }
    mmsghdr messages[kMessages] = {};
    iovec vectors[kMessages];
    most = std::min(most, kMessages);
    for (std::size_t i = 0; i < most; ++i) {
      std::string& text = datagrams_.next();
      vectors[i] = {text.data(), text.size()};
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent = sendmmsg(fd, messages, static_cast<unsigned>(most), 0);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }

 private:
  const Packing packing_;
  PointTexts datagrams_;
  std::vector<int> fds_;
  std::size_t calls_ = 0;
  std::string burst_;
};

LoadResult run(const LoadOptions& options) {
  const std::size_t points_per_datagram = options.packing == Packing::kEight ? kPointsPerEight : 1;
  const std::size_t step = options.packing == Packing::kSegmented ? kSegments : kMessages;
  // At low rates a call carries what a millisecond holds, so that points come evenly.
  const double datagram_rate = options.points_per_second / static_cast<double>(points_per_datagram);
  const std::size_t most =
      options.points_per_second <= 0
          ? step
          : std::clamp<std::size_t>(static_cast<std::size_t>(datagram_rate / 1'000), 1, step);
  Sender sender(options);
  LoadResult result;
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::duration<double>(options.seconds);
  for (auto now = begin; now < end; now = Clock::now()) {
    if (options.points_per_second > 0) {
      const auto due =
          begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
                      static_cast<double>(result.datagrams) / datagram_rate));
      if (due > now) {
        const timespec nap{0, std::min<long>((due - now).count(), 10'000'000)};
        nanosleep(&nap, nullptr);
        continue;
      }
    }
    result.datagrams += sender.send(most);
  }
  result.points = result.datagrams * points_per_datagram;
  result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  result.cpu_seconds = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                       static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
  return result;
}

}  // namespace

LoadResult send_load(const LoadOptions& options) {
  return send_load(options, 1);
}

LoadResult send_load(const LoadOptions& options, std::size_t processes) {
  LoadOptions share = options;
  share.points_per_second /= static_cast<double>(processes);
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  std::vector<pid_t> children;
  while (children.size() < processes) {
    const pid_t child = children.emplace_back(fork());
    if (child == 0) {
      const LoadResult result = run(share);
      const bool told = write(ends[1], &result, sizeof result) == sizeof result;
      _exit(told ? 0 : 1);
    }
  }
  close(ends[1]);
  LoadResult sum;
  std::size_t told = 0;
  for (LoadResult result; read(ends[0], &result, sizeof result) == sizeof result; ++told) {
    sum.points += result.points;
    sum.datagrams += result.datagrams;
    sum.seconds = std::max(sum.seconds, result.seconds);
    sum.cpu_seconds += result.cpu_seconds;
  }
  close(ends[0]);
  for (const pid_t child : children) waitpid(child, nullptr, 0);
  if (told < processes) throw std::runtime_error("a sender failed");
  return sum;
}

}  // namespace slipstream::bench
