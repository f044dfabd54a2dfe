#pragma once
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace slipstream {

/// Ends a thread's poll() of descriptors: an eventfd. Where the system has none left it wakes
/// nobody, and the poll ends by its own time.
/// Threads: set() from any; clear() from the one that polls.
class WakeEvent {
 public:
  WakeEvent() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~WakeEvent() {
    if (fd_ >= 0) close(fd_);
  }
  WakeEvent(const WakeEvent&) = delete;
  WakeEvent& operator=(const WakeEvent&) = delete;

  pollfd polled() const { return {fd_, POLLIN, 0}; }
  void set() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(fd_, &one, sizeof one);
  }
  void clear() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = read(fd_, &count, sizeof count);
  }

 private:
  const int fd_;
};

}  // namespace slipstream
