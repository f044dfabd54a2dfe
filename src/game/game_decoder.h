#pragma once
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "game/game_sink.h"

namespace slipstream::game {

/// Takes the datagrams of one game and tells points and marks. Its time is that of the receipts,
/// and of whoever calls flush(): it reads no clock, so that recordings are decoded as they came.
/// State per sender, bounded (Senders). Whatever the bytes are, nothing is read beyond them. One
/// thread.
class GameDecoder {
 public:
  virtual ~GameDecoder() = default;
  /// False: it is no datagram of the game.
  virtual bool take(std::string_view datagram, const Receipt& receipt, GameSink& sink) = 0;
  /// When something that is kept goes out even if nothing more comes. Nothing: nothing is kept.
  virtual std::optional<ArrivalTime> deadline() const { return std::nullopt; }
  /// Lets out what has waited until now.
  virtual void flush(ArrivalTime, GameSink&) {}
};

}  // namespace slipstream::game
