#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "game/f1_layout.h"

namespace slipstream::game {

/// Writes the packets that F1's game sends of a race, of one format: what F1Decoder reads. For
/// those who want to try without a game. One thread.
class F1Encoder {
 public:
  struct Race {
    std::uint64_t uid = 1;
    std::int8_t track = 7;  ///< by the game's number: Silverstone
    std::uint8_t laps = 52;
  };
  /// When a packet belongs to.
  struct Moment {
    float session_time_s = 0;
    std::uint32_t frame = 0;
  };
  struct Driver {
    std::string_view name;
    std::uint8_t number = 0;
  };
  struct Car {
    std::span<const Cell> numbers;  ///< members that the packets do not have are left out
    std::uint8_t compound = 16;     ///< by the game's number: soft
  };
  using Send = std::function<void(std::string_view datagram)>;

  /// `format` is one of f1_formats().
  F1Encoder(const F1Format& format, Race race) : format_(format), race_(race) {}

  std::size_t most_cars() const { return format_.cars; }
  /// The race begins.
  void start(Moment when, const Send& send) const;
  /// Track and weather: to be sent twice a second.
  void session(Moment when, const Send& send) const;
  /// To be sent every five seconds; the first is the player's. No more than most_cars().
  void drivers(Moment when, std::span<const Driver> drivers, const Send& send) const;
  /// All packets of a frame, of as many cars as there are drivers.
  void frame(Moment when, std::span<const Car> cars, const Send& send) const;

 private:
  class Packet;

  const F1Format& format_;
  const Race race_;
};

}  // namespace slipstream::game
