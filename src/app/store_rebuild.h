#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "ops/config.h"
#include "pipeline/replay.h"

namespace slipstream {

/// What became of a damaged store.
struct RebuildReport {
  std::uint64_t rollups = 0;   ///< copied from the damaged file
  std::uint64_t regained = 0;  ///< made again from the log
  std::uint64_t lost = 0;      ///< that the damaged file still tells of, and the log cannot give
  std::uint64_t marks = 0;     ///< likewise: copied,
  std::uint64_t regained_marks = 0;  ///< and from the log,
  std::uint64_t lost_marks = 0;      ///< and gone
  std::uint64_t laps = 0;            ///< copied,
  std::uint64_t regained_laps = 0;   ///< and from the log: closed ones
  bool may_lack_marks = false;
  bool may_lack_others = false;  ///< the damaged file does not tell of all that it held
  bool kept_checkpoint = false;  ///< the next start goes on from where the last one got to
  bool read_log = false;
  LogOffset log_from = 0;  ///< what the log still had
  LogOffset log_to = 0;
  std::vector<LostRange> log_lost = {};          ///< and what in it could not be read
  std::vector<std::string> damaged_tables = {};  ///< of which rows may be missing
  std::filesystem::path kept_as = {};            ///< the damaged file
};

/// Told what is being done, and how far it is.
using RebuildProgress =
    std::function<void(std::string_view what, std::uint64_t done, std::uint64_t of)>;

/// Makes the store of the configured data directory anew, from what can be read of the old one and
/// from what the log still has; then puts it in the old one's place, which is kept beside it. Where
/// the old one's checkpoint is whole, it stays, and the log gives only rollups that were lost; else
/// the log is folded from its beginning, and gives the open windows as well. No rollup is in it
/// twice: one that the log gives again is dropped where the old file has it, by its window_id, or,
/// where the log has lost its beginning, one of the same window that holds its time. Until the last
/// step nothing is changed but the log's torn end, as by a start. Nobody else may have the
/// directory. Errors: that; there is no store; the disk is full.
Result<RebuildReport> rebuild_store(const Config& config, const RebuildProgress& progress);

}  // namespace slipstream
