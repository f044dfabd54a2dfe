#include "store/lap_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "store/lap_queries.h"
#include "store/schema_sql.h"
#include "store/session_queries.h"

namespace slipstream {
namespace {

Result<std::vector<Activity>> activities_of(Database& database, std::int64_t session) {
  auto rows = database.prepare(
      "SELECT track, chassis, source_session, first_ns, began_ns, ended_ns, points FROM activities "
      "WHERE session = ?1 ORDER BY chassis, began_ns, source_session");
  if (!rows) return std::unexpected(rows.error());
  rows->bind(1, session);
  std::vector<Activity> all;
  auto done = each_row(*rows, [&](const Statement& row) {
    all.push_back({.key = {.track = std::string(row.text(0)),
                           .chassis = std::string(row.text(1)),
                           .source_session = std::string(row.text(2)),
                           .first = {row.integer(3)}},
                   .began = {row.integer(4)},
                   .ended = {row.integer(5)},
                   .points = static_cast<std::uint64_t>(row.integer(6))});
  });
  if (!done) return std::unexpected(done.error());
  return all;
}

Result<std::vector<StoredLap>> laps_of(Database& database, const std::string& session) {
  std::vector<StoredLap> all;
  LapQuery query{.session = session, .limit = 1'000};
  do {
    auto page = query_laps(database, query);
    if (!page) return std::unexpected(page.error());
    std::ranges::move(page->laps, std::back_inserter(all));
    query.cursor = page->next.value_or("");
  } while (!query.cursor.empty());
  std::ranges::reverse(all);
  return all;
}

}  // namespace

Result<LapReader> LapReader::open(const std::filesystem::path& data_dir) {
  auto store = ReadOnlyStore::open(data_dir);
  if (!store) return std::unexpected(store.error());
  if (store->version < kLapsSince) {
    return fail(fmt::format("{}: a version without laps and sessions wrote it: they are there once "
                            "this version's server has run",
                            store->path),
                ErrorCode::kVersion);
  }
  return LapReader(std::move(*store));
}

Result<std::optional<StoredLap>> LapReader::find_lap(std::string_view id) {
  auto lap = slipstream::find_lap(store_.database, id);
  if (!lap) return ReadOnlyStore::failed(store_.path, lap.error());
  return lap;
}

Result<std::optional<SessionContents>> LapReader::find_session(std::string_view id) {
  if (auto begun = store_.database.execute("BEGIN"); !begun) return std::unexpected(begun.error());
  auto contents = read_session(id);
  std::ignore = store_.database.execute("COMMIT");
  if (!contents) return ReadOnlyStore::failed(store_.path, contents.error());
  return contents;
}

Result<std::optional<SessionContents>> LapReader::read_session(std::string_view id) {
  auto session = slipstream::find_session(store_.database, id);
  if (!session) return std::unexpected(session.error());
  if (!*session) return std::optional<SessionContents>();
  const auto number = session_number(store_.database, id);
  if (!number) return std::unexpected(number.error());
  auto activities = activities_of(store_.database, number->value_or(0));
  if (!activities) return std::unexpected(activities.error());
  auto laps = laps_of(store_.database, (*session)->id);
  if (!laps) return std::unexpected(laps.error());
  return std::optional(SessionContents{.session = std::move(**session),
                                       .activities = std::move(*activities),
                                       .laps = std::move(*laps)});
}

}  // namespace slipstream
