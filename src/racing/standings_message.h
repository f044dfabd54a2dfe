#pragma once
#include <memory>
#include <string>

#include "racing/standings.h"
#include "racing/track_line.h"

namespace slipstream {

/// What is known of a track beside what its cars tell.
struct TrackFacts {
  std::string session = {};                         ///< the running one's id; empty: not known yet
  std::shared_ptr<const TrackLine> line = nullptr;  ///< nullptr: nobody has learned it
};

/// The `standings_update` message of one track, which is the answer to who asks, too. What is not
/// known is null.
std::string encode_standings(const TrackStandings& standings, const TrackFacts& facts = {});

}  // namespace slipstream
