#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "game/f1_session.h"

namespace slipstream::game {

/// What an event packet says.
struct F1Event {
  std::string_view kind;    ///< of the mark that it becomes; empty: of none
  std::string_view driver;  ///< that it is about; empty: all
  std::string text;
  std::optional<double> to_time;  ///< of a flashback
};

/// The names of drivers are the session's.
F1Event read_f1_event(const PackedReader& packet, const F1Session& session);

}  // namespace slipstream::game
