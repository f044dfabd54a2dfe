#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/sqlite.h"

namespace slipstream {

/// Reading of tables that are damaged: as much as there is. Nothing is changed. One thread, the
/// database's.

/// Where no index tells how far rows go: looked for so far behind the last that can be read.
inline constexpr std::int64_t kRowsBeyond = 100'000;

/// Runs a query as far as it can be read: whether to its end. Errors: of `take`.
template <typename Take>
Result<bool> read_while_readable(Database& database, std::string_view sql, Take take) {
  auto rows = database.prepare(sql);
  if (!rows) return false;
  while (true) {
    const auto row = rows->step();
    if (!row) return false;
    if (!*row) return true;
    if (auto taken = take(*rows); !taken) return std::unexpected(taken.error());
  }
}

/// No number beyond which the table has a row; `indexes` are those that hold every row's number.
inline std::int64_t newest_row_of(Database& database, std::string_view table,
                                  std::span<const std::string_view> indexes,
                                  std::string_view number = "id") {
  std::int64_t newest = 0;
  const auto note = [&newest](const Statement& row) -> Result<void> {
    newest = std::max(newest, row.integer(0));
    return {};
  };
  const auto last = read_while_readable(
      database, fmt::format("SELECT {1} FROM {0} ORDER BY {1} DESC LIMIT 1", table, number), note);
  if (last && *last) return newest;
  for (const auto index : indexes) {
    const auto told = read_while_readable(
        database, fmt::format("SELECT max({2}) FROM {0} INDEXED BY {1}", table, index, number),
        note);
    if (told && *told) return newest;
  }
  const auto all = read_while_readable(
      database, fmt::format("SELECT {} FROM {} NOT INDEXED", number, table), note);
  return newest + (all && *all ? 0 : kRowsBeyond);
}

/// Gives a table's rows up to the number `newest` to `take`, but for those on pages that cannot be
/// read: halves of the numbers find where these are. `columns` are selected; the one at `id_column`
/// is the row's number, which the table calls `number`. Whether all were read. Errors: of `take`.
template <typename Take>
Result<bool> read_around_damage(Database& database, std::string_view table,
                                std::string_view columns, int id_column, std::int64_t newest,
                                Take take, std::string_view number = "id") {
  bool is_whole = true;
  // Nothing: all of a range were read. Else the number from which on they cannot be.
  const auto read_range = [&](std::int64_t from,
                              std::int64_t to) -> Result<std::optional<std::int64_t>> {
    std::int64_t next = from;
    bool is_begun = false;
    const auto read = read_while_readable(
        database,
        fmt::format("SELECT {0} FROM {1} NOT INDEXED WHERE {4} BETWEEN {2} AND {3} ORDER BY {4}",
                    columns, table, from, to, number),
        [&](const Statement& row) -> Result<void> {
          is_begun = true;
          next = row.integer(id_column) + 1;
          return take(row);
        });
    if (!read) return std::unexpected(read.error());
    if (*read) return std::optional<std::int64_t>();
    is_whole = false;
    // Not even asked: nothing is to be had.
    if (!is_begun && !database.prepare(fmt::format("SELECT {} FROM {}", columns, table))) next = to;
    return std::optional(next);
  };
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges = {{1, newest}};
  while (!ranges.empty()) {
    const auto [from, to] = ranges.back();
    ranges.pop_back();
    const auto stopped = read_range(from, to);
    if (!stopped) return std::unexpected(stopped.error());
    if (!*stopped || **stopped >= to) continue;
    const std::int64_t middle = **stopped + (to - **stopped) / 2;
    ranges.emplace_back(middle + 1, to);
    ranges.emplace_back(**stopped, middle);
  }
  return is_whole;
}

/// Whether nothing is wrong with a table and its indexes.
inline Result<bool> is_whole_table(Database& database, std::string_view table) {
  bool is_whole = true;
  const auto checked =
      read_while_readable(database, fmt::format("PRAGMA integrity_check('{}')", table),
                          [&](const Statement& row) -> Result<void> {
                            is_whole = is_whole && row.text(0) == "ok";
                            return {};
                          });
  if (!checked) return checked;
  return is_whole && *checked;
}

/// Clients' cursors refer to rows: what is written from now on gets none that was given out, though
/// it is gone. `newest`: no row that is told of is beyond. Errors: the new one cannot be written.
inline Result<void> keep_row_numbers(Database& old, Database& fresh, std::string_view table,
                                     std::int64_t newest) {
  bool is_told = false;
  const auto read = read_while_readable(
      old, fmt::format("SELECT seq FROM sqlite_sequence WHERE name = '{}'", table),
      [&](const Statement& row) -> Result<void> {
        is_told = true;
        newest = std::max(newest, row.integer(0));
        return {};
      });
  if (!read) return std::unexpected(read.error());
  if (!is_told && newest == 0 && *read) return {};  // there has never been one
  if (!is_told) newest += kRowsBeyond;
  return fresh.execute(fmt::format("DELETE FROM sqlite_sequence WHERE name = '{0}'; "
                                   "INSERT INTO sqlite_sequence VALUES ('{0}', {1})",
                                   table, newest)
                           .c_str());
}

/// Of so many values.
inline std::string question_marks(std::int64_t count) {
  std::string text = "?";
  for (std::int64_t i = 1; i < count; ++i) text += ",?";
  return text;
}

}  // namespace slipstream
