#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "store/alert_salvage.h"
#include "store/lap_salvage.h"
#include "store/mark_salvage.h"
#include "store/packed_row_judge.h"
#include "store/salvage_rows.h"
#include "store/schema_sql.h"
#include "store/store_file.h"
#include "store/store_views.h"

namespace slipstream {
namespace {

constexpr std::size_t kRowsPerTransaction = 10'000;
/// Columns of rollups as they are not packed; the first two kinds of rows have fewer.
constexpr std::string_view kUnpackedColumns =
    "id, window, window_id, track, chassis, lap, sector, count, first_ns, last_ns, partition, "
    "sequence, late, stats, tags";
constexpr int kUnpackedColumnCount = 15;
constexpr std::string_view kStatsAreJson = "json_valid(stats)";
constexpr std::string_view kAllIsJson = "json_valid(stats) AND json_valid('{' || tags || '}')";
/// Indexes that hold every row's number.
constexpr std::string_view kIndexes[] = {"rollups_newest", "rollups_by_window",
                                         "rollups_by_chassis"};
constexpr std::string_view kPackedIndexes[] = {"packed_rollups_by_window",
                                               "packed_rollups_by_series", "packed_rollups_by_lap",
                                               "packed_rollups_by_window_id"};
/// What packed rollups refer to. Each stands twice in the file: in its table, and in the index that
/// keeps its names unique.
constexpr std::string_view kNameTables[] = {"window_names", "series", "rollup_layouts"};
/// What a start goes on from: of use only together.
constexpr std::string_view kCheckpointTables[] = {"layout", "partitions", "open_series"};
constexpr std::string_view kOtherTables[] = {
    "idempotency_keys", "dead_letters",     "stream_partitions", "outbox",
    "outbox_writer",    "window_retention", "stored_by"};

class Salvager {
 public:
  Salvager(Database old, Database fresh, const std::function<void(std::uint64_t)>& progress)
      : old_(std::move(old)), fresh_(std::move(fresh)), progress_(progress) {}

  Result<Salvage> run() {
    if (auto made = make_schema(); !made) return std::unexpected(made.error());
    if (auto begun = fresh_.execute("BEGIN"); !begun) return std::unexpected(begun.error());
    Result<void> done = copy_rollups();
    if (done) done = copy_checkpoint();
    for (const auto table : kOtherTables) {
      if (!done) break;
      const auto whole = copy_table(table);
      if (!whole) done = std::unexpected(whole.error());
    }
    if (done) done = copy_marks();
    if (done) done = copy_laps();
    if (done) done = copy_alerts();
    if (done) done = keep_outbox_numbers();
    if (done) done = fresh_.execute("COMMIT");
    if (!done) return std::unexpected(done.error());
    find_lost();
    return std::move(salvage_);
  }

 private:
  /// Of the same version: the next start brings it up to date, as it would have the old one.
  Result<void> make_schema() {
    const auto told = old_.integer("PRAGMA user_version");
    version_ = told && *told >= 1 && *told <= kStoreVersion ? *told : kStoreVersion;
    const auto has_unpacked = has_unpacked_rollups(old_);
    has_unpacked_ = has_unpacked && *has_unpacked;
    if (auto set = fresh_.execute("PRAGMA auto_vacuum=INCREMENTAL"); !set) return set;
    if (auto made = make_store_schema(fresh_, version_, has_unpacked_); !made) return made;
    return fresh_.execute(fmt::format("PRAGMA user_version={}", version_).c_str());
  }

  /// A table of rollups.
  struct Table {
    std::string_view name;
    std::string_view columns;    ///< that are selected and kept
    int column_count;            ///< of them, that are kept
    std::string_view judged_by;  ///< is selected before them
    int judged_columns;          ///< of it
    std::span<const std::string_view> indexes;
    std::string lost_ids;  ///< by an index: the end of window_id, the row
    bool is_packed;
  };

  std::vector<Table> tables() const {
    std::vector<Table> tables;
    if (version_ >= kPackedSince) {
      tables.push_back({.name = "packed_rollups",
                        .columns = PackedRowJudge::kColumns,
                        .column_count = PackedRowJudge::kTableColumns,
                        .judged_by = "",
                        .judged_columns = PackedRowJudge::kFirstOfTable,
                        .indexes = kPackedIndexes,
                        .lost_ids = "SELECT window_id_tail, id FROM packed_rollups INDEXED BY "
                                    "packed_rollups_by_window_id ORDER BY window_id_tail",
                        .is_packed = true});
    }
    if (version_ < kPackedSince || has_unpacked_) {
      const std::string_view name = version_ < kPackedSince ? "rollups" : kUnpackedTable;
      const bool has_tags = version_ >= kTagsSince;
      tables.push_back(
          {.name = name,
           .columns = has_tags ? kUnpackedColumns
                               : kUnpackedColumns.substr(0, kUnpackedColumns.rfind(',')),
           .column_count = has_tags ? kUnpackedColumnCount : kUnpackedColumnCount - 1,
           .judged_by = has_tags ? kAllIsJson : kStatsAreJson,
           .judged_columns = 1,
           .indexes = kIndexes,
           .lost_ids = fmt::format("SELECT substr(window_id, 9, 8), id FROM {0} INDEXED BY "
                                   "sqlite_autoindex_{0}_1 ORDER BY window_id",
                                   name),
           .is_packed = false});
    }
    return tables;
  }

  Result<void> copy_rollups() {
    for (const auto table : kNameTables) {
      if (version_ < kPackedSince) break;
      if (auto done = copy_names(table); !done) return done;
    }
    if (version_ >= kPackedSince) {
      auto judge = PackedRowJudge::of(fresh_);
      if (!judge) return std::unexpected(judge.error());
      judge_ = std::move(*judge);
    }
    for (const Table& table : tables()) {
      if (auto done = copy_rollups_of(table); !done) return done;
    }
    if (!is_whole_) salvage_.damaged_tables.emplace_back("rollups");
    return {};
  }

  Result<void> copy_rollups_of(const Table& table) {
    const std::string columns = table.is_packed ? "" : fmt::format("({})", table.columns);
    auto insert = fresh_.prepare(fmt::format("INSERT OR IGNORE INTO {} {} VALUES ({})", table.name,
                                             columns, question_marks(table.column_count)));
    if (!insert) return std::unexpected(insert.error());
    insert_ = std::move(*insert);
    const auto whole = read_around_damage(
        old_, table.name,
        fmt::format("{}{}{}", table.judged_by, table.judged_by.empty() ? "" : ", ", table.columns),
        table.judged_columns, newest_row_of(old_, table.name, table.indexes),
        [&](const Statement& row) { return take(table, row); });
    if (!whole) return std::unexpected(whole.error());
    is_whole_ = is_whole_ && *whole;
    return {};
  }

  Result<void> copy_marks() {
    auto marks = salvage_marks(old_, fresh_);
    if (!marks) return std::unexpected(marks.error());
    salvage_.marks = std::move(*marks);
    if (!salvage_.marks.is_whole) salvage_.damaged_tables.emplace_back(kMarksTable);
    return {};
  }

  Result<void> copy_alerts() {
    const auto is_whole = salvage_alerts(old_, fresh_);
    if (!is_whole) return std::unexpected(is_whole.error());
    if (!*is_whole) salvage_.damaged_tables.emplace_back(kAlertsTable);
    return {};
  }

  Result<void> copy_laps() {
    auto laps = salvage_laps(old_, fresh_);
    if (!laps) return std::unexpected(laps.error());
    salvage_.laps = std::move(*laps);
    std::ranges::copy(salvage_.laps.damaged_tables, std::back_inserter(salvage_.damaged_tables));
    return {};
  }

  bool makes_sense(const Table& table, const Statement& row) {
    if (table.is_packed) return judge_->makes_sense(row);
    constexpr int kIsJson = 0;  // the table's columns stand behind it
    constexpr int kWindow = 2;
    constexpr int kWindowId = 3;
    constexpr int kCount = 8;
    return row.blob(kWindowId).size() == 16 && row.integer(kCount) > 0 &&
           row.integer(kIsJson) == 1 && !row.text(kWindow).empty();
  }

  Result<void> take(const Table& table, const Statement& row) {
    if (!makes_sense(table, row)) {
      is_whole_ = false;
      return {};
    }
    for (int i = 0; i < table.column_count; ++i) {
      insert_.bind_value(i + 1, row.value(table.judged_columns + i));
    }
    const auto done = insert_.step();
    insert_.reset();
    if (!done) return std::unexpected(done.error());
    ++salvage_.rollups;
    if (salvage_.rollups % kRowsPerTransaction != 0) return {};
    progress_(salvage_.rollups);
    return fresh_.execute("COMMIT; BEGIN");
  }

  Result<void> copy_names(std::string_view table) {
    const auto whole = copy_table(table);
    if (!whole) return std::unexpected(whole.error());
    if (*whole) return {};
    const int columns = table == "window_names" ? 2 : 4;
    auto insert = fresh_.prepare(
        fmt::format("INSERT OR IGNORE INTO {} VALUES ({})", table, question_marks(columns)));
    if (!insert) return std::unexpected(insert.error());
    const auto copied = read_while_readable(
        old_, fmt::format("SELECT * FROM {0} INDEXED BY sqlite_autoindex_{0}_1", table),
        [&](const Statement& row) -> Result<void> {
          for (int i = 0; i < columns; ++i) insert->bind_value(i + 1, row.value(i));
          const auto done = insert->step();
          insert->reset();
          if (!done && done.error().code != ErrorCode::kOther) return std::unexpected(done.error());
          return {};
        });
    if (!copied) return std::unexpected(copied.error());
    return {};
  }

  Result<void> copy_checkpoint() {
    if (version_ < kCheckpointsSince) return {};
    bool is_whole = true;
    for (const auto table : kCheckpointTables) {
      const auto whole = copy_table(table);
      if (!whole) return std::unexpected(whole.error());
      is_whole = is_whole && *whole;
    }
    const auto layouts = fresh_.integer("SELECT count(*) FROM layout");
    const auto strange = fresh_.integer(
        fmt::format("SELECT count(*) FROM partitions WHERE partition NOT BETWEEN 0 AND {}",
                    PartitionId::kMaxEmbedded));
    salvage_.has_checkpoint = is_whole && layouts && *layouts == 1 && strange && *strange == 0;
    if (salvage_.has_checkpoint) return {};
    return fresh_.execute("DELETE FROM layout; DELETE FROM partitions; DELETE FROM open_series");
  }

  /// Whoever got rows remembers the newest number of this writer: none may be used twice, though
  /// the rows are gone. Where it cannot be read the writer gets another name, and what waits may go
  /// out twice.
  Result<void> keep_outbox_numbers() {
    const auto newest = fresh_.integer("SELECT coalesce(max(id), 0) FROM outbox");
    if (!newest) return {};  // this version has none
    std::int64_t used = 0;
    const auto read =
        read_while_readable(old_, "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'",
                            [&used](const Statement& row) -> Result<void> {
                              used = row.integer(0);
                              return {};
                            });
    if (!read || !*read) return fresh_.execute("DELETE FROM outbox_writer");
    return fresh_.execute(fmt::format("DELETE FROM sqlite_sequence WHERE name = 'outbox'; "
                                      "INSERT INTO sqlite_sequence VALUES ('outbox', {})",
                                      std::max(used, *newest))
                              .c_str());
  }

  /// Whether all of it was there.
  Result<bool> copy_table(std::string_view table) {
    const auto columns =
        fresh_.integer(fmt::format("SELECT count(*) FROM pragma_table_info('{}')", table));
    if (!columns) return std::unexpected(columns.error());
    if (*columns == 0) return true;  // this version has none
    auto insert = fresh_.prepare(
        fmt::format("INSERT OR IGNORE INTO {} VALUES ({})", table, question_marks(*columns)));
    if (!insert) return std::unexpected(insert.error());
    const auto copied = read_while_readable(
        old_, fmt::format("SELECT * FROM {}", table), [&](const Statement& row) -> Result<void> {
          for (int i = 0; i < *columns; ++i) insert->bind_value(i + 1, row.value(i));
          const auto done = insert->step();
          insert->reset();
          if (!done && done.error().code != ErrorCode::kOther) return std::unexpected(done.error());
          return {};  // a value that the table cannot have is damage of the row
        });
    if (!copied) return copied;
    const auto checked = is_whole_table(old_, table);
    if (!checked) return checked;
    const bool is_sound = *copied && *checked;
    if (!is_sound) salvage_.damaged_tables.emplace_back(table);
    return is_sound;
  }

  /// The unique index knows each rollup's id, though its row be gone.
  void find_lost() {
    if (is_whole_) {
      salvage_.knows_lost = true;
      return;
    }
    std::vector<Statement> is_there;
    for (const Table& table : tables()) {
      auto prepared = fresh_.prepare(
          fmt::format("SELECT 1 FROM {} WHERE id = ?1 AND {} = ?2", table.name,
                      table.is_packed ? "window_id_tail" : "substr(window_id, 9, 8)"));
      if (!prepared) return;
      is_there.push_back(std::move(*prepared));
    }
    salvage_.knows_lost = true;
    for (const Table& table : tables()) {
      const auto told =
          read_while_readable(old_, table.lost_ids, [&](const Statement& row) -> Result<void> {
            const bool is_copied = std::ranges::any_of(is_there, [&](Statement& statement) {
              statement.bind(1, row.integer(1))
                  .bind_blob(2, row.blob(0).data(), row.blob(0).size());
              const auto found = statement.step();
              statement.reset();
              return !found || *found;
            });
            if (!is_copied) salvage_.lost.emplace(row.blob(0), row.integer(1));
            return {};
          });
      salvage_.knows_lost = salvage_.knows_lost && told && *told;
    }
  }

  Database old_;
  Database fresh_;
  const std::function<void(std::uint64_t)>& progress_;
  Salvage salvage_;
  Statement insert_;
  std::int64_t version_ = kStoreVersion;
  bool has_unpacked_ = false;
  std::optional<PackedRowJudge> judge_;
  bool is_whole_ = true;  ///< all rollups' rows were read
};

}  // namespace

Result<Salvage> salvage_store_file(const std::filesystem::path& damaged,
                                   const std::filesystem::path& fresh,
                                   const std::function<void(std::uint64_t)>& progress) {
  auto old = Database::open(damaged.string(), SQLITE_OPEN_READONLY);
  if (!old) return std::unexpected(old.error());
  auto made = Database::open(fresh.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!made) return std::unexpected(made.error());
  return Salvager(std::move(*old), std::move(*made), progress).run();
}

}  // namespace slipstream
