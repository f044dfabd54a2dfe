#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "game/game_decoder.h"

namespace slipstream::game_fuzzing {

/// Holds what a decoder tells to what may be told; ends the process where it does not.
class Judge final : public game::GameSink {
 public:
  void point(const game::GamePoint& point) override {
    if (point.track.empty() || point.chassis.empty() || point.chassis.size() > 128) std::abort();
    for (const auto& [value, column] : point.numbers) {
      if (column >= game::kColumnCount || !(value - value == 0)) std::abort();
    }
  }
  void mark(Mark mark) override {
    if (mark.kind.empty() || mark.track.empty()) std::abort();
  }
};

/// The input is datagrams, each behind its size (u16); they come 5 ms apart from two senders in
/// turn. Each lies in a block of its own, so that whatever is read behind it is seen.
template <typename Decoder>
void run(Decoder& decoder, const std::uint8_t* data, std::size_t size) {
  Judge judge;
  ArrivalTime now{1'760'000'000'000'000'000};
  std::uint64_t sender = 0;
  while (size >= 2) {
    std::size_t length = data[0] + 256u * data[1];
    data += 2;
    size -= 2;
    if (length > size) length = size;
    const auto datagram = std::make_unique<char[]>(length);
    std::memcpy(datagram.get(), data, length);
    decoder.take({datagram.get(), length}, {sender ^= length & 1, now}, judge);
    data += length;
    size -= length;
    now.ns += 5 * kNsPerMs;
  }
  decoder.flush({now.ns + kNsPerSecond}, judge);
  if (decoder.deadline()) std::abort();
}

}  // namespace slipstream::game_fuzzing
