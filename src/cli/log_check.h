#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "codec/point_log_decoder.h"
#include "log/verify.h"
#include "model/point.h"

namespace slipstream {

/// A log gone through to its last point.
struct LogCheck {
  std::string folder;
  LogReport report = {};
  std::string end_unknown = {};  ///< why the store does not say how far the log had come
  std::uint64_t blocks = 0;
  std::uint64_t entries = 0;  ///< offsets of blocks that are whole
  std::uint64_t marks = 0;    ///< of them; where the points are taken
};

/// Checks a log (`directory`: a data directory or its log folder) as verify_log() does, that each
/// payload decodes, and that it goes as far as the store beside it says. `take` gets the points of
/// whole blocks. Draws a progress bar. Beside a running server the block that it is writing just
/// then is no fault.
Result<LogCheck> check_log(const std::string& directory,
                           const std::function<void(const PointBatch&)>& take = {});

}  // namespace slipstream
