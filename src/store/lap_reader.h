#pragma once
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "model/lap.h"
#include "model/stored_laps.h"
#include "store/read_only_store.h"

namespace slipstream {

/// A stored session with all that is in it.
struct SessionContents {
  StoredSession session = {};
  std::vector<Activity> activities = {};  ///< by machine, then as they began
  std::vector<StoredLap> laps = {};       ///< by their beginning
};

/// Stored laps and sessions, for who has no part in the running server. One thread.
class LapReader {
 public:
  /// Errors: kVersion, the store was written before there were laps, or by a later version; others:
  /// it cannot be read.
  static Result<LapReader> open(const std::filesystem::path& data_dir);

  /// By its id, or one that it had before. Nothing: unknown.
  Result<std::optional<StoredLap>> find_lap(std::string_view id);
  /// Likewise, as it was at one moment.
  Result<std::optional<SessionContents>> find_session(std::string_view id);

 private:
  explicit LapReader(ReadOnlyStore store) : store_(std::move(store)) {}
  Result<std::optional<SessionContents>> read_session(std::string_view id);

  ReadOnlyStore store_;
};

}  // namespace slipstream
