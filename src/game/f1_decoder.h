#pragma once
#include "game/f1_sender.h"
#include "game/game_decoder.h"
#include "game/senders.h"

namespace slipstream::game {

/// F1 2023 to 2026.
class F1Decoder final : public GameDecoder {
 public:
  explicit F1Decoder(GameStats& stats) : stats_(stats) {}

  static bool fits(std::string_view datagram) { return f1_format_of(datagram) != nullptr; }
  bool take(std::string_view datagram, const Receipt& receipt, GameSink& sink) override;
  std::optional<ArrivalTime> deadline() const override;
  void flush(ArrivalTime now, GameSink& sink) override;

 private:
  GameStats& stats_;
  Senders<F1Sender> senders_;
};

}  // namespace slipstream::game
