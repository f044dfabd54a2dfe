#include "store/lap_salvage.h"

#include <fmt/format.h>

#include <string_view>

#include "codec/lap_json.h"
#include "store/salvage_rows.h"
#include "store/schema_sql.h"

namespace slipstream {
namespace {

struct SalvagedTable {
  std::string_view name;
  std::string_view number;  ///< its rows' number
  /// A JSON array in each row, by the column's name; empty: there is none.
  std::string_view list;
  std::span<const std::string_view> indexes;  ///< that hold every row's number
};

constexpr std::string_view kActivityIndexes[] = {"activities_by_session", "activities_by_alias"};
constexpr std::string_view kSessionIndexes[] = {"stored_sessions_newest",
                                                "stored_sessions_by_track"};
constexpr std::string_view kLapIndexes[] = {"stored_laps_newest", "stored_laps_by_session",
                                            "stored_laps_by_track"};
constexpr SalvagedTable kSalvagedTables[] = {
    {"activities", "number", "", kActivityIndexes},
    {"stored_sessions", "number", "parts", kSessionIndexes},
    {"lap_channels", "number", "names", {}},
    {kLapsTable, "id", "sector_times_s", kLapIndexes},
    {"track_lines", "rowid", "", {}}};

class LapSalvager {
 public:
  LapSalvager(Database& old, Database& fresh) : old_(old), fresh_(fresh) {}

  Result<SalvagedLaps> run() {
    for (const SalvagedTable& table : kSalvagedTables) {
      const auto whole = copy(table);
      if (!whole) return std::unexpected(whole.error());
      if (!*whole) found_.damaged_tables.emplace_back(table.name);
    }
    if (auto done = drop_orphans(); !done) return std::unexpected(done.error());
    for (const SalvagedTable& table : kSalvagedTables) {
      if (table.number == "id" || table.name == "stored_sessions") {
        if (auto done = keep_row_numbers(old_, fresh_, table.name, newest_[table.name]); !done) {
          return std::unexpected(done.error());
        }
      }
    }
    return std::move(found_);
  }

 private:
  Result<bool> copy(const SalvagedTable& table) {
    const auto columns =
        fresh_.integer(fmt::format("SELECT count(*) FROM pragma_table_info('{}')", table.name));
    if (!columns) return std::unexpected(columns.error());
    const auto count = static_cast<int>(*columns);
    constexpr int kJudged = 2;  // before the table's columns
    auto insert = fresh_.prepare(
        fmt::format("INSERT OR IGNORE INTO {} VALUES ({})", table.name, question_marks(count)));
    if (!insert) return std::unexpected(insert.error());
    bool is_sound = true;
    const auto take = [&](const Statement& row) -> Result<void> {
      if (row.integer(1) != 1) {
        is_sound = false;
        return {};
      }
      for (int i = 0; i < count; ++i) insert->bind_value(i + 1, row.value(kJudged + i));
      const auto done = insert->run();
      if (!done && done.error().code != ErrorCode::kOther) return done;
      // A value that the table cannot have is damage of the row.
      is_sound = is_sound && done && fresh_.changes() == 1;
      return {};
    };
    newest_[table.name] = newest_row_of(old_, table.name, table.indexes, table.number);
    const auto whole = read_around_damage(
        old_, table.name,
        fmt::format("{0}, {1}, {2}.*", table.number,
                    table.list.empty()
                        ? "1"
                        : fmt::format("json_valid({0}) AND json_type({0}) = 'array'", table.list),
                    table.name),
        0, newest_[table.name], take, table.number);
    if (!whole) return whole;
    is_sound = is_sound && *whole;
    const auto checked = is_whole_table(old_, table.name);
    if (!checked) return checked;
    return is_sound && *checked;
  }

  /// What refers to a row that is gone cannot be read.
  Result<void> drop_orphans() {
    const auto lost = fresh_.execute(fmt::format("DELETE FROM {} WHERE activity NOT IN (SELECT "
                                                 "number FROM activities) OR channels NOT IN "
                                                 "(SELECT number FROM lap_channels)",
                                                 kLapsTable)
                                         .c_str());
    if (!lost) return lost;
    const auto laps = fresh_.integer(fmt::format("SELECT count(*) FROM {}", kLapsTable));
    if (!laps) return std::unexpected(laps.error());
    found_.copied = static_cast<std::uint64_t>(*laps);
    // Without a rule the next start books all sessions anew.
    return fresh_.execute(
        "DELETE FROM stored_sessions WHERE number NOT IN (SELECT session FROM activities); "
        "DELETE FROM session_rules");
  }

  Database& old_;
  Database& fresh_;
  std::map<std::string_view, std::int64_t> newest_;  ///< by table: no row is beyond
  SalvagedLaps found_;
};

}  // namespace

Result<SalvagedLaps> salvage_laps(Database& damaged, Database& fresh) {
  const auto has_table =
      fresh.integer(fmt::format("SELECT count(*) FROM pragma_table_info('{}')", kLapsTable));
  if (!has_table) return std::unexpected(has_table.error());
  if (*has_table == 0) return SalvagedLaps{};  // this version has none
  return LapSalvager(damaged, fresh).run();
}

}  // namespace slipstream
