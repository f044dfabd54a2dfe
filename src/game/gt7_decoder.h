#pragma once
#include <optional>
#include <string>

#include "game/game_decoder.h"
#include "game/senders.h"
#include "model/game_stats.h"

namespace slipstream::game {

/// The packets of Gran Turismo 7, by the byte that asks the console for them. Each has what the one
/// before it has, and more.
enum class Gt7Type : std::uint8_t { kA, kB, kTilde, kC };

/// Whether packets of Gran Turismo 7 have that size.
bool is_gt7_size(std::size_t bytes);
/// A packet of Gran Turismo 7 without its encryption, or nothing: it is none. The type is told by
/// the size.
std::optional<std::string> decrypt_gt7(std::string_view datagram);
/// As the console sends it, for who takes its place. Of another size than packets have: as it is.
std::string encrypt_gt7(std::string_view plain, std::uint32_t seed);

/// Gran Turismo 7: one car, one encrypted datagram a frame. Pauses, loading screens and replays
/// (the car is not on the track) make no points, and a datagram that comes twice makes one.
class Gt7Decoder final : public GameDecoder {
 public:
  explicit Gt7Decoder(GameStats& stats) : stats_(stats) {}

  /// Decrypts its beginning.
  static bool fits(std::string_view datagram);
  bool take(std::string_view datagram, const Receipt& receipt, GameSink& sink) override;

 private:
  struct Car {
    std::optional<std::int32_t> last_packet;
  };

  GameStats& stats_;
  Senders<Car> senders_;
  Cells cells_;
};

}  // namespace slipstream::game
