#pragma once
#include <optional>
#include <string_view>

#include "game/f1_decoder.h"
#include "game/forza_decoder.h"
#include "game/gt7_decoder.h"

namespace slipstream::game {

/// Datagrams of all games that are told by their bytes. One thread.
class Games final : public GameDecoder {
 public:
  explicit Games(GameStats& stats) : f1_(stats), forza_(stats), gt7_(stats) {}

  /// Whether it is a game's. Cheap for what is none.
  static bool fits(std::string_view datagram);
  bool take(std::string_view datagram, const Receipt& receipt, GameSink& sink) override;
  std::optional<ArrivalTime> deadline() const override { return f1_.deadline(); }
  void flush(ArrivalTime now, GameSink& sink) override { f1_.flush(now, sink); }

 private:
  F1Decoder f1_;
  ForzaDecoder forza_;
  Gt7Decoder gt7_;
};

}  // namespace slipstream::game
