#pragma once
#include <string>
#include <vector>

namespace slipstream {

/// The `insight_update` message, and of which track those of its parts are that do not say so.
struct InsightUpdate {
  std::string json = {};
  std::vector<std::string> gap_tracks = {};     ///< in the order of "gaps"
  std::vector<std::string> notice_tracks = {};  ///< in the order of "insights"
};

}  // namespace slipstream
