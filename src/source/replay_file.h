#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/schema.h"

namespace slipstream {

/// One point of a recording, or a mark among them.
struct ReplayPoint {
  std::int64_t pace_ns;   ///< when it was received, or where that is not known its event time
  std::int64_t event_ns;  ///< what its time member says
  std::string json;
  bool is_mark = false;  ///< it is no point
};

struct Recording {
  std::vector<ReplayPoint> points;                  ///< in the order to be sent
  std::size_t refused = 0;                          ///< points or rows that are not valid
  std::map<std::string, std::size_t> reasons = {};  ///< why, with how many of each
  std::vector<std::string> errors;                  ///< the first ten of them
};

/// Reads a recording: a TRD long CSV export (`track` names its track, else the export's event
/// does), a CSV file with or without a header (`track` is the track of one without such a column),
/// NDJSON, a JSON array, or {"telemetry":[...]}, with marks among the points; packed by gzip or
/// zstd or not. All of it is held in memory. Errors: the file cannot be read, or has no valid
/// point.
Result<Recording> read_recording(const std::filesystem::path& file, const std::string& track,
                                 const SchemaOptions& schema);

/// The point with another event time.
std::string with_event_time(const ReplayPoint& point, const std::string& time_member,
                            std::int64_t event_ns);

}  // namespace slipstream
