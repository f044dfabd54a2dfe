#include "store/read_only_store.h"

#include <fmt/format.h>

#include <utility>

#include "store/schema_sql.h"
#include "store/store_damage.h"

namespace slipstream {

std::unexpected<Error> ReadOnlyStore::failed(const std::string& path, const Error& reason) {
  const bool is_damaged = reason.code == ErrorCode::kCorrupt;
  return fail(fmt::format("{}: {}{}{}", path, reason.message, is_damaged ? ": " : "",
                          is_damaged ? kStoreDamageAdvice : ""),
              reason.code);
}

Result<ReadOnlyStore> ReadOnlyStore::open(const std::filesystem::path& data_dir) {
  std::string path = (data_dir / kStoreFile).string();
  auto database = Database::open(path, SQLITE_OPEN_READONLY);
  if (!database) return std::unexpected(database.error());
  database->set_busy_timeout(Database::kReaderBusyTimeoutMs);
  const auto version = database->integer("PRAGMA user_version");
  if (!version) return failed(path, version.error());
  if (*version < 1 || *version > kStoreVersion) {
    return fail(fmt::format("{}: its schema is {}, this version knows 1 to {}", path, *version,
                            kStoreVersion),
                ErrorCode::kVersion);
  }
  return ReadOnlyStore{.path = std::move(path),
                       .database = std::move(*database),
                       .version = static_cast<int>(*version)};
}

}  // namespace slipstream
