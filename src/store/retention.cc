#include "store/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "store/rollup_scan.h"
#include "store/schema_sql.h"

namespace slipstream {
namespace {

constexpr std::int64_t kNsPerHour = 3'600 * kNsPerSecond;
// Free pages are the room of the next days' rollups: only what is beyond a quarter goes.
constexpr std::int64_t kKeepFreePages = 16'384;
constexpr std::int64_t kShrinkPages = 1'024;
constexpr std::int64_t kRowsLookedAt = 10'000;

}  // namespace

Result<void> Retention::remove(const std::vector<std::int64_t>& rows) {
  if (rows.empty()) return {};
  auto remove =
      tables_.database().prepare("DELETE FROM packed_rollups WHERE id = ?1 RETURNING series");
  if (!remove) return std::unexpected(remove.error());
  std::set<std::int64_t> series;
  for (const std::int64_t row : rows) {
    const auto removed = remove->bind(1, row).step();
    if (removed && *removed) series.insert(remove->integer(0));
    // The first step has removed it.
    remove->reset();
    if (!removed) return std::unexpected(removed.error());
  }
  if (auto removed = remove_series(series); !removed || tables_.unpacked().empty()) return removed;
  auto unpacked = tables_.database().prepare("DELETE FROM unpacked_rollups WHERE id = ?1");
  if (!unpacked) return std::unexpected(unpacked.error());
  for (const std::int64_t row : rows) {
    if (auto removed = unpacked->bind(1, row).run(); !removed) return removed;
  }
  return {};
}

Result<void> Retention::remove_series(const std::set<std::int64_t>& series) {
  auto remove = tables_.database().prepare(
      "DELETE FROM series WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM packed_rollups INDEXED "
      "BY "
      "packed_rollups_by_series WHERE series = ?1)");
  if (!remove) return std::unexpected(remove.error());
  for (const std::int64_t number : series) {
    if (auto removed = remove->bind(1, number).run(); !removed) return removed;
  }
  return {};
}

Result<std::size_t> Retention::remove_oldest(std::int64_t before_ns, std::size_t most) {
  const auto newest = tables_.newest();
  if (!newest) return std::unexpected(newest.error());
  std::vector<std::int64_t> rows;
  {
    auto scan = RollupScan::begin(tables_, {.high = {before_ns, RollupPlace::kLeast},
                                            .newest = *newest - 1,
                                            .newest_first = false,
                                            .expected = most});
    if (!scan) return std::unexpected(scan.error());
    while (rows.size() < most) {
      const auto place = scan->next();
      if (!place) return std::unexpected(place.error());
      if (!*place) break;
      rows.push_back((*place)->id);
    }
  }
  if (auto removed = remove(rows); !removed) return std::unexpected(removed.error());
  return rows.size();
}

// By their ids, and not by the window's index (`+`), all of which would be read for each piece.
std::string Retention::rows_of_window(bool has_unpacked) {
  std::string sql =
      "SELECT id FROM packed_rollups WHERE id > ?1 AND id <= ?2 AND +window = (SELECT number FROM "
      "window_names WHERE name = ?3)";
  if (has_unpacked) {
    sql += " UNION ALL SELECT id FROM unpacked_rollups WHERE id > ?1 AND id <= ?2 AND +window = ?3";
  }
  return sql + " ORDER BY id LIMIT ?4";
}

Result<bool> Retention::remove_stored_before(const std::string& window, std::int64_t hours,
                                             std::int64_t hour) {
  Database& database = tables_.database();
  const auto newest = tables_.newest();
  if (!newest) return std::unexpected(newest.error());
  const auto upto = database.integer(fmt::format(
      "SELECT id FROM stored_by WHERE hour < {} ORDER BY hour DESC LIMIT 1", hour - hours));
  if (!upto) return std::unexpected(upto.error());
  auto known = database.prepare("SELECT removed_to FROM window_retention WHERE window = ?1");
  if (!known) return std::unexpected(known.error());
  const auto is_known = known->bind(1, window).step();
  if (!is_known) return std::unexpected(is_known.error());
  const std::int64_t from = *is_known ? known->integer(0) : 0;
  known->reset();
  const std::int64_t end = std::min(*upto, *newest - 1);
  if (end <= from) return false;
  // Each row is looked at once; those of other windows count as well.
  std::int64_t to = std::min(end, from + kRowsLookedAt);
  std::vector<std::int64_t> rows;
  auto find = database.prepare(rows_of_window(!tables_.unpacked().empty()));
  if (!find) return std::unexpected(find.error());
  find->bind(1, from).bind(2, to).bind(3, window).bind(4, std::int64_t{kPiece});
  while (true) {
    const auto row = find->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    rows.push_back(find->integer(0));
  }
  find->reset();
  if (rows.size() == kPiece) to = rows.back();
  if (auto removed = remove(rows); !removed) return std::unexpected(removed.error());
  auto note = database.prepare(
      "INSERT INTO window_retention VALUES (?1, 0, ?2) ON CONFLICT DO UPDATE SET removed_to = ?2");
  if (!note) return std::unexpected(note.error());
  if (auto noted = note->bind(1, window).bind(2, to).run(); !noted) {
    return std::unexpected(noted.error());
  }
  return to < end;
}

Result<bool> Retention::prune(ArrivalTime now) {
  if (auto begun = tables_.begin(); !begun) return std::unexpected(begun.error());
  Database& database = tables_.database();
  const std::int64_t hour = now.ns / kNsPerHour;
  const auto newest = tables_.newest();
  if (!newest) return std::unexpected(newest.error());
  if (auto noted = database.execute(
          fmt::format("INSERT OR IGNORE INTO stored_by VALUES ({}, {})", hour, *newest).c_str());
      !noted) {
    return std::unexpected(noted.error());
  }
  auto windows = options_.windows;
  {
    auto own = database.prepare("SELECT window, hours FROM window_retention");
    if (!own) return std::unexpected(own.error());
    while (true) {
      const auto row = own->step();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      windows.emplace(own->text(0), own->integer(1));
    }
  }
  for (const auto& [window, hours] : windows) {
    if (hours <= 0) continue;
    const auto more = remove_stored_before(window, hours, hour);
    if (!more || *more) return more;
  }
  if (options_.hours > 0) {
    const auto removed = remove_oldest(now.ns - options_.hours * kNsPerHour, kPiece);
    if (!removed) return std::unexpected(removed.error());
    if (*removed == kPiece) return true;
  }
  if (options_.rollups == 0) return false;
  if (excess_ == 0) {
    std::int64_t count = 0;
    for (const std::string& table : {std::string("packed_rollups"), tables_.unpacked()}) {
      if (table.empty()) continue;
      const auto counted = database.integer(fmt::format("SELECT count(*) FROM {}", table));
      if (!counted) return std::unexpected(counted.error());
      count += *counted;
    }
    const auto most = static_cast<std::int64_t>(options_.rollups);
    excess_ = static_cast<std::size_t>(std::max<std::int64_t>(count - most, 0));
  }
  const auto gone = remove_oldest(RollupPlace::kGreatest, std::min(excess_, kPiece));
  if (!gone) return std::unexpected(gone.error());
  excess_ = *gone == 0 ? 0 : excess_ - *gone;
  return excess_ > 0;
}

Result<bool> Retention::shrink() {
  const auto free = tables_.database().integer("PRAGMA freelist_count");
  if (!free) return std::unexpected(free.error());
  if (*free < kKeepFreePages) return false;
  const auto pages = tables_.database().integer("PRAGMA page_count");
  if (!pages) return std::unexpected(pages.error());
  const auto mode = tables_.database().integer("PRAGMA auto_vacuum");
  if (!mode) return std::unexpected(mode.error());
  constexpr std::int64_t kIncremental = 2;
  if (*mode != kIncremental || *free < *pages / 4) return false;
  auto done = tables_.database().execute(
      fmt::format("PRAGMA incremental_vacuum({})", kShrinkPages).c_str());
  if (!done) return std::unexpected(done.error());
  return true;
}

}  // namespace slipstream
