#include "store/alert_salvage.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "model/alert.h"
#include "store/salvage_rows.h"
#include "store/schema_sql.h"

namespace slipstream {
namespace {

constexpr std::string_view kAllAlertColumns =
    "id, occurrence, rule, raised, active, name, severity, track, chassis, tags, time_ns, value, "
    "message";
constexpr int kAllAlertColumnCount = 13;
constexpr int kAlertSeverity = 6;
/// Indexes that hold every row's number.
constexpr std::string_view kAlertIndexes[] = {"stored_alerts_newest", "stored_alerts_by_name",
                                              "sqlite_autoindex_stored_alerts_1"};

}  // namespace

Result<bool> salvage_alerts(Database& damaged, Database& fresh) {
  const auto has_table =
      fresh.integer(fmt::format("SELECT count(*) FROM pragma_table_info('{}')", kAlertsTable));
  if (!has_table) return std::unexpected(has_table.error());
  if (*has_table == 0) return true;  // this version has none
  auto insert = fresh.prepare(fmt::format("INSERT OR IGNORE INTO {} ({}) VALUES ({})", kAlertsTable,
                                          kAllAlertColumns, question_marks(kAllAlertColumnCount)));
  if (!insert) return std::unexpected(insert.error());
  bool is_whole = true;
  const auto take = [&](const Statement& row) -> Result<void> {
    if (std::ranges::find(kAlertSeverityNames, row.text(kAlertSeverity)) ==
        kAlertSeverityNames.end()) {
      is_whole = false;
      return {};
    }
    for (int i = 0; i < kAllAlertColumnCount; ++i) insert->bind_value(i + 1, row.value(i));
    const auto done = insert->run();
    if (!done && done.error().code != ErrorCode::kOther) return done;
    // A value that the table cannot have is damage of the row.
    is_whole = is_whole && done && fresh.changes() == 1;
    return {};
  };
  const std::int64_t newest = newest_row_of(damaged, kAlertsTable, kAlertIndexes);
  const auto read = read_around_damage(damaged, kAlertsTable, kAllAlertColumns, 0, newest, take);
  if (!read) return std::unexpected(read.error());
  const auto checked = is_whole_table(damaged, kAlertsTable);
  if (!checked) return std::unexpected(checked.error());
  // Whatever was lost: what is raised in one row and cleared in another is not active.
  auto settled =
      fresh.execute(fmt::format("UPDATE {0} SET active = 0 WHERE active = 1 AND occurrence "
                                "IN (SELECT occurrence FROM {0} WHERE raised = 0)",
                                kAlertsTable)
                        .c_str());
  if (settled) settled = keep_row_numbers(damaged, fresh, kAlertsTable, newest);
  if (!settled) return std::unexpected(settled.error());
  return is_whole && *read && *checked;
}

}  // namespace slipstream
