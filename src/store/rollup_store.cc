#include "store/rollup_store.h"

#include <fmt/format.h>

#include <mutex>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "store/rollup_queries.h"
#include "store/schema_sql.h"
#include "store/sqlite.h"
#include "store/statistics_view.h"

namespace slipstream {
namespace {

constexpr std::int64_t kPrunePiece = 5'000;
constexpr std::int64_t kNsPerHour = 3'600 * kNsPerSecond;
/// SQLite gives out the row behind the newest: while that stays, no row is given out twice.
constexpr std::string_view kNotNewest = "id < (SELECT max(id) FROM rollups)";

Result<void> bring_up_to_date(Database& database) {
  const auto version = database.integer("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  if (*version > kStoreVersion) {
    return fail(fmt::format("it was written by a newer version (schema {}, this one knows {})",
                            *version, kStoreVersion),
                ErrorCode::kVersion);
  }
  for (auto part = static_cast<int>(*version); part < kStoreVersion; ++part) {
    const std::string sql = fmt::format("BEGIN IMMEDIATE;{};PRAGMA user_version={};COMMIT",
                                        kStoreSchema[part], part + 1);
    if (auto done = database.execute(sql.c_str()); !done) return done;
  }
  return bring_statistics_view_up_to_date(database);
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
      : writer(std::move(w)), reader(std::move(r)), options(o), fields(f) {}

  Database writer;
  std::mutex reader_mutex;  // guards reader
  Database reader;
  const StoreOptions options;
  const FieldTable& fields;
  Statement insert;
  Statement find_out;
  CheckpointTables checkpoints;
  StoreDamage damage;
  std::mutex refused_mutex;  // guards refused
  std::optional<Error> refused;
  std::unique_ptr<WalKeeper> wal;
  Counter rows_written;
  std::unique_ptr<Outbox> outbox;  ///< may be nullptr

  /// Whether one of those that it may be in is of the same window and holds its time.
  Result<bool> is_out(const Rollup& rollup);
  Result<void> insert_rollups(const RollupBatch& rollups, std::vector<RollupRow>& rows);
  Result<std::size_t> prune(ArrivalTime now, ArrivalTime keys_before);
  /// Reads from one state of the database, whatever is committed meanwhile.
  template <typename Read>
  auto snapshot(Read read) -> decltype(read(reader)) {
    const std::lock_guard lock(reader_mutex);
    if (auto begun = damage.watch(reader.execute("BEGIN")); !begun) {
      return std::unexpected(begun.error());
    }
    auto result = damage.watch(read(reader));
    std::ignore = reader.execute("COMMIT");
    return result;
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
    done = work();
    if (done) done = writer.execute("COMMIT");
    if (!done) std::ignore = writer.execute("ROLLBACK");
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
  if (auto set = writer->execute("PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;"
                                 "PRAGMA journal_size_limit=16777216;PRAGMA cache_size=-32768;");
      !set) {
    return failed(set.error());
  }
  if (auto ready = bring_up_to_date(*writer); !ready) return failed(ready.error());
  auto reader = Database::open(path, SQLITE_OPEN_READONLY);
  if (!reader) return std::unexpected(reader.error());
  reader->set_busy_timeout(Database::kServerBusyTimeoutMs);

  auto impl = std::make_unique<Impl>(std::move(*writer), std::move(*reader), options, fields);
  const std::pair<Statement*, std::string_view> statements[] = {
      {&impl->insert,
       "INSERT OR IGNORE INTO rollups (window, window_id, track, chassis, lap, sector, count, "
       "first_ns, last_ns, partition, sequence, late, stats, tags) VALUES "
       "(?,?,?,?,?,?,?,?,?,?,?,?,?,?)"},
      {&impl->find_out,
       "SELECT 1 FROM rollups WHERE window = ? AND track = ? AND chassis = ? AND (lap = ? OR NOT "
       "?) AND (sector = ? OR NOT ?) AND late = ? AND first_ns <= ? AND last_ns >= ? AND partition "
       "= ? AND sequence > ? AND sequence <= ? AND tags = ? LIMIT 1"}};
  for (const auto& [statement, sql] : statements) {
    auto prepared = impl->writer.prepare(sql);
    if (!prepared) return failed(prepared.error());
    *statement = std::move(*prepared);
  }
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

Result<bool> RollupStore::Impl::is_out(const Rollup& rollup) {
  for (const SequenceRange& those : rollup.may_repeat) {
    find_out.bind(1, rollup.window)
        .bind(2, rollup.track)
        .bind(3, rollup.chassis)
        .bind(4, rollup.lap)
        .bind(5, std::int64_t{rollup.key_lap})
        .bind(6, rollup.sector)
        .bind(7, std::int64_t{rollup.key_sector})
        .bind(8, std::int64_t{rollup.late})
        .bind(9, rollup.first_time.ns)
        .bind(10, rollup.last_time.ns)
        .bind(11, rollup.partition.to_number())
        .bind(12, static_cast<std::int64_t>(those.after))
        .bind(13, static_cast<std::int64_t>(those.last))
        .bind(14, rollup.tags);
    const auto found = find_out.step();
    find_out.reset();
    if (!found || *found) return found;
  }
  return false;
}

Result<void> RollupStore::Impl::insert_rollups(const RollupBatch& rollups,
                                               std::vector<RollupRow>& rows) {
  std::string stats;
  for (const auto& r : rollups) {
    const auto out = is_out(*r);
    if (!out) return std::unexpected(out.error());
    if (*out) {
      rows.push_back(0);
      continue;
    }
    stats.clear();
    append_rollup_stats(stats, *r, fields);
    insert.bind(1, r->window)
        .bind_blob(2, r->window_id.data(), r->window_id.size())
        .bind(3, r->track)
        .bind(4, r->chassis)
        .bind(5, r->lap)
        .bind(6, r->sector)
        .bind(7, static_cast<std::int64_t>(r->count))
        .bind(8, r->first_time.ns)
        .bind(9, r->last_time.ns)
        .bind(10, r->partition.to_number())
        .bind(11, static_cast<std::int64_t>(r->sequence))
        .bind(12, std::int64_t{r->late})
        .bind(13, stats)
        .bind(14, r->tags);
    const auto done = insert.step();
    insert.reset();
    if (!done) return std::unexpected(done.error());
    rows.push_back(writer.changes() > 0 ? writer.last_row() : 0);
    rows_written.add();
  }
  return {};
}

Result<std::vector<RollupRow>> RollupStore::commit(const Commit& commit) {
  std::vector<RollupRow> rows;
  const auto written = impl_->transaction([&] {
    auto done = impl_->insert_rollups(commit.rollups, rows);
    if (done && impl_->outbox) done = impl_->outbox->write(new_of(commit, rows));
    return done ? impl_->checkpoints.write(commit, impl_->rows_written) : done;
  });
  if (impl_->outbox) impl_->outbox->settle(written.has_value());
  if (!written) return std::unexpected(written.error());
  CHECK(rows.size() == commit.rollups.size(), "each rollup of a commit has its row, or none");
  return rows;
}

std::uint64_t RollupStore::rows_written() const {
  return impl_->rows_written.value();
}

Outbox* RollupStore::outbox() const {
  return impl_->outbox.get();
}

Result<void> RollupStore::start_layout(const std::string& layout, std::uint32_t partitions,
                                       LogOffset offset, std::uint64_t sequence) {
  return impl_->transaction([&] {
    return CheckpointTables::start_layout(impl_->writer, layout, partitions, offset, sequence);
  });
}

Result<StoredState> RollupStore::load() const {
  return impl_->snapshot([](Database& reader) { return CheckpointTables::load(reader); });
}

Result<std::optional<PartitionState>> RollupStore::load_partition(PartitionId partition) const {
  return impl_->snapshot(
      [&](Database& reader) { return CheckpointTables::load_partition(reader, partition); });
}

Result<std::size_t> RollupStore::prune(ArrivalTime now, ArrivalTime keys_before) {
  return impl_->damage.watch(impl_->prune(now, keys_before));
}

Result<std::size_t> RollupStore::Impl::prune(ArrivalTime now, ArrivalTime keys_before) {
  Database& database = writer;
  if (auto done = database.execute(
          fmt::format(
              "DELETE FROM idempotency_keys WHERE time_ns < max({}, coalesce((SELECT time_ns "
              "FROM idempotency_keys ORDER BY time_ns DESC LIMIT 1 OFFSET {}), {}))",
              keys_before.ns, AnsweredKey::kMostKept - 1, keys_before.ns)
              .c_str());
      !done) {
    return std::unexpected(done.error());
  }
  std::size_t removed = 0;
  const auto remove = [&](const std::string& sql) -> Result<void> {
    if (auto done = database.execute(sql.c_str()); !done) return done;
    removed += static_cast<std::size_t>(database.changes());
    return {};
  };
  if (options.retention_hours > 0) {
    const std::int64_t oldest = now.ns - options.retention_hours * kNsPerHour;
    if (auto done =
            remove(fmt::format("DELETE FROM rollups WHERE id IN (SELECT id FROM rollups WHERE "
                               "last_ns < {} AND {} ORDER BY last_ns LIMIT {})",
                               oldest, kNotNewest, kPrunePiece));
        !done) {
      return std::unexpected(done.error());
    }
  }
  if (options.retention_rollups > 0) {
    const auto count = database.integer("SELECT count(*) FROM rollups");
    if (!count) return std::unexpected(count.error());
    const std::int64_t excess = *count - static_cast<std::int64_t>(options.retention_rollups);
    if (excess > 0) {
      if (auto done =
              remove(fmt::format("DELETE FROM rollups WHERE id IN (SELECT id FROM rollups WHERE {} "
                                 "ORDER BY last_ns, id LIMIT {})",
                                 kNotNewest, std::min(excess, kPrunePiece)));
          !done) {
        return std::unexpected(done.error());
      }
    }
  }
  return removed;
}

Result<RollupPage> RollupStore::query(const RollupQuery& query) const {
  const std::lock_guard lock(impl_->reader_mutex);
  return impl_->damage.watch(query_rollups(impl_->reader, query));
}

Result<StoredRollups> RollupStore::read_stored(const StoredRollupsQuery& query) const {
  return impl_->snapshot([&](Database& reader) { return read_stored_rollups(reader, query); });
}

Result<RollupCursor> RollupStore::newest() const {
  return impl_->snapshot([](Database& reader) { return newest_rollup(reader); });
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
