#pragma once
#include "base/counters.h"

namespace slipstream::game {

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

}  // namespace slipstream::game
