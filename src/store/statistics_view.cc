#include "store/statistics_view.h"

#include <fmt/format.h>

#include "model/statistic.h"

namespace slipstream {

std::string statistics_view_sql() {
  // Every rollup has the first statistic of a field: by it the fields are found.
  constexpr std::string_view kFirst = kStatistics.front().prefix;
  std::string sql = fmt::format(
      "CREATE VIEW rollup_fields AS\n"
      "SELECT r.id, r.window, r.track, r.chassis, r.lap, r.sector, r.count,\n"
      "       strftime('%Y-%m-%dT%H:%M:%fZ', r.first_ns / 1e9, 'unixepoch') AS first_ts,\n"
      "       strftime('%Y-%m-%dT%H:%M:%fZ', r.last_ns / 1e9, 'unixepoch') AS last_ts,\n"
      "       substr(s.key, {}) AS field,\n"
      "       s.value AS {}",
      kFirst.size() + 1, kStatistics.front().name());
  for (const auto& statistic : kStatistics) {
    if (&statistic == &kStatistics.front()) continue;
    sql +=
        fmt::format(",\n       json_extract(r.stats, '$.\"{}' || substr(s.key, {}) || '\"') AS {}",
                    statistic.prefix, kFirst.size() + 1, statistic.name());
  }
  return sql + fmt::format(
                   ",\n       '{{' || r.tags || '}}' AS tags"
                   "\nFROM rollups r, json_each(r.stats) s\n"
                   "WHERE substr(s.key, 1, {}) = '{}'",
                   kFirst.size(), kFirst);
}

Result<void> bring_statistics_view_up_to_date(Database& database) {
  const std::string wanted = statistics_view_sql();
  {
    auto found = database.prepare("SELECT sql FROM sqlite_schema WHERE name = 'rollup_fields'");
    if (!found) return std::unexpected(found.error());
    const auto row = found->step();
    if (!row) return std::unexpected(row.error());
    if (*row && found->text(0) == wanted) return {};
  }
  return database.execute(
      fmt::format("BEGIN IMMEDIATE;DROP VIEW IF EXISTS rollup_fields;{};COMMIT", wanted).c_str());
}

}  // namespace slipstream
