#include "store/rollup_reader.h"

#include <fmt/format.h>

#include <limits>
#include <vector>

#include "store/schema_sql.h"
#include "store/sqlite.h"
#include "store/store_damage.h"
#include "store/stored_rollup.h"
#include "store/tag_condition.h"

namespace slipstream {
namespace {

// A page is held in memory while it is given out, and nothing of the database then.
constexpr std::int64_t kPageRows = 500;
constexpr std::size_t kPageBytes = std::size_t{1} << 20;

/// A rollup's place in the order of reading.
struct Place {
  std::int64_t last_ns = std::numeric_limits<std::int64_t>::min();
  std::int64_t id = 0;
};

constexpr int kFirstOfTags = 10;

struct Source {
  Database& database;
  std::int64_t version;
  std::int64_t newest;
};

Result<Statement> select(const Source& source, std::string_view columns, const RollupFilter& filter,
                         std::string_view more) {
  std::string sql =
      fmt::format("SELECT {} FROM {} WHERE id <= ?6", columns,
                  source.version < kTagsSince ? "(SELECT *, '' AS tags FROM rollups)" : "rollups");
  if (!filter.window.empty()) sql += " AND window = ?1";
  if (!filter.track.empty()) sql += " AND track = ?2";
  if (!filter.chassis.empty()) sql += " AND chassis = ?3";
  if (filter.from) sql += " AND last_ns >= ?4";
  if (filter.to) sql += " AND last_ns < ?5";
  sql += tag_condition(filter.tags, kFirstOfTags);
  sql += more;
  auto statement = source.database.prepare(sql);
  if (!statement) return statement;
  statement->bind(1, filter.window).bind(2, filter.track).bind(3, filter.chassis);
  if (filter.from) statement->bind(4, filter.from->ns);
  if (filter.to) statement->bind(5, filter.to->ns);
  statement->bind(6, source.newest);
  bind_tags(*statement, filter.tags, kFirstOfTags);
  return statement;
}

}  // namespace

struct RollupReader::Impl {
  Database database;
  std::int64_t version;
  std::int64_t newest;  ///< row when it was opened

  Source source() { return {database, version, newest}; }

  /// The rows behind `place`, which moves to the last of them; none: that was all.
  Result<std::vector<std::string>> read_page(const RollupFilter& filter, Place& place);
};

RollupReader::RollupReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RollupReader::~RollupReader() = default;

std::filesystem::path RollupReader::database_path(const std::filesystem::path& data_dir) {
  return data_dir / kStoreFile;
}

Result<std::unique_ptr<RollupReader>> RollupReader::open(const std::filesystem::path& data_dir) {
  const std::string path = database_path(data_dir).string();
  const auto failed = [&](const Error& reason) {
    const bool is_damaged = reason.code == ErrorCode::kCorrupt;
    return fail(fmt::format("{}: {}{}{}", path, reason.message, is_damaged ? ": " : "",
                            is_damaged ? kStoreDamageAdvice : ""),
                reason.code);
  };
  auto database = Database::open(path, SQLITE_OPEN_READONLY);
  if (!database) return std::unexpected(database.error());
  database->set_busy_timeout(Database::kReaderBusyTimeoutMs);
  const auto version = database->integer("PRAGMA user_version");
  if (!version) return failed(version.error());
  if (*version < 1 || *version > kStoreVersion) {
    return fail(fmt::format("{}: its schema is {}, this version knows 1 to {}", path, *version,
                            kStoreVersion),
                ErrorCode::kVersion);
  }
  const auto newest = database->integer("SELECT max(id) FROM rollups");
  if (!newest) return failed(newest.error());
  return std::unique_ptr<RollupReader>(
      new RollupReader(std::make_unique<Impl>(std::move(*database), *version, *newest)));
}

Result<std::uint64_t> RollupReader::log_offset() {
  if (impl_->version < kCheckpointsSince) return 0;
  auto statement = impl_->database.prepare(fmt::format(
      "SELECT coalesce(max(at), 0) FROM (SELECT {} AS at FROM partitions UNION ALL SELECT log_end "
      "FROM dead_letters)",
      impl_->version < kCommittedOffsetsSince ? "log_offset"
                                              : "max(log_offset, committed_offset)"));
  if (!statement) return std::unexpected(statement.error());
  if (const auto row = statement->step(); !row) return std::unexpected(row.error());
  return static_cast<std::uint64_t>(statement->integer(0));
}

Result<std::uint64_t> RollupReader::count(const RollupFilter& filter) {
  auto statement = select(impl_->source(), "count(*)", filter, "");
  if (!statement) return std::unexpected(statement.error());
  if (const auto row = statement->step(); !row) return std::unexpected(row.error());
  return static_cast<std::uint64_t>(statement->integer(0));
}

Result<std::vector<std::string>> RollupReader::Impl::read_page(const RollupFilter& filter,
                                                               Place& place) {
  auto statement = select(source(), kStoredRollupColumns, filter,
                          " AND (last_ns, id) > (?7, ?8) ORDER BY last_ns, id LIMIT ?9");
  if (!statement) return std::unexpected(statement.error());
  statement->bind(7, place.last_ns).bind(8, place.id).bind(9, kPageRows);
  std::vector<std::string> rollups;
  for (std::size_t bytes = 0; bytes < kPageBytes; bytes += rollups.back().size()) {
    const auto row = statement->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    place = {statement->integer(kLastNsColumn), statement->integer(kIdColumn)};
    rollups.push_back(stored_rollup_json(*statement));
  }
  return rollups;
}

Result<void> RollupReader::for_each(const RollupFilter& filter,
                                    const std::function<Result<void>(const std::string&)>& take) {
  Place place;
  while (true) {
    const auto page = impl_->read_page(filter, place);
    if (!page) return std::unexpected(page.error());
    if (page->empty()) return {};
    for (const std::string& rollup : *page) {
      if (auto taken = take(rollup); !taken) return taken;
    }
  }
}

}  // namespace slipstream
