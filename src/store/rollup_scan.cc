#include "store/rollup_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "store/tag_condition.h"

namespace slipstream {
namespace {

/// A seek in an index takes some microseconds: so many are a few milliseconds.
constexpr std::size_t kMostRuns = 2'000;
constexpr std::size_t kLeastPiece = 4;
// A page is often read in pieces of some dozen rollups, each a scan of its own.
constexpr std::size_t kMostPiece = 64;

/// Of all statements.
struct Parameter {
  enum : int {
    kWindow = 1,
    kSeries,
    kLowNs,
    kLowId,
    kHighNs,
    kHighId,
    kLap,
    kNewest,
    kPiece,
    kTrack,
    kChassis,
    kFirstOfTags
  };
};

}  // namespace

Result<RollupScan> RollupScan::begin(RollupTables& tables, RollupScanFilter filter) {
  RollupScan scan(tables, std::move(filter));
  Result<void> done;
  if (tables.has_packed()) done = scan.begin_packed();
  if (done && !tables.unpacked().empty()) done = scan.begin_unpacked();
  if (!done) return std::unexpected(done.error());
  // Most come of few runs: those go on with larger pieces.
  const std::size_t shares = 2 * std::max<std::size_t>(scan.runs_.size(), 1) - 1;
  for (Run& run : scan.runs_) {
    run.piece = std::clamp(scan.filter_.expected / shares, kLeastPiece, kMostPiece);
  }
  for (std::size_t run = 0; run < scan.runs_.size(); ++run) {
    if (done = scan.fill(scan.runs_[run]); !done) return std::unexpected(done.error());
    scan.push(run);
  }
  return scan;
}

std::string RollupScan::bounds() const {
  // A row is compared with what is asked for alone: among thousands of entries that counts.
  const bool has_exact_low = !filter_.newest_first || filter_.low.id != RollupPlace::kLeast;
  const bool has_exact_high = filter_.newest_first || filter_.high.id != RollupPlace::kGreatest;
  std::string sql = fmt::format(
      fmt::runtime(has_exact_low ? " AND (last_ns, id) >= (?{}, ?{})" : " AND last_ns >= ?{}"),
      int{Parameter::kLowNs}, int{Parameter::kLowId});
  sql += fmt::format(
      fmt::runtime(has_exact_high ? " AND (last_ns, id) <= (?{}, ?{})" : " AND last_ns <= ?{}"),
      int{Parameter::kHighNs}, int{Parameter::kHighId});
  if (filter_.newest != RollupPlace::kGreatest) {
    sql += fmt::format(" AND id <= ?{}", int{Parameter::kNewest});
  }
  if (filter_.lap) sql += fmt::format(" AND lap = ?{}", int{Parameter::kLap});
  return sql;
}

Result<bool> RollupScan::add_runs_with_lap(std::int64_t window, bool picks) {
  // A seek for each series that has the lap, however many have not.
  const auto next = tables_->statements().get(
      "SELECT series FROM packed_rollups INDEXED BY packed_rollups_by_lap WHERE lap = ?1 AND "
      "window "
      "= ?2 AND series > ?3 ORDER BY series LIMIT 1");
  if (!next) return std::unexpected(next.error());
  std::int64_t series = RollupPlace::kLeast;
  for (std::size_t seeks = 0; seeks < kMostRuns && runs_.size() < kMostRuns; ++seeks) {
    (*next)->bind(1, std::int64_t{*filter_.lap}).bind(2, window).bind(3, series);
    const auto row = (*next)->step();
    if (row && *row) series = (*next)->integer(0);
    (*next)->reset();
    if (!row) return std::unexpected(row.error());
    if (!*row) return true;
    if (!picks || std::ranges::binary_search(series_, series)) runs_.push_back({window, series});
  }
  return false;
}

Result<void> RollupScan::begin_packed() {
  const auto windows = tables_->names().windows_of(filter_.window);
  if (!windows) return std::unexpected(windows.error());
  const bool asks_series =
      !filter_.track.empty() || !filter_.chassis.empty() || !filter_.tags.is_empty();
  if (asks_series) {
    auto series = tables_->names().series_of(filter_.track, filter_.chassis, filter_.tags);
    if (!series) return std::unexpected(series.error());
    series_ = std::move(*series);
  }
  bool by_series = asks_series && series_.size() * windows->size() <= kMostRuns;
  if (by_series) {
    for (const std::int64_t window : *windows) {
      for (const std::int64_t series : series_) runs_.push_back({window, series});
    }
  } else if (filter_.lap) {
    by_series = true;
    for (auto window = windows->begin(); by_series && window != windows->end(); ++window) {
      const auto found = add_runs_with_lap(*window, asks_series);
      if (!found) return std::unexpected(found.error());
      by_series = *found;
    }
  }
  if (!by_series) {
    runs_.clear();
    for (const std::int64_t window : *windows) runs_.push_back({.window = window});
  }
  picks_series_ = asks_series && !by_series;
  const std::string_view by = !by_series ? "window" : filter_.lap ? "lap" : "series";
  const std::string_view order = filter_.newest_first ? "DESC" : "ASC";
  const auto statement = tables_->statements().get(fmt::format(
      "SELECT last_ns, id{} FROM packed_rollups INDEXED BY packed_rollups_by_{} WHERE window = "
      "?{}{}{} ORDER BY last_ns {}, id {} LIMIT ?{}",
      picks_series_ ? ", series" : "", by, int{Parameter::kWindow},
      by_series ? fmt::format(" AND series = ?{}", int{Parameter::kSeries}) : "", bounds(), order,
      order, int{Parameter::kPiece}));
  if (!statement) return std::unexpected(statement.error());
  packed_ = *statement;
  return {};
}

Result<void> RollupScan::begin_unpacked() {
  std::string sql = fmt::format("SELECT last_ns, id FROM {} WHERE 1", tables_->unpacked());
  if (!filter_.window.empty()) sql += fmt::format(" AND window = ?{}", int{Parameter::kWindow});
  if (!filter_.track.empty()) sql += fmt::format(" AND track = ?{}", int{Parameter::kTrack});
  if (!filter_.chassis.empty()) sql += fmt::format(" AND chassis = ?{}", int{Parameter::kChassis});
  sql += bounds() + tag_condition(filter_.tags, Parameter::kFirstOfTags);
  const std::string_view order = filter_.newest_first ? "DESC" : "ASC";
  const auto statement =
      tables_->statements().get(sql + fmt::format(" ORDER BY last_ns {}, id {} LIMIT ?{}", order,
                                                  order, int{Parameter::kPiece}));
  if (!statement) return std::unexpected(statement.error());
  unpacked_ = *statement;
  runs_.push_back({.is_packed = false});
  return {};
}

Result<void> RollupScan::fill(Run& run) {
  Statement& statement = run.is_packed ? *packed_ : *unpacked_;
  while (run.ready.empty() && !run.is_over) {
    RollupPlace low = filter_.low;
    RollupPlace high = filter_.high;
    if (run.from && filter_.newest_first) high = {run.from->last_ns, run.from->id - 1};
    if (run.from && !filter_.newest_first) low = {run.from->last_ns, run.from->id + 1};
    statement.bind(Parameter::kLowNs, low.last_ns).bind(Parameter::kLowId, low.id);
    statement.bind(Parameter::kHighNs, high.last_ns).bind(Parameter::kHighId, high.id);
    statement.bind(Parameter::kNewest, filter_.newest)
        .bind(Parameter::kPiece, static_cast<std::int64_t>(run.piece));
    if (filter_.lap) statement.bind(Parameter::kLap, std::int64_t{*filter_.lap});
    if (run.is_packed) {
      statement.bind(Parameter::kWindow, run.window).bind(Parameter::kSeries, run.series);
    } else {
      statement.bind(Parameter::kWindow, filter_.window).bind(Parameter::kTrack, filter_.track);
      statement.bind(Parameter::kChassis, filter_.chassis);
      bind_tags(statement, filter_.tags, Parameter::kFirstOfTags);
    }
    std::size_t read = 0;
    Result<bool> row = false;
    while ((row = statement.step()) && *row) {
      ++read;
      run.from = {statement.integer(0), statement.integer(1)};
      const bool is_asked = !run.is_packed || !picks_series_ ||
                            std::ranges::binary_search(series_, statement.integer(2));
      if (is_asked) run.ready.push_back(*run.from);
    }
    statement.reset();
    if (!row) return std::unexpected(row.error());
    run.is_over = read < run.piece;
    run.piece = std::min(2 * run.piece, kMostPiece);
  }
  std::ranges::reverse(run.ready);
  return {};
}

void RollupScan::push(std::size_t run) {
  if (runs_[run].ready.empty()) return;
  heap_.push_back(run);
  std::ranges::push_heap(heap_, is_later());
}

Result<std::optional<RollupPlace>> RollupScan::next() {
  if (heap_.empty()) return std::nullopt;
  std::ranges::pop_heap(heap_, is_later());
  const std::size_t run = heap_.back();
  heap_.pop_back();
  const RollupPlace place = runs_[run].ready.back();
  runs_[run].ready.pop_back();
  if (runs_[run].ready.empty()) {
    if (auto filled = fill(runs_[run]); !filled) return std::unexpected(filled.error());
  }
  push(run);
  return place;
}

}  // namespace slipstream
