#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "codec/rollup_json.h"
#include "model/stored_alerts.h"
#include "model/stored_laps.h"
#include "model/stored_marks.h"
#include "model/stored_rollups.h"
#include "store/checkpoint_tables.h"
#include "store/outbox.h"
#include "store/retention.h"
#include "store/session_queries.h"
#include "store/store_damage.h"
#include "store/wal_keeper.h"

namespace slipstream {

struct StoreOptions {
  RetentionOptions retention = {};
  /// What gets rollups beside; none: no outbox.
  std::vector<RollupDestination> destinations = {};
  /// A pause that ends a session which the source calls nothing.
  std::int64_t session_gap_ns = 600 * kNsPerSecond;
};

/// Closed windows, marks, laps and sessions in SQLite (slipstream.db in the data directory;
/// docs/store.md has the schema), and in the same transactions what a restart needs to go on
/// without a point lost or counted twice. Errors of kind kCorrupt tell that the file is damaged,
/// and are remembered: trying again gives the same. Threads: commit(), edit_session(),
/// start_layout(), prune(), pack_some(), has_unpacked() and tend() on one; the queries from any,
/// with a connection of their own; wal() and damage() from any.
class RollupStore final : public LapBook {
 public:
  static Result<std::unique_ptr<RollupStore>> open(const std::filesystem::path& data_dir,
                                                   StoreOptions options, const FieldTable& fields);
  ~RollupStore() override;

  /// One transaction, on the disk when this returns. A rollup that is there already (same
  /// window_id) is not written again. The rows of commit.rollups; 0: was there already. Likewise
  /// those of commit.marks, in `mark_rows`; and in `closed_laps` the closed ones of commit.laps
  /// that got a row, in its order, with what is known of them behind all of the commit. Those of
  /// commit.alerts are in `alert_rows`.
  Result<std::vector<RollupRow>> commit(const Commit& commit,
                                        std::vector<MarkRow>* mark_rows = nullptr,
                                        std::vector<StoredLap>* closed_laps = nullptr,
                                        std::vector<AlertRow>* alert_rows = nullptr);
  /// What a person says of a session, in a transaction of its own: the session as it is then;
  /// nothing: unknown.
  Result<std::optional<StoredSession>> edit_session(const SessionEdit& edit);
  /// Of rollups and series, that transactions have written so far, whatever becomes of them. Any
  /// thread.
  std::uint64_t rows_written() const;
  /// Forgets all partitions' states; the new layout's begin at `offset` in the log. Alerts that are
  /// active are cleared: nothing knows any more how they came.
  Result<void> start_layout(const std::string& layout, std::uint32_t partitions, LogOffset offset,
                            std::uint64_t sequence, ArrivalTime now);
  /// Clears the active alerts of rules that are none of these, since nothing else will. How many.
  Result<std::size_t> clear_alerts_but(const std::vector<std::string>& rules, ArrivalTime now,
                                       std::string_view why);
  /// Removes what is past its retention, a bounded piece at a time; true: there is more to do. Of
  /// the answered keys those of before `keys_before` go, and what is beyond AnsweredKey::kMostKept.
  Result<bool> prune(ArrivalTime now, ArrivalTime keys_before);
  /// Packs a bounded piece of the rollups that an older version wrote, each of them in the same
  /// transaction in which it is removed where it was; true: there are more. Until then they are
  /// read from where they are.
  Result<bool> pack_some();
  bool has_unpacked() const;

  /// While there is a reason (the file was deleted), nothing is committed, and it is told. Any
  /// thread.
  void refuse(std::optional<Error> why);
  /// Keeps the write-ahead log short; to be called often, by who commits.
  Result<void> tend(SteadyTime now);
  WalState wal() const;
  /// What damage of the file some operation met, in SQLite's words; nothing: none did.
  std::optional<std::string> damage() const;

  /// nullptr: there is none.
  Outbox* outbox() const;

  Result<RollupPage> query(const RollupQuery& query) const;
  /// Rollups in the order of commits, behind a cursor.
  Result<StoredRollups> read_stored(const StoredRollupsQuery& query) const;
  /// The newest row of all; retention never removes it, so that rows are given out once.
  Result<RollupCursor> newest() const;
  Result<MarkPage> query_marks(const MarkQuery& query) const;
  /// Marks in the order of commits, behind a cursor.
  Result<StoredMarks> read_stored_marks(const StoredEventsQuery& query) const;
  Result<MarkCursor> newest_mark() const;
  Result<AlertPage> query_alerts(const AlertQuery& query) const;
  /// What alerts were raised and cleared in the order of commits, behind a cursor.
  Result<StoredAlerts> read_stored_alerts(const StoredEventsQuery& query) const;
  Result<AlertCursor> newest_alert() const;
  Result<std::vector<Alert>> active_alerts() const;
  /// Closed laps in the order of commits, behind a cursor.
  Result<StoredLaps> read_stored_laps(const StoredEventsQuery& query) const;
  Result<LapCursor> newest_lap() const;
  Result<LapPage> query_laps(const LapQuery& query) const override;
  Result<std::optional<StoredLap>> find_lap(std::string_view id) const override;
  Result<std::vector<StoredSession>> query_sessions(const SessionQuery& query) const override;
  Result<std::optional<StoredSession>> find_session(std::string_view id) const override;
  Result<std::vector<SessionExtent>> pinned_extents(std::string_view also) const override;
  Result<std::optional<std::string>> track_line(std::string_view name) const override;
  Result<StoredState> load() const;
  Result<std::optional<PartitionState>> load_partition(PartitionId partition) const;

 private:
  struct Impl;
  explicit RollupStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipstream
