#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace slipstream {

/// A channel of a MoTeC log: readings at an even rate, the first at the log's beginning.
struct MotecChannel {
  std::string name = {};        ///< 32 bytes, or it is cut
  std::string short_name = {};  ///< 8 bytes
  std::string unit = {};        ///< 12 bytes
  std::uint16_t rate_hz = 1;
  std::uint32_t samples = 0;
};

/// A MoTeC log (.ld) but for its values. Texts are written as ASCII; a character that is none is a
/// question mark.
struct MotecLog {
  EventTime began = {};          ///< written to the second, UTC
  std::string driver = {};       ///< 64 bytes
  std::string vehicle = {};      ///< 64 bytes
  std::string venue = {};        ///< 64 bytes
  std::string event = {};        ///< 64 bytes
  std::string session = {};      ///< 64 bytes
  std::string comment = {};      ///< 64 bytes: beside the log's name in i2
  std::string description = {};  ///< 1,024 bytes: the event's comment
  std::vector<MotecChannel> channels = {};
};

/// All that stands before the values: header, event, venue, vehicle and the table of channels. The
/// values follow, channel by channel in their order, as append_motec_values() writes them.
/// kRefused: the file would be longer than its offsets can tell (4 GiB).
Result<std::string> motec_head(const MotecLog& log);
void append_motec_values(std::string& out, std::span<const float> values);

/// A lap in a log, in seconds from its beginning.
struct MotecLap {
  std::int32_t number = 0;
  double from_s = 0;
  double to_s = 0;
  std::optional<double> lap_time_s = {};  ///< of one that counts: complete, not called invalid
  bool begins_at_line = false;            ///< and was seen there
  bool ends_at_line = false;
};
/// What goes beside a log (.ldx, XML): a beacon where a lap begins or ends at the line, the number
/// of laps, and which that counts was the fastest.
std::string motec_beacons(std::span<const MotecLap> laps);

}  // namespace slipstream
