#include "store/rollup_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "store/alert_tables.h"
#include "store/lap_queries.h"
#include "store/lap_tables.h"
#include "store/mark_tables.h"
#include "store/retention.h"
#include "store/rollup_inserter.h"
#include "store/rollup_queries.h"
#include "store/schema_sql.h"
#include "store/sqlite.h"
#include "store/store_views.h"

namespace slipstream {
namespace {

/// What a store that this version makes keeps of `second`.
constexpr int kSecondHours = 7 * 24;
/// Takes some ten milliseconds.
constexpr std::int64_t kPackPiece = 250;

/// In one transaction: a kill in its middle leaves the file as it was.
Result<void> bring_up_to_date(Database& database) {
  if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) return begun;
  const auto version = database.integer("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  if (*version > kStoreVersion) {
    return fail(fmt::format("it was written by a newer version (schema {}, this one knows {})",
                            *version, kStoreVersion),
                ErrorCode::kVersion);
  }
  if (*version < kStoreVersion) {
    // Views name what the parts rename.
    const auto foreign = take_foreign_views(database);
    if (!foreign) return std::unexpected(foreign.error());
    if (auto dropped = drop_views(database); !dropped) return dropped;
    for (auto part = static_cast<int>(*version); part < kStoreVersion; ++part) {
      if (auto done = database.execute(kStoreSchema[part]); !done) return done;
    }
    std::string sql = fmt::format("PRAGMA user_version={};", kStoreVersion);
    if (*version == 0) {
      sql += fmt::format("INSERT INTO window_retention VALUES ('second', {}, 0);", kSecondHours);
    }
    if (auto done = database.execute(sql.c_str()); !done) return done;
    for (const std::string& view : *foreign) {
      if (auto made = database.execute(view.c_str()); !made) return made;
    }
  }
  const auto has_unpacked = has_unpacked_rollups(database);
  if (!has_unpacked) return std::unexpected(has_unpacked.error());
  if (*has_unpacked) {
    const auto one =
        database.integer("SELECT count(*) FROM (SELECT 1 FROM unpacked_rollups LIMIT 1)");
    if (!one) return std::unexpected(one.error());
    if (*one == 0) {
      if (auto done = database.execute("DROP TABLE unpacked_rollups"); !done) return done;
    }
  }
  if (auto done = bring_views_up_to_date(database); !done) return done;
  return database.execute("COMMIT");
}

/// What is for the outbox, without those that the store had already.
RollupBatch new_of(const Commit& commit, const std::vector<RollupRow>& rows) {
  RollupBatch outgoing = commit.outgoing;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] == 0) std::erase(outgoing, commit.rollups[i]);
  }
  return outgoing;
}

}  // namespace

struct RollupStore::Impl {
  Impl(Database w, Database r, StoreOptions o, const FieldTable& f)
      : writer(std::move(w)), reader(std::move(r)), options(std::move(o)), fields(f) {}

  Database writer;
  std::mutex reader_mutex;  // guards reader
  Database reader;
  const StoreOptions options;
  const FieldTable& fields;
  std::optional<RollupTables> tables;  ///< of the reader
  std::optional<RollupInserter> inserter;
  std::optional<MarkInserter> mark_inserter;
  std::optional<LapTables> laps;
  std::optional<AlertInserter> alert_inserter;
  /// What the inserter remembers is of a transaction that was rolled back, or was removed since.
  bool knows_too_much = false;
  std::optional<Retention> retention;
  CheckpointTables checkpoints;
  StoreDamage damage;
  std::mutex refused_mutex;  // guards refused
  std::optional<Error> refused;
  std::unique_ptr<WalKeeper> wal;
  Counter rows_written;
  std::unique_ptr<Outbox> outbox;  ///< may be nullptr

  Result<void> insert_rollups(const RollupBatch& rollups, std::vector<RollupRow>& rows);
  Result<void> insert_marks(const std::vector<PlacedMark>& marks, std::vector<MarkRow>& rows);
  Result<void> write_laps(const Commit& commit, std::vector<StoredLap>& closed);
  Result<void> write_alerts(const std::vector<Alert>& alerts, ArrivalTime now,
                            std::vector<AlertRow>& rows);
  Result<std::size_t> clear_alerts_but(const std::vector<std::string>& rules, ArrivalTime now,
                                       std::string_view why);
  /// Reads from one state of the database, whatever is committed meanwhile.
  template <typename Read>
  auto snapshot(Read read) -> decltype(read(*tables)) {
    const std::lock_guard lock(reader_mutex);
    auto begun = reader.execute("BEGIN");
    if (begun) begun = tables->begin();
    if (!damage.watch(begun)) {
      std::ignore = reader.execute("ROLLBACK");
      return std::unexpected(begun.error());
    }
    auto result = damage.watch(read(*tables));
    tables->end();
    std::ignore = reader.execute("COMMIT");
    return result;
  }
  /// What `kRead` reads of one state of the database.
  template <auto kRead, typename... Asked>
  auto ask(const Asked&... asked) {
    return snapshot([&](RollupTables& of) { return kRead(of.database(), asked...); });
  }
  /// All of `work`, or nothing of it.
  template <typename Work>
  Result<void> transaction(Work work) {
    {
      const std::lock_guard lock(refused_mutex);
      if (refused) return std::unexpected(*refused);
    }
    Result<void> done = writer.execute("BEGIN IMMEDIATE");
    if (!done) return damage.watch(std::move(done));
    if (knows_too_much) done = inserter->forget();
    if (done) {
      knows_too_much = false;
      done = work();
    }
    if (done) done = writer.execute("COMMIT");
    if (!done) {
      std::ignore = writer.execute("ROLLBACK");
      knows_too_much = true;
    }
    return damage.watch(std::move(done));
  }
};

RollupStore::RollupStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RollupStore::~RollupStore() = default;

Result<std::unique_ptr<RollupStore>> RollupStore::open(const std::filesystem::path& data_dir,
                                                       StoreOptions options,
                                                       const FieldTable& fields) {
  std::error_code error;
  std::filesystem::create_directories(data_dir, error);
  if (error) {
    return fail(fmt::format("data directory {}: {}", data_dir.string(), error.message()));
  }
  const std::string path = (data_dir / kStoreFile).string();
  const auto failed = [&](const Error& reason) {
    const bool is_damaged = reason.code == ErrorCode::kCorrupt;
    return fail(fmt::format("{}: {}{}{}", path, reason.message, is_damaged ? ": " : "",
                            is_damaged ? kStoreDamageAdvice : ""),
                reason.code);
  };
  auto writer = Database::open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!writer) return std::unexpected(writer.error());
  writer->set_busy_timeout(Database::kServerBusyTimeoutMs);
  // The first of them counts in a new file alone, and only before anything is in it.
  if (auto set = writer->execute(
          "PRAGMA auto_vacuum=INCREMENTAL;PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;"
          "PRAGMA journal_size_limit=16777216;PRAGMA cache_size=-32768;");
      !set) {
    return failed(set.error());
  }
  if (auto ready = bring_up_to_date(*writer); !ready) return failed(ready.error());
  auto reader = Database::open(path, SQLITE_OPEN_READONLY);
  if (!reader) return std::unexpected(reader.error());
  reader->set_busy_timeout(Database::kServerBusyTimeoutMs);

  auto impl =
      std::make_unique<Impl>(std::move(*writer), std::move(*reader), std::move(options), fields);
  auto tables = RollupTables::open(impl->reader);
  if (!tables) return failed(tables.error());
  impl->tables = std::move(*tables);
  auto inserter = RollupInserter::prepare(impl->writer, fields);
  if (!inserter) return failed(inserter.error());
  impl->inserter = std::move(*inserter);
  auto mark_inserter = MarkInserter::prepare(impl->writer);
  if (!mark_inserter) return failed(mark_inserter.error());
  impl->mark_inserter = std::move(*mark_inserter);
  auto alert_inserter = AlertInserter::prepare(impl->writer);
  if (!alert_inserter) return failed(alert_inserter.error());
  impl->alert_inserter = std::move(*alert_inserter);
  auto laps = LapTables::prepare(impl->writer, impl->options.session_gap_ns);
  if (!laps) return failed(laps.error());
  impl->laps = std::move(*laps);
  if (auto done = impl->transaction([&] { return impl->laps->follow_gap(); }); !done) {
    return failed(done.error());
  }
  auto written = RollupTables::open(impl->writer);
  if (!written) return failed(written.error());
  impl->retention.emplace(std::move(*written), impl->options.retention);
  auto checkpoints = CheckpointTables::prepare(impl->writer);
  if (!checkpoints) return failed(checkpoints.error());
  impl->checkpoints = std::move(*checkpoints);
  impl->wal = std::make_unique<WalKeeper>(impl->writer, path);
  if (!impl->options.destinations.empty()) {
    auto outbox =
        Outbox::open(impl->writer, path, impl->options.destinations, fields, impl->damage);
    if (!outbox) return failed(outbox.error());
    impl->outbox = std::move(*outbox);
  }
  return std::unique_ptr<RollupStore>(new RollupStore(std::move(impl)));
}

Result<void> RollupStore::Impl::insert_rollups(const RollupBatch& rollups,
                                               std::vector<RollupRow>& rows) {
  for (const auto& rollup : rollups) {
    const auto row = inserter->put(*rollup);
    if (!row) return std::unexpected(row.error());
    rows.push_back(*row);
    rows_written.add();
  }
  return {};
}

Result<void> RollupStore::Impl::insert_marks(const std::vector<PlacedMark>& marks,
                                             std::vector<MarkRow>& rows) {
  for (const auto& placed : marks) {
    const auto row = mark_inserter->put(placed);
    if (!row) return std::unexpected(row.error());
    rows.push_back(*row);
    rows_written.add();
  }
  return {};
}

Result<void> RollupStore::Impl::write_laps(const Commit& commit, std::vector<StoredLap>& closed) {
  if (auto done = laps->write_lines(commit.track_lines, rows_written); !done) return done;
  if (commit.laps.empty()) return {};
  if (auto done = laps->write(commit.laps, rows_written); !done) return done;
  auto found = laps->newly_closed();
  if (!found) return std::unexpected(found.error());
  closed = std::move(*found);
  return {};
}

Result<void> RollupStore::Impl::write_alerts(const std::vector<Alert>& alerts, ArrivalTime now,
                                             std::vector<AlertRow>& rows) {
  std::vector<Alert> outgoing;
  for (const Alert& alert : alerts) {
    const auto row = alert_inserter->put(alert);
    if (!row) return std::unexpected(row.error());
    rows.push_back(*row);
    rows_written.add();
    if (*row != 0 && outbox) outgoing.push_back(alert);
  }
  return outgoing.empty() ? Result<void>{} : outbox->write_alerts(outgoing, now);
}

Result<std::size_t> RollupStore::Impl::clear_alerts_but(const std::vector<std::string>& rules,
                                                        ArrivalTime now, std::string_view why) {
  auto active = slipstream::active_alerts(writer);
  if (!active) return std::unexpected(active.error());
  std::erase_if(*active, [&](const Alert& alert) {
    return std::ranges::find(rules, alert.rule) != rules.end();
  });
  for (Alert& alert : *active) {
    alert.is_raised = false;
    alert.time = {now.ns};
    alert.value.reset();
    alert.message = why;
  }
  std::vector<AlertRow> rows;
  if (auto done = write_alerts(*active, now, rows); !done) return std::unexpected(done.error());
  return active->size();
}

Result<std::vector<RollupRow>> RollupStore::commit(const Commit& commit,
                                                   std::vector<MarkRow>* mark_rows,
                                                   std::vector<StoredLap>* closed_laps,
                                                   std::vector<AlertRow>* alert_rows) {
  std::vector<RollupRow> rows;
  std::vector<MarkRow> of_marks;
  std::vector<StoredLap> closed;
  std::vector<AlertRow> of_alerts;
  const auto written = impl_->transaction([&] {
    auto done = impl_->insert_rollups(commit.rollups, rows);
    if (done) done = impl_->insert_marks(commit.marks, of_marks);
    if (done) done = impl_->write_laps(commit, closed);
    if (done && impl_->outbox) done = impl_->outbox->write(new_of(commit, rows));
    if (done) done = impl_->write_alerts(commit.alerts, commit.now, of_alerts);
    return done ? impl_->checkpoints.write(commit, impl_->rows_written) : done;
  });
  if (impl_->outbox) impl_->outbox->settle(written.has_value());
  if (!written) return std::unexpected(written.error());
  CHECK(rows.size() == commit.rollups.size(), "each rollup of a commit has its row, or none");
  if (mark_rows != nullptr) *mark_rows = std::move(of_marks);
  if (closed_laps != nullptr) *closed_laps = std::move(closed);
  if (alert_rows != nullptr) *alert_rows = std::move(of_alerts);
  return rows;
}

std::uint64_t RollupStore::rows_written() const {
  return impl_->rows_written.value();
}

Outbox* RollupStore::outbox() const {
  return impl_->outbox.get();
}

Result<void> RollupStore::start_layout(const std::string& layout, std::uint32_t partitions,
                                       LogOffset offset, std::uint64_t sequence, ArrivalTime now) {
  const auto done = impl_->transaction([&]() -> Result<void> {
    const auto cleared = impl_->clear_alerts_but({}, now,
                                                 "cleared: the server was started with other "
                                                 "windows or partitions, without a log, or with a "
                                                 "store that was made anew");
    if (!cleared) return std::unexpected(cleared.error());
    return CheckpointTables::start_layout(impl_->writer, layout, partitions, offset, sequence);
  });
  if (impl_->outbox) impl_->outbox->settle(done.has_value());
  return done;
}

Result<std::size_t> RollupStore::clear_alerts_but(const std::vector<std::string>& rules,
                                                  ArrivalTime now, std::string_view why) {
  std::size_t count = 0;
  const auto done = impl_->transaction([&]() -> Result<void> {
    const auto cleared = impl_->clear_alerts_but(rules, now, why);
    if (!cleared) return std::unexpected(cleared.error());
    count = *cleared;
    return {};
  });
  if (impl_->outbox) impl_->outbox->settle(done.has_value());
  if (!done) return std::unexpected(done.error());
  return count;
}

Result<StoredState> RollupStore::load() const {
  return impl_->snapshot(
      [](RollupTables& tables) { return CheckpointTables::load(tables.database()); });
}

Result<std::optional<PartitionState>> RollupStore::load_partition(PartitionId partition) const {
  return impl_->snapshot([&](RollupTables& tables) {
    return CheckpointTables::load_partition(tables.database(), partition);
  });
}

Result<bool> RollupStore::prune(ArrivalTime now, ArrivalTime keys_before) {
  bool has_more = false;
  auto done = impl_->transaction([&]() -> Result<void> {
    auto removed = impl_->writer.execute(
        fmt::format("DELETE FROM idempotency_keys WHERE time_ns < max({}, coalesce((SELECT time_ns "
                    "FROM idempotency_keys ORDER BY time_ns DESC LIMIT 1 OFFSET {}), {}))",
                    keys_before.ns, AnsweredKey::kMostKept - 1, keys_before.ns)
            .c_str());
    if (!removed) return removed;
    if (auto pruned = impl_->alert_inserter->prune(); !pruned) return pruned;
    // Series that no rollup is of are removed, too.
    impl_->knows_too_much = true;
    const auto more = impl_->retention->prune(now);
    if (!more) return std::unexpected(more.error());
    has_more = *more;
    return {};
  });
  if (!done) return std::unexpected(done.error());
  if (has_more) return true;
  return impl_->damage.watch(impl_->retention->shrink());
}

Result<bool> RollupStore::pack_some() {
  bool has_more = false;
  auto done = impl_->transaction([&]() -> Result<void> {
    const auto packed = impl_->inserter->pack_some(kPackPiece);
    if (!packed) return std::unexpected(packed.error());
    has_more = impl_->inserter->has_unpacked();
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return has_more;
}

bool RollupStore::has_unpacked() const {
  return impl_->inserter->has_unpacked();
}

Result<RollupPage> RollupStore::query(const RollupQuery& query) const {
  return impl_->snapshot([&](RollupTables& tables) { return query_rollups(tables, query); });
}

Result<StoredRollups> RollupStore::read_stored(const StoredRollupsQuery& query) const {
  return impl_->snapshot([&](RollupTables& tables) { return read_stored_rollups(tables, query); });
}

Result<RollupCursor> RollupStore::newest() const {
  return impl_->snapshot([](RollupTables& tables) { return newest_rollup(tables); });
}

Result<MarkPage> RollupStore::query_marks(const MarkQuery& query) const {
  return impl_->ask<&slipstream::query_marks>(query);
}

Result<StoredMarks> RollupStore::read_stored_marks(const StoredEventsQuery& query) const {
  return impl_->ask<&slipstream::read_stored_marks>(query);
}

Result<MarkCursor> RollupStore::newest_mark() const {
  return impl_->ask<&slipstream::newest_mark>();
}

Result<std::optional<StoredSession>> RollupStore::edit_session(const SessionEdit& edit) {
  std::optional<StoredSession> session;
  auto done = impl_->transaction([&]() -> Result<void> {
    auto edited = slipstream::edit_session(impl_->writer, edit);
    if (!edited) return std::unexpected(edited.error());
    session = std::move(*edited);
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return session;
}

Result<AlertPage> RollupStore::query_alerts(const AlertQuery& query) const {
  return impl_->ask<&slipstream::query_alerts>(query);
}

Result<StoredAlerts> RollupStore::read_stored_alerts(const StoredEventsQuery& query) const {
  return impl_->ask<&slipstream::read_stored_alerts>(query);
}

Result<AlertCursor> RollupStore::newest_alert() const {
  return impl_->ask<&slipstream::newest_alert>();
}

Result<std::vector<Alert>> RollupStore::active_alerts() const {
  return impl_->ask<&slipstream::active_alerts>();
}

Result<StoredLaps> RollupStore::read_stored_laps(const StoredEventsQuery& query) const {
  return impl_->ask<&slipstream::read_stored_laps>(query);
}

Result<LapCursor> RollupStore::newest_lap() const {
  return impl_->ask<&slipstream::newest_lap>();
}

Result<LapPage> RollupStore::query_laps(const LapQuery& query) const {
  return impl_->ask<&slipstream::query_laps>(query);
}

Result<std::optional<StoredLap>> RollupStore::find_lap(std::string_view id) const {
  return impl_->ask<&slipstream::find_lap>(id);
}

Result<std::vector<StoredSession>> RollupStore::query_sessions(const SessionQuery& query) const {
  return impl_->ask<&slipstream::query_sessions>(query);
}

Result<std::vector<SessionExtent>> RollupStore::pinned_extents(std::string_view also) const {
  return impl_->ask<&slipstream::pinned_extents>(also);
}

Result<std::optional<StoredSession>> RollupStore::find_session(std::string_view id) const {
  return impl_->ask<&slipstream::find_session>(id);
}

Result<std::optional<std::string>> RollupStore::track_line(std::string_view name) const {
  return impl_->ask<&slipstream::track_line>(name);
}

Result<void> RollupStore::tend(SteadyTime now) {
  return impl_->damage.watch(impl_->wal->tend(now));
}

void RollupStore::refuse(std::optional<Error> why) {
  const std::lock_guard lock(impl_->refused_mutex);
  impl_->refused = std::move(why);
}

WalState RollupStore::wal() const {
  return impl_->wal->state();
}

std::optional<std::string> RollupStore::damage() const {
  return impl_->damage.what();
}

}  // namespace slipstream
