#pragma once
#include <span>
#include <string>

#include "game/layout.h"

namespace slipstream::game {

/// A datagram of Forza's "dash" form (311 bytes) of a car that drives: what ForzaDecoder reads.
/// Members that it does not have are left out.
std::string encode_forza_dash(std::span<const Cell> numbers);

}  // namespace slipstream::game
