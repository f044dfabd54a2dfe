#include "app/store_rebuild.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "app/lap_observers.h"
#include "app/layout.h"
#include "app/recovery.h"
#include "ops/logging.h"
#include "store/schema_sql.h"
#include "store/store_file.h"

namespace slipstream {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFreshFolder = "rebuild";
/// A rollup that holds another's time ends at most so much later than that.
constexpr std::int64_t kHoldsNs = 3'600 * kNsPerSecond;
/// The store has an index of the second half of window_ids.
constexpr std::size_t kHalfId = 8;

/// Finds a rollup of the same window, series and key that holds a rollup's time.
class RollupFinder {
 public:
  static Result<RollupFinder> open(const fs::path& file) {
    auto database = Database::open(file.string(), SQLITE_OPEN_READONLY);
    if (!database) return std::unexpected(database.error());
    auto find = database->prepare(
        "SELECT 1 FROM packed_rollups WHERE window_id_tail = ?11 UNION ALL SELECT 1 FROM "
        "rollup_rows WHERE chassis = ?1 AND window = ?2 AND last_ns BETWEEN ?3 AND ?4 AND first_ns "
        "<= ?5 AND track = ?6 AND late = ?7 AND (lap = ?8 OR NOT ?9) AND (sector = ?10 OR NOT ?12) "
        "AND tags = ?13 LIMIT 1");
    if (!find) return std::unexpected(find.error());
    return RollupFinder(std::move(*database), std::move(*find));
  }

  /// That it cannot be told counts as found: rather one too few than one twice.
  bool has(const Rollup& r) {
    find_.bind(1, r.chassis)
        .bind(2, r.window)
        .bind(3, r.last_time.ns)
        .bind(4, r.last_time.ns + kHoldsNs)
        .bind(5, r.first_time.ns)
        .bind(6, r.track)
        .bind(7, std::int64_t{r.late})
        .bind(8, r.lap)
        .bind(9, std::int64_t{r.key_lap})
        .bind(10, r.sector)
        .bind_blob(11, r.window_id.data() + kHalfId, kHalfId)
        .bind(12, std::int64_t{r.key_sector})
        .bind(13, r.tags);
    const auto found = find_.step();
    find_.reset();
    return !found || *found;
  }

 private:
  RollupFinder(Database database, Statement find)
      : database_(std::move(database)), find_(std::move(find)) {}
  Database database_;
  Statement find_;
};

/// Lets through what the damaged file did not have.
class NewOnly final : public OutputSink {
 public:
  /// `upto`: rollups from further on are not wanted, by partition; none: all are.
  NewOnly(RollupFinder finder, std::optional<std::map<PartitionId, LogOffset>> upto,
          std::function<void(Output)> take)
      : finder_(std::move(finder)), upto_(std::move(upto)), take_(std::move(take)) {}

  bool has_room() const override { return true; }
  void accept(Output output) override {
    const bool is_beyond =
        upto_ && output.partition && output.position > (*upto_)[*output.partition];
    std::erase_if(output.rollups, [&](const RollupPtr& rollup) {
      return is_beyond || !rollup->stored || finder_.has(*rollup);
    });
    if (is_beyond) output.marks.clear();
    if (is_beyond) output.laps = {};
    if (is_beyond) output.alerts.clear();
    take_(std::move(output));
  }

 private:
  RollupFinder finder_;
  std::optional<std::map<PartitionId, LogOffset>> upto_;
  const std::function<void(Output)> take_;
};

class Rebuild {
 public:
  Rebuild(const Config& config, const RebuildProgress& progress)
      : progress_(progress),
        data_(config.store.data_dir),
        fresh_(data_ / kFreshFolder),
        parts_(config, posix_file_system(), system_clock()) {}

  Result<RebuildReport> run() {
    std::error_code error;
    if (!fs::exists(data_ / kStoreFile, error)) {
      return fail(fmt::format("{} is not there: a start makes a new one, from what the log has",
                              (data_ / kStoreFile).string()));
    }
    auto lock = DataLock::take(data_);
    if (!lock) return std::unexpected(lock.error());
    parts_.lock = std::move(*lock);
    fs::remove_all(fresh_, error);
    if (!error) fs::create_directory(fresh_, error);
    if (error) return fail(fmt::format("{}: {}", fresh_.string(), error.message()));
    Result<void> done = salvage();
    if (done && parts_.config.has_segment_log()) done = use_log();
    parts_.store_writer.reset();
    parts_.supervisor.reset();
    parts_.log.reset();
    parts_.store.reset();
    if (done) done = give_back_rows();
    if (done) done = put_in_place();
    fs::remove_all(fresh_, error);
    if (!done) return std::unexpected(done.error());
    return std::move(report_);
  }

 private:
  fs::path fresh_file() const { return fresh_ / kStoreFile; }

  Result<void> salvage() {
    auto salvaged =
        salvage_store_file(data_ / kStoreFile, fresh_file(),
                           [&](std::uint64_t rollups) { progress_("rollups", rollups, 0); });
    if (!salvaged) return std::unexpected(salvaged.error());
    salvaged_ = std::move(*salvaged);
    report_.rollups = salvaged_.rollups;
    report_.damaged_tables = salvaged_.damaged_tables;
    report_.may_lack_others = !salvaged_.knows_lost;
    report_.marks = salvaged_.marks.copied;
    report_.may_lack_marks = !salvaged_.marks.knows_lost;
    report_.laps = salvaged_.laps.copied;
    auto store = RollupStore::open(
        fresh_, {.session_gap_ns = parts_.config.racing.session_gap_ns()}, parts_.schema.fields());
    if (!store) return std::unexpected(store.error());
    parts_.store = std::move(*store);
    // Here is the time for it, and from here on there is one kind of rows.
    while (parts_.store->has_unpacked()) {
      if (auto packed = parts_.store->pack_some(); !packed) return std::unexpected(packed.error());
    }
    return {};
  }

  /// Of what comes of the log.
  bool lacks_some() const {
    return !salvaged_.lost.empty() || !salvaged_.knows_lost || !salvaged_.marks.is_whole ||
           !salvaged_.laps.damaged_tables.empty();
  }

  Result<void> use_log() {
    auto stored = parts_.store->load();
    if (!stored) return std::unexpected(stored.error());
    std::optional<Layout> layout;
    if (stored->layout) {
      if (auto parsed = Layout::parse(*stored->layout)) layout = std::move(*parsed);
    }
    report_.kept_checkpoint = salvaged_.has_checkpoint && layout && is_readable(*stored, *layout);
    if (!report_.kept_checkpoint) return fold_anew();
    if (!layout->has_log || !lacks_some()) return {};
    return regain(*stored, *layout);
  }

  std::unique_ptr<Pipeline> make_pipeline(const Layout& layout, OutputSink& outputs) {
    stats_ = std::make_unique<PipelineStats>(layout.windows.size());
    return std::make_unique<Pipeline>(
        PipelineOptions{.partitions = layout.partitions, .workers = 1},
        PartitionContext{.clock = parts_.clock,
                         .ingest = parts_.ingest,
                         .stats = *stats_,
                         .schema = parts_.schema,
                         .accepted = nobody_,
                         .outputs = outputs,
                         .definitions = layout.windows,
                         .max_series = layout.max_series,
                         .checkpoint_interval_ms = 0,
                         .queue = {}},
        [this](PartitionId) { return make_lap_observers(parts_).observers; });
  }

  /// SQLite has no checksums: whether the states are what was written shows when they are read.
  bool is_readable(const StoredState& stored, const Layout& layout) {
    struct Nowhere final : OutputSink {
      bool has_room() const override { return true; }
      void accept(Output) override {}
    } nowhere;
    const auto pipeline = make_pipeline(layout, nowhere);
    return std::ranges::all_of(stored.partitions, [&](const PartitionState& state) {
      return state.partition.number >= layout.partitions ||
             pipeline->partition(state.partition.number).begin(state).has_value();
    });
  }

  /// The checkpoint stays: of what stands before it in the log, the rollups that were lost.
  Result<void> regain(const StoredState& stored, const Layout& layout) {
    std::map<PartitionId, LogOffset> upto;
    LogOffset end = 0;
    for (const auto& state : stored.partitions) {
      upto[state.partition] = std::max(state.offset, state.committed_offset.value_or(0));
      end = std::max(end, upto[state.partition]);
    }
    auto log = SegmentLog::open(parts_.files, log_folder(parts_.config), {.at_least_offset = end});
    if (!log) return std::unexpected(log.error());
    parts_.log = std::move(*log);
    const LogOffset begin = parts_.log->first_offset();
    auto finder = RollupFinder::open(fresh_file());
    if (!finder) return std::unexpected(finder.error());
    Commit found;
    Result<void> done;
    const auto commit = [&] {
      if (found.is_empty() || !done) return;
      std::vector<MarkRow> mark_rows;
      std::vector<StoredLap> laps;
      const auto rows = parts_.store->commit(std::exchange(found, {}), &mark_rows, &laps);
      if (!rows) done = std::unexpected(rows.error());
      if (!rows) return;
      const auto new_of = [](const std::vector<std::int64_t>& given) {
        return given.size() - static_cast<std::size_t>(std::ranges::count(given, 0));
      };
      report_.regained += new_of(*rows);
      report_.regained_marks += new_of(mark_rows);
      report_.regained_laps += laps.size();
    };
    NewOnly sink(std::move(*finder), std::move(upto), [&](Output output) {
      std::ranges::move(output.rollups, std::back_inserter(found.rollups));
      std::ranges::move(output.marks, std::back_inserter(found.marks));
      std::ranges::move(output.alerts, std::back_inserter(found.alerts));
      std::ranges::move(output.laps.activities, std::back_inserter(found.laps.activities));
      std::ranges::move(output.laps.laps, std::back_inserter(found.laps.laps));
      const std::size_t rows = found.rollups.size() + found.marks.size() + found.alerts.size() +
                               found.laps.activities.size() + found.laps.laps.size();
      if (rows > 1'000) commit();
    });
    const auto pipeline = make_pipeline(layout, sink);
    std::vector<Partition*> partitions;
    const auto fresh_state = [begin](PartitionId p) {
      return PartitionState{.partition = p, .offset = begin, .committed_offset = begin};
    };
    for (std::uint32_t p = 0; p < layout.partitions; ++p) {
      partitions.push_back(&pipeline->partition(p));
      if (auto begun = partitions.back()->begin(fresh_state(embedded_partition(p))); !begun)
        return begun;
    }
    Supervisor supervisor({.log = parts_.log.get(),
                           .schema = parts_.schema,
                           .pool = parts_.pool,
                           .outputs = sink,
                           .load = [&](PartitionId p) -> Result<std::optional<PartitionState>> {
                             return fresh_state(p);
                           },
                           .dead_letters = [](const DeadRange&) {},
                           .warn = [](const std::string& text) { log_warn(text); }},
                          stored.dead);
    const auto summary = supervisor.recover(partitions, std::min(end, parts_.log->next_offset()),
                                            [&](LogOffset at) { tell(at, begin, end); });
    if (!summary) return std::unexpected(summary.error());
    commit();
    note_log(begin, end, summary->lost);
    return done;
  }

  /// There is no checkpoint: all that the log has, up to its end.
  Result<void> fold_anew() {
    DurableParts& p = parts_;
    if (auto forgotten = forget_checkpoint(); !forgotten) return forgotten;
    p.store_writer = std::make_unique<StoreWriter>(
        *p.store, std::vector<RollupSink*>{}, p.clock,
        [](const std::string& text) { log_warn(text); }, StoreWriterOptions{});
    if (auto opened = open_log(p); !opened) return opened;
    const auto stored = p.store->load();
    if (!stored) return std::unexpected(stored.error());
    p.store_writer->begin([&p] { return p.log->synced_offset(); }, *stored);
    auto finder = RollupFinder::open(fresh_file());
    if (!finder) return std::unexpected(finder.error());
    bool is_written = true;
    const auto write = [&] {
      if (!p.store_writer->has_room()) is_written = p.store_writer->flush() && is_written;
    };
    NewOnly sink(std::move(*finder), std::nullopt, [&](Output output) {
      p.store_writer->accept(std::move(output));
      write();
    });
    const auto pipeline = make_pipeline(Layout::of(p.config), sink);
    const LogOffset begin = p.log->first_offset();
    const auto recovered = recover(p, *pipeline, [&](std::uint64_t done, std::uint64_t of) {
      write();
      progress_("log", done, of);
    });
    if (!recovered) return std::unexpected(recovered.error());
    pipeline->checkpoint();
    if (!p.store_writer->flush() || !is_written) return fail("the new store cannot be written");
    report_.regained = p.store_writer->stats().written.value();
    report_.regained_marks = p.store_writer->stats().marks.value();
    report_.regained_laps = p.store_writer->stats().laps.value();
    note_log(begin, p.log->next_offset(), p.lost.list(kAllRanges));
    return {};
  }

  Result<void> forget_checkpoint() {
    auto database = Database::open(fresh_file().string(), SQLITE_OPEN_READWRITE);
    if (!database) return std::unexpected(database.error());
    return database->execute("DELETE FROM layout; DELETE FROM partitions; DELETE FROM open_series");
  }

  void tell(LogOffset at, LogOffset begin, LogOffset end) {
    progress_("log", at - std::min(at, begin), end - std::min(end, begin));
  }
  void note_log(LogOffset begin, LogOffset end, std::vector<LostRange> lost) {
    report_.read_log = true;
    report_.log_from = begin;
    report_.log_to = end;
    report_.log_lost = std::move(lost);
  }

  /// What was made again gets the number of the row that it had, where that is known: readers that
  /// have had it do not get it once more.
  Result<void> give_back_rows() {
    auto opened = Database::open(fresh_file().string(), SQLITE_OPEN_READWRITE);
    if (!opened) return std::unexpected(opened.error());
    Database database = std::move(*opened);
    // Out of each other's way first; below all others.
    auto lift = database.prepare("UPDATE packed_rollups SET id = -id WHERE window_id_tail = ?1");
    auto put =
        database.prepare("UPDATE OR IGNORE packed_rollups SET id = ?2 WHERE window_id_tail = ?1");
    if (!lift || !put) return std::unexpected(lift ? put.error() : lift.error());
    if (auto begun = database.execute("BEGIN"); !begun) return begun;
    if (auto done = give_back_marks(database); !done) return done;
    std::uint64_t missing = 0;
    for (Statement* const statement : {&*lift, &*put}) {
      for (const auto& [id_tail, row] : salvaged_.lost) {
        statement->bind_blob(1, id_tail.data(), id_tail.size()).bind(2, row);
        const auto done = statement->step();
        statement->reset();
        if (!done) return std::unexpected(done.error());
        if (statement == &*lift && database.changes() == 0) ++missing;
      }
    }
    if (auto done = database.execute(
            "UPDATE packed_rollups SET id = (SELECT max(id) FROM packed_rollups) "
            "- id WHERE id < 0; "
            "DELETE FROM series WHERE number NOT IN (SELECT series FROM "
            "packed_rollups); COMMIT; PRAGMA incremental_vacuum; PRAGMA journal_mode=DELETE");
        !done) {
      return done;
    }
    const std::uint64_t lost = salvaged_.lost.size();
    report_.lost = std::min(missing, lost - std::min(lost, report_.regained));
    return {};
  }

  /// Likewise, within the transaction.
  Result<void> give_back_marks(Database& database) {
    auto lift = database.prepare(
        "UPDATE stored_marks SET id = -id WHERE log_offset = ?1 AND arrival_ns = ?2");
    auto put = database.prepare(
        "UPDATE OR IGNORE stored_marks SET id = ?3 WHERE log_offset = ?1 AND arrival_ns = ?2");
    if (!lift || !put) return std::unexpected(lift ? put.error() : lift.error());
    for (Statement* const statement : {&*lift, &*put}) {
      for (const LostMark& lost : salvaged_.marks.lost) {
        std::int64_t changes = 0;
        if (lost.offset) {
          statement->bind(1, static_cast<std::int64_t>(*lost.offset)).bind(2, lost.arrival.ns);
          if (statement == &*put) statement->bind(3, lost.row);
          if (auto done = statement->run(); !done) return done;
          changes = database.changes();
        }
        if (statement == &*lift && changes == 0) ++report_.lost_marks;
      }
    }
    return database.execute(
        "UPDATE stored_marks SET id = (SELECT seq FROM sqlite_sequence WHERE name = "
        "'stored_marks') - id WHERE id < 0; "
        "UPDATE sqlite_sequence SET seq = max(seq, (SELECT coalesce(max(id), 0) FROM "
        "stored_marks)) WHERE name = 'stored_marks'");
  }

  Result<void> put_in_place() {
    const fs::path database = data_ / kStoreFile;
    const auto seconds =
        std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    report_.kept_as = database.string() + fmt::format(".damaged-{:%Y%m%dT%H%M%SZ}", seconds);
    FileSystem& files = parts_.files;
    {
      auto file = files.open_append(fresh_file(), OpenMode::kExisting);
      if (!file) return std::unexpected(file.error());
      if (auto synced = (*file)->sync(); !synced) return synced;
    }
    // The old one gets its other name first, with its write-ahead log, so that at no moment there
    // is neither; the log goes before the new file comes, which it is not of.
    for (const char* const suffix : {"", "-wal"}) {
      const fs::path from = database.string() + suffix;
      std::error_code none;
      if (fs::file_size(from, none) == 0 || none) continue;
      if (auto kept = files.link(from, report_.kept_as.string() + suffix); !kept) return kept;
    }
    if (auto synced = files.sync_directory(data_); !synced) return synced;
    for (const char* const suffix : {"-wal", "-shm"}) {
      std::error_code error;
      fs::remove(database.string() + suffix, error);
      if (error) return fail(fmt::format("{}{}: {}", database.string(), suffix, error.message()));
    }
    if (auto placed = files.rename(fresh_file(), database); !placed) return placed;
    return files.sync_directory(data_);
  }

  static constexpr std::size_t kAllRanges = 1'000;

  const RebuildProgress& progress_;
  const fs::path data_;
  const fs::path fresh_;
  DurableParts parts_;
  NobodyListens nobody_{parts_.pool};
  std::unique_ptr<PipelineStats> stats_;
  Salvage salvaged_;
  RebuildReport report_;
};

}  // namespace

Result<RebuildReport> rebuild_store(const Config& config, const RebuildProgress& progress) {
  return Rebuild(config, progress).run();
}

}  // namespace slipstream
