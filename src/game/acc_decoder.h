#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "game/game_decoder.h"
#include "game/senders.h"
#include "model/game_stats.h"

namespace slipstream::game {

/// Assetto Corsa Competizione's broadcasting protocol, version 4, as it comes from the game: one
/// point a car update. Cars of which the entry list says nothing make none, nor does any before the
/// track is known. Who registers with the game, and asks for the entry list, is another's concern.
/// Bounded: kMaxEntries cars of a sender.
class AccDecoder final : public GameDecoder {
 public:
  static constexpr std::size_t kMaxEntries = 128;

  explicit AccDecoder(GameStats& stats) : stats_(stats) {}

  bool take(std::string_view datagram, const Receipt& receipt, GameSink& sink) override;

 private:
  struct Entry {
    std::string name;
    std::int32_t race_number = 0;
    std::string chassis;
  };
  struct Game {
    std::string track;
    std::int32_t track_length_m = 0;
    std::map<std::uint16_t, Entry> entries;
    double session_time_s = 0;
    int session = -1;  ///< the number of the session in its event; -1: not told yet
  };

  static void take_update(Game& game, std::string_view datagram, const Receipt& receipt,
                          GameSink& sink);
  void take_car(Game& game, std::string_view datagram, const Receipt& receipt, GameSink& sink);
  static void take_entries(Game& game, std::string_view datagram);
  static void take_track(Game& game, std::string_view datagram);
  static void take_entry(Game& game, std::string_view datagram);
  static void take_event(Game& game, std::string_view datagram, const Receipt& receipt,
                         GameSink& sink);

  GameStats& stats_;
  Senders<Game> senders_;
  Cells cells_;
};

}  // namespace slipstream::game
