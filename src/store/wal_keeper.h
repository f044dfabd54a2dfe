#pragma once
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "store/sqlite.h"

namespace slipstream {

/// How the store's write-ahead log is.
struct WalState {
  std::uint64_t bytes = 0;   ///< of the file
  std::int64_t held_ns = 0;  ///< for how long a reader has kept it from being copied; 0: none does
  std::string reader = {};   ///< "process 71 (sqlite3)", where the system tells; else empty
};

/// Keeps the write-ahead log (slipstream.db-wal) short. SQLite copies what is in it into the
/// database after some commits, and begins it anew when nobody reads from it; but a reader that
/// holds one moment of the database (a shell with an open query) lets it grow with every commit.
/// Nobody can be made to end: what can be done is to copy and cut it as soon as that is possible,
/// and to say who stands in the way. The program's own reads are short.
/// Threads: tend() on the store's; state() from any.
class WalKeeper {
 public:
  static constexpr std::uint64_t kBoundBytes = std::uint64_t{16} << 20;

  /// `writer` commits and outlives this; `database` is its file.
  WalKeeper(Database& writer, const std::filesystem::path& database);

  /// Copies and cuts, now and then; to be called often. That it cannot is tried again.
  Result<void> tend(SteadyTime now);
  WalState state() const;

 private:
  static constexpr std::int64_t kAtRestNs = 10 * kNsPerSecond;
  static constexpr std::int64_t kPressedNs = kNsPerSecond;

  void look(SteadyTime now, const Database::WalProgress& progress);

  Database& writer_;
  const std::filesystem::path wal_;
  const std::filesystem::path index_;  ///< slipstream.db-shm: readers lock a byte of it

  // tend()'s own.
  SteadyTime due_ = kNever;
  std::optional<int> stuck_at_;  ///< what was copied when a reader was first in the way
  SteadyTime stuck_since_ = kNever;

  mutable std::mutex mutex_;  // guards state_
  WalState state_;
};

}  // namespace slipstream
