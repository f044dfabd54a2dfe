#pragma once
#include <string>

#include "racing/standings.h"

namespace slipstream {

/// The `standings_update` message of one track, which is the answer to who asks, too. What is not
/// known is null.
std::string encode_standings(const TrackStandings& standings);

}  // namespace slipstream
