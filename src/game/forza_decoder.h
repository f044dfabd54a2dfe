#pragma once
#include <optional>

#include "game/game_decoder.h"
#include "game/senders.h"
#include "model/game_stats.h"

namespace slipstream::game {

/// Forza's "Data Out": one car, one datagram a frame, told by its size alone. Menus and pauses
/// (IsRaceOn is 0) make no points, and a datagram that comes twice makes one.
class ForzaDecoder final : public GameDecoder {
 public:
  explicit ForzaDecoder(GameStats& stats) : stats_(stats) {}

  static bool fits(std::string_view datagram);
  bool take(std::string_view datagram, const Receipt& receipt, GameSink& sink) override;

 private:
  struct Car {
    std::optional<std::uint32_t> last_stamp;
  };

  GameStats& stats_;
  Senders<Car> senders_;
  Cells cells_;
};

}  // namespace slipstream::game
