#include "game/acc_decoder.h"
#include "game/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipstream;
  GameStats stats;
  game::AccDecoder decoder(stats);
  game_fuzzing::run(decoder, data, size);
  return 0;
}
