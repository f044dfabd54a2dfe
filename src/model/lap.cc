#include "model/lap.h"

namespace slipstream {

std::size_t ToldLaps::bytes() const {
  std::size_t bytes = activities.size() * sizeof(Activity);
  for (const auto& lap : laps) {
    bytes += sizeof(Lap) + lap->sector_times_s.size() * sizeof lap->sector_times_s[0];
    for (const auto& channel : lap->channels) bytes += sizeof channel + channel.size();
  }
  return bytes;
}

}  // namespace slipstream
