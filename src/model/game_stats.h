#pragma once
#include <string_view>

#include "base/counters.h"

namespace slipstream {

/// What became of datagrams of games that are in no point. Threads: any.
struct GameStats {
  Counter late;         ///< of a frame that had gone out, or twice
  Counter without_lap;  ///< frames whose lap packet did not come: they make no points
  Counter waiting;      ///< frames before the session, or its drivers, are known
  Counter in_menu;      ///< of no session
  Counter not_racing;   ///< menus and pauses that are told by a flag
  Counter cut_off;      ///< messages that end too early
  Counter marks_dropped;
  Counter senders_refused;  ///< datagrams of senders beyond those that are kept
};

/// Each by the names that metrics (`reason`) and health have for it.
struct GameStatRow {
  std::string_view reason;
  std::string_view member;
  Counter GameStats::* counter;
};
inline constexpr GameStatRow kGameStats[] = {
    {"late", "late", &GameStats::late},
    {"without_lap", "withoutLap", &GameStats::without_lap},
    {"waiting", "waiting", &GameStats::waiting},
    {"in_menu", "inMenu", &GameStats::in_menu},
    {"not_racing", "notRacing", &GameStats::not_racing},
    {"cut_off", "cutOff", &GameStats::cut_off},
    {"mark_dropped", "marksDropped", &GameStats::marks_dropped},
    {"sender_refused", "sendersRefused", &GameStats::senders_refused},
};

}  // namespace slipstream
