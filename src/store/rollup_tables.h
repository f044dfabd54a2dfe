#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "store/rollup_names.h"
#include "store/sqlite.h"

namespace slipstream {

/// A rollup's place in the order of event time.
struct RollupPlace {
  std::int64_t last_ns = 0;
  std::int64_t id = 0;
  friend auto operator<=>(const RollupPlace&, const RollupPlace&) = default;

  static constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t kGreatest = std::numeric_limits<std::int64_t>::max();
};

/// The tables that rollups stand in, read over one connection by one thread: `packed_rollups` with
/// the names that it refers to, and those that an older version wrote, for as long as there are
/// any. Reads files of every version.
class RollupTables {
 public:
  /// `database` outlives this.
  static Result<RollupTables> open(Database& database);

  /// Which tables there are: to be asked anew in each transaction, since the last row of the older
  /// ones may have been packed meanwhile.
  Result<void> begin();
  /// Lets go of the row that was read last, before the transaction ends: it would go on for that.
  void end();

  Database& database() const { return *database_; }
  std::int64_t version() const { return version_; }
  bool has_packed() const { return names_.has_value(); }
  RollupNames& names() { return *names_; }
  /// What rows are in that are not packed, to be selected from; empty: there are none.
  const std::string& unpacked() const { return unpacked_; }
  /// Of the connection; none is in use between two transactions.
  StatementCache& statements() { return statements_; }

  /// Goes to a rollup by its row. False: there is none. What follows is of it, until the next call.
  Result<bool> seek(std::int64_t id);
  /// Of 16 bytes, unless it is damaged.
  std::string window_id() const;
  Result<StoredSeries> series();
  Result<std::string> json();

  /// The greatest row; 0: there is none.
  Result<std::int64_t> newest();

 private:
  explicit RollupTables(Database& database) : database_(&database), statements_(database) {}
  Result<void> put_packed();
  void put_unpacked();

  Database* database_;
  StatementCache statements_;
  std::int64_t version_ = 0;
  std::optional<RollupNames> names_;
  std::string unpacked_;
  Statement packed_row_;
  Statement unpacked_row_;
  bool is_in_packed_ = true;
  bool has_begun_ = false;
  std::string json_;  ///< where one is put together: its room is used again
};

}  // namespace slipstream
