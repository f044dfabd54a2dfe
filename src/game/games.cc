#include "game/games.h"

namespace slipstream::game {

bool Games::fits(std::string_view datagram) {
  return F1Decoder::fits(datagram) || ForzaDecoder::fits(datagram) || Gt7Decoder::fits(datagram);
}

bool Games::take(std::string_view datagram, const Receipt& receipt, GameSink& sink) {
  return f1_.take(datagram, receipt, sink) || forza_.take(datagram, receipt, sink) ||
         gt7_.take(datagram, receipt, sink);
}

}  // namespace slipstream::game
