#include "store/rollup_store.h"

#include <fmt/format.h>

#include <charconv>
#include <mutex>
#include <tuple>
#include <utility>

#include "store/schema_sql.h"
#include "store/sqlite.h"
#include "store/stored_rollup.h"

namespace slipstream {
namespace {

constexpr int kBusyTimeoutMs = 200;
constexpr std::int64_t kPrunePiece = 5'000;
constexpr std::int64_t kNsPerHour = 3'600 * kNsPerSecond;
/// SQLite gives out the row behind the newest: while that stays, no row is given out twice.
constexpr std::string_view kNotNewest = "id < (SELECT max(id) FROM rollups)";

/// A page's position: what was last is the next page's upper bound.
struct Position {
  std::int64_t last_ns = 0;
  std::int64_t id = 0;
};

std::optional<Position> parse_cursor(const std::string& text) {
  Position position;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, position.last_ns);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, position.id);
  if (second.ec != std::errc{} || second.ptr != end) return std::nullopt;
  return position;
}

std::uint32_t check_of_row(const Statement& row, int window_id_column) {
  const auto id = row.blob(window_id_column);
  return id.size() < sizeof(std::uint32_t) ? 0 : RollupCursor::check_of(id);
}

Result<std::int64_t> single_integer(Database& database, std::string_view sql) {
  auto statement = database.prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  const auto row = statement->step();
  if (!row) return std::unexpected(row.error());
  return *row ? statement->integer(0) : 0;
}

Result<void> bring_up_to_date(Database& database) {
  const auto version = single_integer(database, "PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  if (*version > kStoreVersion) {
    return fail(fmt::format("it was written by a newer version (schema {}, this one knows {})",
                            *version, kStoreVersion));
  }
  for (auto part = static_cast<int>(*version); part < kStoreVersion; ++part) {
    const std::string sql = fmt::format("BEGIN IMMEDIATE;{};PRAGMA user_version={};COMMIT",
                                        kStoreSchema[part], part + 1);
    if (auto done = database.execute(sql.c_str()); !done) return done;
  }
  return {};
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
  Counter rows_written;
  std::unique_ptr<Outbox> outbox;  ///< may be nullptr

  /// Whether one of those that it may be in is of the same window and holds its time.
  Result<bool> is_out(const Rollup& rollup);
  Result<void> insert_rollups(const RollupBatch& rollups, std::vector<RollupRow>& rows);
  /// Reads from one state of the database, whatever is committed meanwhile.
  template <typename Read>
  auto snapshot(Read read) -> decltype(read(reader)) {
    const std::lock_guard lock(reader_mutex);
    if (auto begun = reader.execute("BEGIN"); !begun) return std::unexpected(begun.error());
    auto result = read(reader);
    std::ignore = reader.execute("COMMIT");
    return result;
  }
  /// All of `work`, or nothing of it.
  template <typename Work>
  Result<void> transaction(Work work) {
    if (auto begun = writer.execute("BEGIN IMMEDIATE"); !begun) return begun;
    Result<void> done = work();
    if (done) done = writer.execute("COMMIT");
    if (!done) std::ignore = writer.execute("ROLLBACK");
    return done;
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
    return fail(fmt::format("{}: {}", path, reason.message));
  };
  auto writer = Database::open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!writer) return std::unexpected(writer.error());
  writer->set_busy_timeout(kBusyTimeoutMs);
  if (auto set = writer->execute("PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;"
                                 "PRAGMA journal_size_limit=67108864;PRAGMA cache_size=-32768;");
      !set) {
    return failed(set.error());
  }
  if (auto ready = bring_up_to_date(*writer); !ready) return failed(ready.error());
  auto reader = Database::open(path, SQLITE_OPEN_READONLY);
  if (!reader) return std::unexpected(reader.error());
  reader->set_busy_timeout(kBusyTimeoutMs);

  auto impl = std::make_unique<Impl>(std::move(*writer), std::move(*reader), options, fields);
  const std::pair<Statement*, std::string_view> statements[] = {
      {&impl->insert,
       "INSERT OR IGNORE INTO rollups (window, window_id, track, chassis, lap, sector, count, "
       "first_ns, last_ns, partition, sequence, late, stats) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"},
      {&impl->find_out,
       "SELECT 1 FROM rollups WHERE window = ? AND track = ? AND chassis = ? AND (lap = ? OR NOT "
       "?) AND (sector = ? OR NOT ?) AND late = ? AND first_ns <= ? AND last_ns >= ? AND partition "
       "= ? AND sequence > ? AND sequence <= ? LIMIT 1"}};
  for (const auto& [statement, sql] : statements) {
    auto prepared = impl->writer.prepare(sql);
    if (!prepared) return failed(prepared.error());
    *statement = std::move(*prepared);
  }
  auto checkpoints = CheckpointTables::prepare(impl->writer);
  if (!checkpoints) return failed(checkpoints.error());
  impl->checkpoints = std::move(*checkpoints);
  if (!impl->options.outbox.streams.empty()) {
    auto outbox = Outbox::open(impl->writer, path, impl->options.outbox, fields);
    if (!outbox) return failed(outbox.error());
    impl->outbox = std::move(*outbox);
  }
  return std::unique_ptr<RollupStore>(new RollupStore(std::move(impl)));
}

Result<bool> RollupStore::Impl::is_out(const Rollup& rollup) {
  for (const SequenceRange& those : rollup.perhaps_in) {
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
        .bind(11, rollup.partition)
        .bind(12, static_cast<std::int64_t>(those.after))
        .bind(13, static_cast<std::int64_t>(those.last));
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
        .bind(10, r->partition)
        .bind(11, static_cast<std::int64_t>(r->sequence))
        .bind(12, std::int64_t{r->late})
        .bind(13, stats);
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

Result<std::optional<PartitionState>> RollupStore::load_partition(std::uint32_t partition) const {
  return impl_->snapshot(
      [&](Database& reader) { return CheckpointTables::load_partition(reader, partition); });
}

Result<std::size_t> RollupStore::prune(ArrivalTime now) {
  Database& database = impl_->writer;
  if (auto done = database.execute(fmt::format("DELETE FROM idempotency_keys WHERE time_ns < {}",
                                               now.ns - AnsweredKey::kKeptNs)
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
  if (impl_->options.retention_hours > 0) {
    const std::int64_t oldest = now.ns - impl_->options.retention_hours * kNsPerHour;
    if (auto done =
            remove(fmt::format("DELETE FROM rollups WHERE id IN (SELECT id FROM rollups WHERE "
                               "last_ns < {} AND {} ORDER BY last_ns LIMIT {})",
                               oldest, kNotNewest, kPrunePiece));
        !done) {
      return std::unexpected(done.error());
    }
  }
  if (impl_->options.retention_rollups > 0) {
    const auto count = single_integer(database, "SELECT count(*) FROM rollups");
    if (!count) return std::unexpected(count.error());
    const std::int64_t excess =
        *count - static_cast<std::int64_t>(impl_->options.retention_rollups);
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
  std::optional<Position> after;
  if (!query.cursor.empty()) {
    after = parse_cursor(query.cursor);
    if (!after) return fail("the cursor is not one that this window's pages gave");
  }
  std::string sql = fmt::format("SELECT {} FROM rollups WHERE 1", kStoredRollupColumns);
  const auto where = [&sql](bool is_asked, const char* condition) {
    if (is_asked) sql += condition;
  };
  where(!query.window.empty(), " AND window = ?1");
  where(!query.track.empty(), " AND track = ?2");
  where(!query.chassis.empty(), " AND chassis = ?3");
  where(query.lap.has_value(), " AND lap = ?4");
  where(query.from.has_value(), " AND last_ns >= ?5");
  where(query.to.has_value(), " AND last_ns <= ?6");
  where(after.has_value(), " AND (last_ns, id) < (?7, ?8)");
  sql += " ORDER BY last_ns DESC, id DESC LIMIT ?9";

  const std::lock_guard lock(impl_->reader_mutex);
  auto statement = impl_->reader.prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, query.window).bind(2, query.track).bind(3, query.chassis);
  if (query.lap) statement->bind(4, *query.lap);
  if (query.from) statement->bind(5, query.from->ns);
  if (query.to) statement->bind(6, query.to->ns);
  if (after) statement->bind(7, after->last_ns).bind(8, after->id);
  statement->bind(9, static_cast<std::int64_t>(query.limit) + 1);  // one more tells of a next page

  RollupPage page;
  Position last;
  while (true) {
    const auto row = statement->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return page;
    if (page.rollups.size() == query.limit) {
      page.next = fmt::format("{}.{}", last.last_ns, last.id);
      return page;
    }
    page.rollups.push_back(stored_rollup_json(*statement));
    last = {statement->integer(9), statement->integer(0)};
  }
}

Result<RollupStretch> RollupStore::read_stretch(const RollupStretchQuery& query) const {
  return impl_->snapshot([&](Database& reader) -> Result<RollupStretch> {
    RollupStretch stretch{.to = query.after};
    auto known = reader.prepare("SELECT window_id FROM rollups WHERE id = ?");
    if (!known) return std::unexpected(known.error());
    known->bind(1, query.after.row);
    const auto is_there = known->step();
    if (!is_there) return std::unexpected(is_there.error());
    if (*is_there && check_of_row(*known, 0) != query.after.check) {
      stretch.is_foreign = true;
      return stretch;
    }
    auto statement = reader.prepare(
        fmt::format("SELECT {} FROM rollups WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3",
                    kStoredRollupColumns));
    if (!statement) return std::unexpected(statement.error());
    statement->bind(1, query.after.row)
        .bind(2, query.upto)
        .bind(3, static_cast<std::int64_t>(query.max_rows));
    std::size_t looked_at = 0;
    std::size_t bytes = 0;
    while (looked_at < query.max_rows && bytes < query.max_bytes) {
      const auto row = statement->step();
      if (!row) return std::unexpected(row.error());
      if (!*row) {
        // Nothing more up to there, whatever was once.
        stretch.gone += static_cast<std::uint64_t>(query.upto - stretch.to.row);
        stretch.to.row = query.upto;
        return stretch;
      }
      ++looked_at;
      stretch.gone += static_cast<std::uint64_t>(statement->integer(0) - stretch.to.row - 1);
      stretch.to = {statement->integer(0), check_of_row(*statement, 2)};
      if (query.keep && !query.keep(statement->text(3), statement->text(4))) continue;
      stretch.rollups.push_back(stored_rollup_json(*statement));
      bytes += stretch.rollups.back().size();
    }
    return stretch;
  });
}

Result<RollupCursor> RollupStore::newest() const {
  return impl_->snapshot([](Database& reader) -> Result<RollupCursor> {
    auto statement = reader.prepare("SELECT id, window_id FROM rollups ORDER BY id DESC LIMIT 1");
    if (!statement) return std::unexpected(statement.error());
    const auto row = statement->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return RollupCursor{};
    return RollupCursor{statement->integer(0), check_of_row(*statement, 1)};
  });
}

}  // namespace slipstream
