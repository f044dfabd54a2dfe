#include "store/mark_salvage.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "codec/mark_json.h"
#include "store/salvage_rows.h"
#include "store/schema_sql.h"

namespace slipstream {
namespace {

constexpr std::string_view kAllMarkColumns =
    "id, log_offset, time_ns, arrival_ns, track, session, chassis, kind, mark";
constexpr int kAllMarkColumnCount = 9;
constexpr int kMarkText = 8;
/// Indexes that hold every row's number.
constexpr std::string_view kMarkIndexes[] = {"stored_marks_newest", "stored_marks_by_session",
                                             "stored_marks_by_track"};

class MarkSalvager {
 public:
  MarkSalvager(Database& old, Database& fresh) : old_(old), fresh_(fresh) {}

  Result<SalvagedMarks> run() {
    if (auto done = copy(); !done) return std::unexpected(done.error());
    if (auto done = find_lost(); !done) return std::unexpected(done.error());
    if (auto done = keep_row_numbers(old_, fresh_, kMarksTable, newest_); !done) {
      return std::unexpected(done.error());
    }
    return std::move(found_);
  }

 private:
  Result<void> copy() {
    auto insert = fresh_.prepare(fmt::format(
        "INSERT OR IGNORE INTO {} ({}) VALUES (?,?,?,?,?,?,?,?,?)", kMarksTable, kAllMarkColumns));
    if (!insert) return std::unexpected(insert.error());
    const auto take = [&](const Statement& row) -> Result<void> {
      if (!parse_mark_json(row.text(kMarkText), {})) {
        found_.is_whole = false;
        return {};
      }
      for (int i = 0; i < kAllMarkColumnCount; ++i) insert->bind_value(i + 1, row.value(i));
      const auto done = insert->run();
      if (!done && done.error().code != ErrorCode::kOther) return done;
      // A value that the table cannot have is damage of the row.
      const bool is_copied = done && fresh_.changes() == 1;
      found_.copied += is_copied ? 1 : 0;
      found_.is_whole = found_.is_whole && is_copied;
      return {};
    };
    newest_ = newest_row_of(old_, kMarksTable, kMarkIndexes);
    const auto whole = read_around_damage(old_, kMarksTable, kAllMarkColumns, 0, newest_, take);
    if (!whole) return std::unexpected(whole.error());
    found_.is_whole = found_.is_whole && *whole;
    const auto checked = is_whole_table(old_, kMarksTable);
    if (!checked) return std::unexpected(checked.error());
    found_.is_whole = found_.is_whole && *checked;
    return {};
  }

  /// The unique index knows each mark's place, though its row be gone.
  Result<void> find_lost() {
    if (found_.is_whole) return {};
    auto is_there = fresh_.prepare(fmt::format(
        "SELECT 1 FROM {} WHERE id = ?1 AND log_offset IS iif(?2, ?3, NULL) AND arrival_ns = ?4",
        kMarksTable));
    if (!is_there) return std::unexpected(is_there.error());
    const auto told = read_while_readable(
        old_,
        fmt::format("SELECT id, log_offset IS NOT NULL, log_offset, arrival_ns FROM {0} INDEXED BY "
                    "sqlite_autoindex_{0}_1 ORDER BY log_offset, arrival_ns",
                    kMarksTable),
        [&](const Statement& row) -> Result<void> {
          for (int i = 0; i < 4; ++i) is_there->bind_value(i + 1, row.value(i));
          const auto found = is_there->step();
          is_there->reset();
          if (!found) return std::unexpected(found.error());
          if (*found) return {};
          LostMark lost{.row = row.integer(0), .offset = {}, .arrival = {row.integer(3)}};
          if (row.integer(1) != 0) lost.offset = static_cast<LogOffset>(row.integer(2));
          found_.lost.push_back(lost);
          newest_ = std::max(newest_, lost.row);
          return {};
        });
    if (!told) return std::unexpected(told.error());
    found_.knows_lost = *told;
    return {};
  }

  Database& old_;
  Database& fresh_;
  std::int64_t newest_ = 0;  ///< no row is beyond
  SalvagedMarks found_;
};

}  // namespace

Result<SalvagedMarks> salvage_marks(Database& damaged, Database& fresh) {
  const auto has_table =
      fresh.integer(fmt::format("SELECT count(*) FROM pragma_table_info('{}')", kMarksTable));
  if (!has_table) return std::unexpected(has_table.error());
  if (*has_table == 0) return SalvagedMarks{};  // this version has none
  return MarkSalvager(damaged, fresh).run();
}

}  // namespace slipstream
