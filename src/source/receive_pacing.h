#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace slipstream {

/// How a receiver waits once its socket is empty. To be woken by a datagram costs some
/// microseconds, and so does the wake of each thread behind; a nap gathers what comes meanwhile for
/// one such price, but delays it, and is for nothing where nothing comes. So it blocks while little
/// comes, and naps where a nap is worth more than one datagram: for as long as brings it some
/// hundreds of them, within what their points may be late by. Pure; one thread.
class ReceivePacing {
 public:
  struct Wait {
    std::int64_t ns = 0;     ///< how long to nap; where it blocks, how long to nap after the wake
    bool until_one = false;  ///< first blocks until a datagram is there
  };

  /// For who sends on what comes: a nap is what others would wait for, too.
  static const Wait kAtOnce;

  /// `buffer_bytes`: of the socket's receive buffer, which has to hold what comes in a nap.
  explicit ReceivePacing(std::size_t buffer_bytes)
      : longest_ns_(buffer_bytes >= kAmpleBufferBytes ? kLongestNs : kWatchedLongestNs) {}

  /// `datagrams`: that came since the last wait began, `elapsed_ns` ago. `is_watched`: somebody
  /// sees the points as they come.
  Wait next(std::size_t datagrams, std::int64_t elapsed_ns, bool is_watched) const {
    const bool is_sparse = datagrams == 0 || (datagrams == 1 && elapsed_ns >= kSparseNs);
    if (is_sparse) return {.ns = is_watched ? 0 : longest_ns_, .until_one = true};
    if (is_watched) {
      return {.ns = datagrams >= kFlood  ? kWatchedLongestNs
                    : datagrams >= kBusy ? kWatchedLongNs
                                         : kWatchedShortNs};
    }
    const std::int64_t apart_ns =
        std::min(elapsed_ns, kNsPerSecond) / static_cast<std::int64_t>(datagrams);
    return {.ns = std::clamp(apart_ns * kGathered, kWatchedLongestNs, longest_ns_)};
  }

 private:
  static constexpr std::int64_t kGathered = 256;  ///< datagrams a nap
  static constexpr std::int64_t kLongestNs = 20 * kNsPerMs;
  /// For 20 ms of half a million datagrams a second, each with the kernel's own share.
  static constexpr std::size_t kAmpleBufferBytes = std::size_t{8} << 20;
  static constexpr std::int64_t kSparseNs = kNsPerMs;  ///< a datagram: it is blocked for
  static constexpr std::size_t kBusy = 24;
  static constexpr std::size_t kFlood = 128;
  static constexpr std::int64_t kWatchedShortNs = 200 * kNsPerUs;
  static constexpr std::int64_t kWatchedLongNs = 500 * kNsPerUs;
  static constexpr std::int64_t kWatchedLongestNs = kNsPerMs;

  const std::int64_t longest_ns_;
};

inline constexpr ReceivePacing::Wait ReceivePacing::kAtOnce{.ns = 0, .until_one = true};

}  // namespace slipstream
