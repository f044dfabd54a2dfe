#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "game/f1_layout.h"

namespace slipstream::game {

/// The packets of one frame, as far as they came.
struct F1Frame {
  static constexpr std::size_t kMaxBytes = 1'500;

  F1Header header;
  ArrivalTime first;  ///< of any packet of it
  ArrivalTime last;
  std::uint64_t ordinal = 0;                       ///< counts the frames of the sender
  std::array<std::uint16_t, kCarPackets> sizes{};  ///< 0: it did not come
  std::array<std::array<char, kMaxBytes>, kCarPackets> bytes;

  bool has(CarPacket kind) const { return sizes[static_cast<std::size_t>(kind)] != 0; }
  PackedReader packet(std::size_t kind) const {
    return PackedReader({bytes[kind].data(), sizes[kind]});
  }
  void put(std::size_t kind, std::string_view datagram) {
    std::memcpy(bytes[kind].data(), datagram.data(), datagram.size());
    sizes[kind] = static_cast<std::uint16_t>(datagram.size());
  }
};

/// Which packets a frame will still get, from those that the frames before it had: most come with
/// every frame, some with every second or sixth. One that is due is waited for; one that has not
/// come for long is not. The first kLearning frames are never complete: nobody knows yet what
/// comes.
class F1Rhythm {
 public:
  static constexpr std::uint64_t kLearning = 8;

  void has_come(std::size_t kind, std::uint64_t ordinal) {
    One& one = kinds_[kind];
    if (one.is_seen && ordinal <= one.last) return;
    if (one.is_seen) {
      one.earlier_step = one.step;
      one.step = ordinal - one.last;
    }
    one.is_seen = true;
    one.last = ordinal;
  }
  bool is_complete(const F1Frame& frame) const {
    if (frame.ordinal <= kLearning) return false;
    for (std::size_t kind = 0; kind < kCarPackets; ++kind) {
      if (frame.sizes[kind] == 0 && is_due(kinds_[kind], frame.ordinal)) return false;
    }
    return true;
  }

 private:
  struct One {
    bool is_seen = false;
    std::uint64_t last = 0;
    std::uint64_t step = 0;  ///< 0: it has come once
    std::uint64_t earlier_step = 0;
  };
  static bool is_due(const One& one, std::uint64_t ordinal) {
    if (!one.is_seen || ordinal <= one.last) return false;
    constexpr std::uint64_t kGivenUpAfter = 32;
    const std::uint64_t waited = ordinal - one.last;
    // A packet that is lost doubles one step alone.
    const std::uint64_t step =
        one.earlier_step == 0 ? one.step : std::min(one.step, one.earlier_step);
    if (waited > kGivenUpAfter + 4 * step) return false;
    return step <= 1 || waited + 1 >= step;
  }

  std::array<One, kCarPackets> kinds_;
};

}  // namespace slipstream::game
