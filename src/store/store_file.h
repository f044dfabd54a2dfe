#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/outputs.h"
#include "model/stored_marks.h"
#include "store/sqlite.h"

namespace slipstream {

/// What somebody finds who looks at a store's file from outside. It is only read, and may belong to
/// a running server; the look holds a read for as long as it takes.
struct StoreReport {
  std::int64_t version = 0;  ///< of the schema
  std::uint64_t rollups = 0;
  std::uint64_t marks = 0;
  std::uint64_t laps = 0;
  std::map<std::uint32_t, LogOffset> checkpoints = {};  ///< by partition: where a start goes on
  LogOffset reached = 0;                                ///< the log had come so far at least
  std::vector<std::string> faults = {};                 ///< in sentences, for people
};
/// Checks every page and index, the schema, and that each rollup, mark and lap can be read. Errors:
/// there is no such file.
Result<StoreReport> check_store_file(const std::filesystem::path& database);

/// A mark that an index tells of, though its row cannot be read or is no mark.
struct LostMark {
  MarkRow row = 0;
  std::optional<LogOffset> offset = {};  ///< none: it was not in a log
  ArrivalTime arrival = {};
};
struct SalvagedMarks {
  std::uint64_t copied = 0;
  bool is_whole = true;             ///< there were no others
  std::vector<LostMark> lost = {};  ///< of the others
  bool knows_lost = true;           ///< else there may be more of them
};

struct SalvagedLaps {
  std::uint64_t copied = 0;
  std::vector<std::string> damaged_tables = {};  ///< of laps, activities, sessions, track lines
};

/// What could be read of a damaged store.
struct Salvage {
  std::uint64_t rollups = 0;  ///< copied
  /// Rollups that an index still tells of, by the last 8 bytes of their window_id, though their
  /// rows cannot be read; their row's number.
  std::map<std::string, std::int64_t> lost = {};
  bool knows_lost = false;  ///< else there may be others
  SalvagedMarks marks = {};
  SalvagedLaps laps = {};
  /// All that a start goes on from is whole: the layout, checkpoints, open windows.
  bool has_checkpoint = false;
  std::vector<std::string> damaged_tables = {};  ///< of which rows may be missing
};
/// Copies what can be read of the damaged file into a new one, whose rows keep their numbers. The
/// damaged one is not changed. `progress` is told how many rollups are copied. Errors: the new file
/// cannot be written. A file of which nothing can be read gives an empty store.
Result<Salvage> salvage_store_file(const std::filesystem::path& damaged,
                                   const std::filesystem::path& fresh,
                                   const std::function<void(std::uint64_t)>& progress);

}  // namespace slipstream
