#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/alert.h"
#include "model/rollup.h"
#include "model/rollup_outbox.h"
#include "store/outbox_destination.h"
#include "store/sqlite.h"
#include "store/store_damage.h"

namespace slipstream {

/// The outbox in the store's database: rows are written in the store's transactions, so that a
/// rollup is in it exactly where its partition's sequence number is committed; each destination
/// removes its own. Rows of a destination that is not there in this run stay, for the run in which
/// it is again. Bounded by RollupDestination::max_rollups.
/// Threads: the store's; of() and wants() any.
class Outbox {
 public:
  /// `writer` commits and outlives this, as `damage` does; `path` is its file. Errors: the file's,
  /// and two destinations of one name.
  static Result<std::unique_ptr<Outbox>> open(Database& writer, const std::string& path,
                                              std::vector<RollupDestination> destinations,
                                              const FieldTable& fields, StoreDamage& damage);

  /// Whether some destination gets it.
  bool wants(const Rollup& rollup) const;
  /// For each rollup a place in a row of each destination that gets it. A part of a transaction
  /// that the caller has begun.
  Result<void> write(const RollupBatch& rollups);
  /// The same for alerts, which wait from `now` on; behind the rollups of the same transaction.
  Result<void> write_alerts(const std::vector<Alert>& alerts, ArrivalTime now);
  /// How that ended.
  void settle(bool is_committed);

  /// nullptr: there is no destination of that name.
  RollupOutbox* of(std::string_view destination) const;

 private:
  struct OpenRow {
    std::string text;
    std::uint64_t count = 0;
  };
  struct Writing {
    std::unique_ptr<OutboxDestination> destination;
    std::map<std::string, OutboxAmount> changes = {};  ///< of the transaction, by shard
    std::uint64_t dropped = 0;                         ///< likewise, rollups
  };
  explicit Outbox(const FieldTable& fields) : fields_(fields) {}
  Result<void> prepare(Database& writer);
  Result<void> count_waiting(Database& writer);
  Result<void> insert(Writing& to, const std::string& shard, const OpenRow& row);
  Result<void> trim_what_is_too_much(Writing& of);
  Result<void> trim(Writing& of, const std::string& shard);

  const FieldTable& fields_;
  std::vector<Writing> writings_;  ///< one a destination
  Statement insert_;
  Statement sizes_;
  Statement trim_;
};

}  // namespace slipstream
