#include "game/fuzzing.h"
#include "game/gt7_decoder.h"

// The input is what stands behind the encryption, which no fuzzer would find its way through.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipstream;
  GameStats stats;
  game::Gt7Decoder decoder(stats);
  game_fuzzing::Judge judge;
  const std::string_view plain(reinterpret_cast<const char*>(data), size);
  ArrivalTime now{1'760'000'000'000'000'000};
  decoder.take(plain, {1, now}, judge);
  decoder.take(game::encrypt_gt7(plain, 7), {1, now}, judge);
  return 0;
}
