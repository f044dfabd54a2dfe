#include "store/outbox_destination.h"

#include <optional>
#include <utility>

namespace slipstream {

Result<std::unique_ptr<OutboxDestination>> OutboxDestination::open(const std::string& path,
                                                                   RollupDestination options,
                                                                   std::string writer,
                                                                   StoreDamage& damage) {
  auto database = Database::open(path, SQLITE_OPEN_READWRITE);
  if (!database) return std::unexpected(database.error());
  // What cannot be removed in that time is sent again, and not done twice.
  database->set_busy_timeout(Database::kServerBusyTimeoutMs);
  // A removal that a power cut undoes costs no more than sending once more.
  if (auto set = database->execute("PRAGMA synchronous=NORMAL"); !set) {
    return std::unexpected(set.error());
  }
  std::unique_ptr<OutboxDestination> destination(
      new OutboxDestination(std::move(*database), std::move(options), std::move(writer), damage));
  const std::pair<Statement*, std::string_view> statements[] = {
      {&destination->read_,
       "SELECT id, count, rollups FROM outbox WHERE destination = ?1 AND shard = ?2 ORDER BY id"},
      {&destination->remove_,
       "DELETE FROM outbox WHERE destination = ?1 AND shard = ?2 AND id <= ?3 RETURNING count"}};
  for (const auto& [statement, sql] : statements) {
    auto prepared = destination->database_.prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return destination;
}

void OutboxDestination::note(const std::string& shard, OutboxAmount more) {
  stats_.rows.add(more.rows);
  stats_.rollups.add(more.rollups);
  const std::lock_guard lock(mutex_);
  waiting_[shard] += more;
}

OutboxAmount OutboxDestination::waiting(const std::string& shard) const {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(shard);
  return found == waiting_.end() ? OutboxAmount{} : found->second;
}

std::vector<std::string> OutboxDestination::shards() const {
  std::vector<std::string> names;
  const std::lock_guard lock(mutex_);
  for (const auto& [shard, amount] : waiting_) {
    if (amount.rows > 0) names.push_back(shard);
  }
  return names;
}

Result<std::vector<OutboxRow>> OutboxDestination::read(const std::string& shard,
                                                       std::size_t max_bytes) {
  std::vector<OutboxRow> rows;
  std::optional<Error> failed;
  std::size_t bytes = 0;
  read_.bind(1, options_.name).bind(2, shard);
  while (bytes < max_bytes) {
    const auto row = read_.step();
    if (!row) failed = row.error();
    if (!row || !*row) break;
    rows.push_back({.id = static_cast<std::uint64_t>(read_.integer(0)),
                    .count = static_cast<std::uint64_t>(read_.integer(1)),
                    .rollups = std::string(read_.text(2))});
    bytes += rows.back().rollups.size();
  }
  read_.reset();
  if (failed) return damage_.watch(Result<std::vector<OutboxRow>>(std::unexpected(*failed)));
  return rows;
}

Result<void> OutboxDestination::remove(const std::string& shard, std::uint64_t up_to) {
  OutboxAmount gone;
  remove_.bind(1, options_.name).bind(2, shard).bind(3, static_cast<std::int64_t>(up_to));
  while (true) {
    const auto row = damage_.watch(remove_.step());
    if (!row || !*row) remove_.reset();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    gone += {-1, -remove_.integer(0)};
  }
  note(shard, gone);
  return {};
}

}  // namespace slipstream
