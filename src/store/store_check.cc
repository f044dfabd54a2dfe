#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <string_view>

#include "codec/mark_json.h"
#include "model/alert.h"
#include "store/packed_row_judge.h"
#include "store/schema_sql.h"
#include "store/store_file.h"
#include "store/store_views.h"

namespace slipstream {
namespace {

constexpr std::size_t kMaxFaults = 100;  ///< of one kind

/// "table rollups: CREATE TABLE ..." of all that belongs to the schema. Views are only told to be
/// there: they are of the statistics that the program knew which wrote last.
Result<std::set<std::string>> objects_of(Database& database) {
  auto rows = database.prepare(
      "SELECT type || ' ' || name, iif(type = 'view', '', sql) FROM sqlite_master WHERE name NOT "
      "LIKE 'sqlite\\_%' ESCAPE '\\'");
  if (!rows) return std::unexpected(rows.error());
  std::set<std::string> objects;
  while (true) {
    const auto row = rows->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return objects;
    objects.insert(fmt::format("{}: {}", rows->text(0), rows->text(1)));
  }
}

Result<std::set<std::string>> objects_of_version(std::int64_t version, bool has_unpacked) {
  auto database = Database::open(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!database) return std::unexpected(database.error());
  if (auto made = make_store_schema(*database, version, has_unpacked); !made) {
    return std::unexpected(made.error());
  }
  return objects_of(*database);
}

class Check {
 public:
  Check(Database& database, StoreReport& report) : database_(database), report_(report) {}

  void run() {
    // All of it at one moment: a server beside it may move rows from one table to the other.
    if (auto begun = database_.execute("BEGIN"); !begun) {
      fault(fmt::format("it cannot be read: {}", begun.error().message));
      return;
    }
    pages();
    if (!schema()) return;
    rollups();
    marks();
    alerts();
    laps();
    places();
  }

 private:
  void fault(std::string what) { report_.faults.push_back(std::move(what)); }

  /// Gives each row of a query to `take`; that it cannot be run is a fault.
  template <typename Take>
  bool each(std::string_view what, std::string_view sql, Take take) {
    auto rows = database_.prepare(sql);
    if (!rows) {
      fault(fmt::format("{} cannot be read: {}", what, rows.error().message));
      return false;
    }
    while (true) {
      const auto row = rows->step();
      if (!row) fault(fmt::format("{} cannot be read: {}", what, row.error().message));
      if (!row) return false;
      if (!*row) return true;
      take(*rows);
    }
  }

  void pages() {
    each("the database", fmt::format("PRAGMA integrity_check({})", kMaxFaults),
         [this](const Statement& row) {
           if (row.text(0) != "ok") fault(std::string(row.text(0)));
         });
  }

  bool schema() {
    if (!each("the schema's version", "PRAGMA user_version",
              [this](const Statement& row) { report_.version = row.integer(0); })) {
      return false;
    }
    if (report_.version < 1 || report_.version > kStoreVersion) {
      fault(fmt::format("its schema is {}, this version knows 1 to {}", report_.version,
                        kStoreVersion));
      return false;
    }
    const auto there = objects_of(database_);
    const auto has_unpacked = has_unpacked_rollups(database_);
    has_unpacked_ = has_unpacked && *has_unpacked;
    const auto expected = objects_of_version(report_.version, has_unpacked_);
    if (!there || !expected) {
      fault(fmt::format("the schema cannot be read: {}",
                        there ? expected.error().message : there.error().message));
      return false;
    }
    bool is_whole = true;
    for (const auto& object : *expected) {
      if (there->contains(object)) continue;
      fault(
          fmt::format("the schema lacks, or has another, {}", object.substr(0, object.find(':'))));
      is_whole = false;
    }
    return is_whole;
  }

  void rollups() {
    if (report_.version < kPackedSince) {
      unpacked("rollups");
      return;
    }
    count("packed_rollups");
    packed();
    each("the series",
         fmt::format("SELECT number FROM series WHERE NOT json_valid('{{' || tags || '}}') LIMIT "
                     "{}",
                     kMaxFaults),
         [this](const Statement& row) {
           fault(fmt::format("series {} makes no sense", row.integer(0)));
         });
    if (has_unpacked_) unpacked(kUnpackedTable);
  }

  void count(std::string_view table) {
    each("the rollups", fmt::format("SELECT count(*) FROM {} NOT INDEXED", table),
         [this](const Statement& row) {
           report_.rollups += static_cast<std::uint64_t>(row.integer(0));
         });
  }

  void unpacked(std::string_view table) {
    count(table);
    each("the rollups",
         fmt::format("SELECT id FROM {} WHERE NOT json_valid(stats) OR length(window_id) <> 16 OR "
                     "count < 1{} LIMIT {}",
                     table,
                     report_.version < kTagsSince ? "" : " OR NOT json_valid('{' || tags || '}')",
                     kMaxFaults),
         [this](const Statement& row) {
           fault(fmt::format("row {} of the rollups makes no sense", row.integer(0)));
         });
  }

  void packed() {
    auto judge = PackedRowJudge::of(database_);
    if (!judge) {
      fault(fmt::format("the rollups' names cannot be read: {}", judge.error().message));
      return;
    }
    std::size_t faults = 0;
    each("the rollups",
         fmt::format("SELECT {} FROM packed_rollups NOT INDEXED", PackedRowJudge::kColumns),
         [&](const Statement& row) {
           if (judge->makes_sense(row) || ++faults > kMaxFaults) return;
           fault(fmt::format("row {} of the rollups makes no sense", row.integer(0)));
         });
  }

  void marks() {
    if (report_.version < kMarksSince) return;
    std::size_t faults = 0;
    each("the marks", fmt::format("SELECT id, mark FROM {} NOT INDEXED", kMarksTable),
         [&](const Statement& row) {
           ++report_.marks;
           if (parse_mark_json(row.text(1), {}) || ++faults > kMaxFaults) return;
           fault(fmt::format("row {} of the marks makes no sense", row.integer(0)));
         });
  }

  void alerts() {
    if (report_.version < kAlertsSince) return;
    each(
        "the alerts",
        fmt::format("SELECT id FROM {} NOT INDEXED WHERE severity NOT IN ('{}') OR active > raised "
                    "LIMIT {}",
                    kAlertsTable, fmt::join(kAlertSeverityNames, "', '"), kMaxFaults),
        [this](const Statement& row) {
          fault(fmt::format("row {} of the alerts makes no sense", row.integer(0)));
        });
  }

  void laps() {
    if (report_.version < kLapsSince) return;
    each("the laps", fmt::format("SELECT count(*) FROM {} NOT INDEXED", kLapsTable),
         [this](const Statement& row) {
           report_.laps = static_cast<std::uint64_t>(row.integer(0));
         });
    const auto faulty = [this](std::string_view what, std::string_view sql) {
      each(fmt::format("the {}", what), fmt::format("{} LIMIT {}", sql, kMaxFaults),
           [this, what](const Statement& row) {
             fault(fmt::format("row {} of the {} makes no sense", row.integer(0), what));
           });
    };
    faulty("laps",
           "SELECT l.id FROM stored_laps l LEFT JOIN activities a ON a.number = l.activity LEFT "
           "JOIN lap_channels c ON c.number = l.channels WHERE a.session IS NOT l.session OR "
           "c.number IS NULL OR NOT json_valid(l.sector_times_s)");
    faulty("activities",
           "SELECT a.number FROM activities a LEFT JOIN stored_sessions s ON s.number = a.session "
           "WHERE s.track IS NOT a.track");
    faulty("sessions", "SELECT number FROM stored_sessions WHERE NOT json_valid(parts)");
    faulty("laps' channels", "SELECT number FROM lap_channels WHERE NOT json_valid(names)");
  }

  void places() {
    if (report_.version < kCheckpointsSince) return;
    const bool has_committed = report_.version >= kCommittedOffsetsSince;
    each("the checkpoints",
         fmt::format("SELECT partition, log_offset, {} FROM partitions",
                     has_committed ? "max(log_offset, committed_offset)" : "log_offset"),
         [this](const Statement& row) {
           report_.checkpoints[static_cast<std::uint32_t>(row.integer(0))] =
               static_cast<LogOffset>(row.integer(1));
           report_.reached = std::max(report_.reached, static_cast<LogOffset>(row.integer(2)));
         });
  }

  Database& database_;
  StoreReport& report_;
  bool has_unpacked_ = false;
};

}  // namespace

Result<StoreReport> check_store_file(const std::filesystem::path& path) {
  auto database = Database::open(path.string(), SQLITE_OPEN_READONLY);
  if (!database) return std::unexpected(database.error());
  database->set_busy_timeout(Database::kReaderBusyTimeoutMs);
  StoreReport report;
  Check(*database, report).run();
  return report;
}

}  // namespace slipstream
