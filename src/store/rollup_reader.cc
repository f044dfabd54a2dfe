#include "store/rollup_reader.h"

#include <fmt/format.h>

#include "store/schema_sql.h"
#include "store/sqlite.h"
#include "store/stored_rollup.h"

namespace slipstream {
namespace {

constexpr int kBusyTimeoutMs = 5'000;

Result<Statement> select(Database& database, std::string_view columns, const RollupFilter& filter,
                         std::string_view order) {
  std::string sql = fmt::format("SELECT {} FROM rollups WHERE 1", columns);
  if (!filter.window.empty()) sql += " AND window = ?1";
  if (!filter.track.empty()) sql += " AND track = ?2";
  if (!filter.chassis.empty()) sql += " AND chassis = ?3";
  if (filter.from) sql += " AND last_ns >= ?4";
  if (filter.to) sql += " AND last_ns < ?5";
  sql += order;
  auto statement = database.prepare(sql);
  if (!statement) return statement;
  statement->bind(1, filter.window).bind(2, filter.track).bind(3, filter.chassis);
  if (filter.from) statement->bind(4, filter.from->ns);
  if (filter.to) statement->bind(5, filter.to->ns);
  return statement;
}

}  // namespace

struct RollupReader::Impl {
  Database database;
  std::int64_t version;
};

RollupReader::RollupReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RollupReader::~RollupReader() = default;

std::filesystem::path RollupReader::database_path(const std::filesystem::path& data_dir) {
  return data_dir / kStoreFile;
}

Result<std::unique_ptr<RollupReader>> RollupReader::open(const std::filesystem::path& data_dir) {
  const std::string path = database_path(data_dir).string();
  const auto failed = [&](const Error& reason) {
    return fail(fmt::format("{}: {}", path, reason.message));
  };
  auto database = Database::open(path, SQLITE_OPEN_READONLY);
  if (!database) return std::unexpected(database.error());
  database->set_busy_timeout(kBusyTimeoutMs);
  if (auto begun = database->execute("BEGIN"); !begun) return failed(begun.error());
  auto version = database->prepare("PRAGMA user_version");
  if (!version) return failed(version.error());
  if (const auto row = version->step(); !row) return failed(row.error());
  if (version->integer(0) < 1 || version->integer(0) > kStoreVersion) {
    return fail(fmt::format("{}: its schema is {}, this version knows 1 to {}", path,
                            version->integer(0), kStoreVersion));
  }
  return std::unique_ptr<RollupReader>(
      new RollupReader(std::make_unique<Impl>(std::move(*database), version->integer(0))));
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
  auto statement = select(impl_->database, "count(*)", filter, "");
  if (!statement) return std::unexpected(statement.error());
  if (const auto row = statement->step(); !row) return std::unexpected(row.error());
  return static_cast<std::uint64_t>(statement->integer(0));
}

Result<void> RollupReader::for_each(const RollupFilter& filter,
                                    const std::function<Result<void>(const std::string&)>& take) {
  auto statement = select(impl_->database, kStoredRollupColumns, filter, " ORDER BY last_ns, id");
  if (!statement) return std::unexpected(statement.error());
  while (true) {
    const auto row = statement->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    if (auto taken = take(stored_rollup_json(*statement)); !taken) return taken;
  }
}

}  // namespace slipstream
