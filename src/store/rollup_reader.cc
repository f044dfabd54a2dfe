#include "store/rollup_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "store/read_only_store.h"
#include "store/rollup_queries.h"
#include "store/rollup_scan.h"
#include "store/schema_sql.h"
#include "store/sqlite.h"
#include "store/tag_condition.h"

namespace slipstream {
namespace {

// A page is held in memory while it is given out, and nothing of the database then.
constexpr std::size_t kPageRows = 500;
constexpr std::size_t kPageBytes = std::size_t{1} << 20;

/// Of one of the tables.
Result<std::int64_t> count_in(RollupTables& tables, const RollupFilter& filter, std::int64_t newest,
                              bool packed) {
  constexpr int kFirstOfTags = 7;
  const std::string tagged = tag_condition(filter.tags, kFirstOfTags);
  std::string sql = fmt::format("SELECT count(*) FROM {} WHERE id <= ?6",
                                packed ? "packed_rollups" : tables.unpacked());
  if (filter.from) sql += " AND last_ns >= ?4";
  if (filter.to) sql += " AND last_ns < ?5";
  std::string of_series;
  if (!filter.track.empty()) of_series += " AND track = ?2";
  if (!filter.chassis.empty()) of_series += " AND chassis = ?3";
  of_series += tagged;
  if (packed && !filter.window.empty()) {
    sql += " AND window IN (SELECT number FROM window_names WHERE name = ?1)";
  } else if (!filter.window.empty()) {
    sql += " AND window = ?1";
  }
  if (packed && !of_series.empty()) {
    sql += fmt::format(" AND series IN (SELECT number FROM series WHERE 1{})", of_series);
  } else {
    sql += of_series;
  }
  auto statement = tables.database().prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  statement->bind(1, filter.window).bind(2, filter.track).bind(3, filter.chassis);
  if (filter.from) statement->bind(4, filter.from->ns);
  if (filter.to) statement->bind(5, filter.to->ns);
  statement->bind(6, newest);
  bind_tags(*statement, filter.tags, kFirstOfTags);
  if (const auto row = statement->step(); !row) return std::unexpected(row.error());
  return statement->integer(0);
}

}  // namespace

struct RollupReader::Impl {
  explicit Impl(Database opened) : database(std::move(opened)) {}

  Database database;
  std::optional<RollupTables> tables;
  std::int64_t newest = 0;  ///< row when it was opened

  /// Reads from one state of the database.
  template <typename Read>
  auto snapshot(Read read) -> decltype(read()) {
    if (auto begun = database.execute("BEGIN"); !begun) return std::unexpected(begun.error());
    const auto known = tables->begin();
    auto result = known ? read() : std::unexpected(known.error());
    tables->end();
    std::ignore = database.execute("COMMIT");
    return result;
  }
  /// The rollups behind `place`, which moves to the last of them; none: that was all.
  Result<std::vector<std::string>> read_page(const RollupFilter& filter, RollupPlace& place);
};

RollupReader::RollupReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RollupReader::~RollupReader() = default;

std::filesystem::path RollupReader::database_path(const std::filesystem::path& data_dir) {
  return data_dir / kStoreFile;
}

Result<std::unique_ptr<RollupReader>> RollupReader::open(const std::filesystem::path& data_dir) {
  auto store = ReadOnlyStore::open(data_dir);
  if (!store) return std::unexpected(store.error());
  auto impl = std::make_unique<Impl>(std::move(store->database));
  auto tables = RollupTables::open(impl->database);
  if (!tables) return ReadOnlyStore::failed(store->path, tables.error());
  impl->tables = std::move(*tables);
  const auto newest = impl->snapshot([&] { return impl->tables->newest(); });
  if (!newest) return ReadOnlyStore::failed(store->path, newest.error());
  impl->newest = *newest;
  return std::unique_ptr<RollupReader>(new RollupReader(std::move(impl)));
}

Result<std::uint64_t> RollupReader::log_offset() {
  if (impl_->tables->version() < kCheckpointsSince) return 0;
  auto statement = impl_->database.prepare(fmt::format(
      "SELECT coalesce(max(at), 0) FROM (SELECT {} AS at FROM partitions UNION ALL SELECT log_end "
      "FROM dead_letters)",
      impl_->tables->version() < kCommittedOffsetsSince ? "log_offset"
                                                        : "max(log_offset, committed_offset)"));
  if (!statement) return std::unexpected(statement.error());
  if (const auto row = statement->step(); !row) return std::unexpected(row.error());
  return static_cast<std::uint64_t>(statement->integer(0));
}

Result<std::uint64_t> RollupReader::count(const RollupFilter& filter) {
  return impl_->snapshot([&]() -> Result<std::uint64_t> {
    RollupTables& tables = *impl_->tables;
    std::int64_t sum = 0;
    for (const bool packed : {true, false}) {
      if (packed ? !tables.has_packed() : tables.unpacked().empty()) continue;
      const auto count = count_in(tables, filter, impl_->newest, packed);
      if (!count) return std::unexpected(count.error());
      sum += *count;
    }
    return static_cast<std::uint64_t>(sum);
  });
}

Result<std::vector<std::string>> RollupReader::Impl::read_page(const RollupFilter& filter,
                                                               RollupPlace& place) {
  RollupScanFilter wanted{.window = filter.window,
                          .track = filter.track,
                          .chassis = filter.chassis,
                          .tags = filter.tags,
                          .newest = newest,
                          .newest_first = false,
                          .expected = kPageRows};
  wanted.low = {place.last_ns, place.id + 1};
  if (filter.from) wanted.low = std::max(wanted.low, {filter.from->ns, RollupPlace::kLeast});
  if (filter.to) wanted.high = {filter.to->ns, RollupPlace::kLeast};
  auto scan = RollupScan::begin(*tables, std::move(wanted));
  if (!scan) return std::unexpected(scan.error());
  std::vector<std::string> rollups;
  std::size_t bytes = 0;
  while (rollups.size() < kPageRows && bytes < kPageBytes) {
    const auto next = scan->next();
    if (!next) return std::unexpected(next.error());
    if (!*next) break;
    place = **next;
    auto rollup = read_rollup(*tables, place.id);
    if (!rollup) return std::unexpected(rollup.error());
    bytes += rollup->size();
    rollups.push_back(std::move(*rollup));
  }
  return rollups;
}

Result<void> RollupReader::for_each(const RollupFilter& filter,
                                    const std::function<Result<void>(const std::string&)>& take) {
  RollupPlace place{RollupPlace::kLeast, RollupPlace::kLeast};
  while (true) {
    const auto page = impl_->snapshot([&] { return impl_->read_page(filter, place); });
    if (!page) return std::unexpected(page.error());
    if (page->empty()) return {};
    for (const std::string& rollup : *page) {
      if (auto taken = take(rollup); !taken) return taken;
    }
  }
}

}  // namespace slipstream
