#include "store/outbox.h"

#include <fmt/format.h>

#include <optional>
#include <random>
#include <utility>

#include "codec/rollup_json.h"
#include "model/point.h"

namespace slipstream {
namespace {

std::string random_name() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}", random(), random(), random());
}

Result<std::string> name_of_writer(Database& database) {
  auto add = database.prepare("INSERT OR IGNORE INTO outbox_writer VALUES (0, ?1)");
  if (!add) return std::unexpected(add.error());
  const std::string fresh = random_name();
  add->bind(1, fresh);
  if (auto done = add->run(); !done) return std::unexpected(done.error());
  auto get = database.prepare("SELECT name FROM outbox_writer");
  if (!get) return std::unexpected(get.error());
  if (const auto row = get->step(); !row) return std::unexpected(row.error());
  return std::string(get->text(0));
}

}  // namespace

Result<std::unique_ptr<Outbox>> Outbox::open(Database& writer, const std::string& path,
                                             OutboxOptions options, const FieldTable& fields,
                                             StoreDamage& damage) {
  auto name = name_of_writer(writer);
  if (!name) return std::unexpected(name.error());
  auto sender = Database::open(path, SQLITE_OPEN_READWRITE);
  if (!sender) return std::unexpected(sender.error());
  // What cannot be removed in that time is sent again, and not done twice.
  sender->set_busy_timeout(Database::kServerBusyTimeoutMs);
  // A removal that a power cut undoes costs no more than asking Redis once more.
  if (auto set = sender->execute("PRAGMA synchronous=NORMAL"); !set) {
    return std::unexpected(set.error());
  }
  std::unique_ptr<Outbox> outbox(
      new Outbox(std::move(*sender), std::move(options), fields, damage));
  outbox->writer_ = std::move(*name);
  if (auto ready = outbox->prepare(writer); !ready) return std::unexpected(ready.error());
  return outbox;
}

Result<void> Outbox::prepare(Database& writer) {
  struct {
    Database& database;
    Statement& statement;
    std::string_view sql;
  } const statements[] = {
      {writer, insert_, "INSERT INTO outbox (stream, count, rollups) VALUES (?1, ?2, ?3)"},
      {writer, sizes_, "SELECT id, count FROM outbox WHERE stream = ?1 ORDER BY id"},
      {writer, trim_, "DELETE FROM outbox WHERE stream = ?1 AND id <= ?2"},
      {sender_, read_, "SELECT id, count, rollups FROM outbox WHERE stream = ?1 ORDER BY id"},
      {sender_, remove_, "DELETE FROM outbox WHERE stream = ?1 AND id <= ?2 RETURNING count"},
  };
  for (const auto& [database, statement, sql] : statements) {
    auto prepared = database.prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    statement = std::move(*prepared);
  }
  auto sums = writer.prepare("SELECT stream, count(*), sum(count) FROM outbox GROUP BY stream");
  if (!sums) return std::unexpected(sums.error());
  while (true) {
    const auto row = sums->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    note(std::string(sums->text(0)), {sums->integer(1), sums->integer(2)});
  }
}

Result<void> Outbox::write(const RollupBatch& rollups) {
  struct Open {
    std::string text;
    std::uint64_t count = 0;
  };
  std::vector<Open> open(options_.streams.size());
  const auto close = [&](std::size_t stream) -> Result<void> {
    const Open row = std::exchange(open[stream], {});
    if (row.count == 0) return {};
    return insert(options_.streams[stream], row.count, row.text);
  };
  for (const auto& rollup : rollups) {
    const std::size_t stream = series_hash(rollup->track, rollup->chassis) % open.size();
    append_rollup_json(open[stream].text, *rollup, fields_);
    open[stream].text += '\n';
    if (++open[stream].count < options_.rollups_per_row) continue;
    if (auto done = close(stream); !done) return done;
  }
  for (std::size_t stream = 0; stream < open.size(); ++stream) {
    if (auto done = close(stream); !done) return done;
  }
  const std::map<std::string, Amount> written = changes_;
  for (const auto& [stream, amount] : written) {
    const auto limit = static_cast<std::int64_t>(options_.max_rollups);
    std::int64_t waiting = amount.rollups;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = waiting_.find(stream); found != waiting_.end()) {
        waiting += found->second.rollups;
      }
    }
    if (waiting <= limit) continue;
    if (auto done = trim(stream); !done) return done;
  }
  return {};
}

Result<void> Outbox::insert(const std::string& stream, std::uint64_t count,
                            const std::string& rollups) {
  insert_.bind(1, stream).bind(2, static_cast<std::int64_t>(count)).bind(3, rollups);
  if (auto done = insert_.run(); !done) return done;
  changes_[stream] += {1, static_cast<std::int64_t>(count)};
  return {};
}

/// By what the table says: the sender may have removed some meanwhile.
Result<void> Outbox::trim(const std::string& stream) {
  std::vector<std::pair<std::int64_t, std::int64_t>> rows;
  std::int64_t total = 0;
  sizes_.bind(1, stream);
  while (true) {
    const auto row = sizes_.step();
    if (!row || !*row) sizes_.reset();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    rows.emplace_back(sizes_.integer(0), sizes_.integer(1));
    total += sizes_.integer(1);
  }
  Amount gone;
  std::int64_t up_to = 0;
  for (const auto& [id, count] : rows) {
    if (total - gone.rollups <= static_cast<std::int64_t>(options_.max_rollups)) break;
    up_to = id;
    gone += {1, count};
  }
  if (gone.rows == 0) return {};
  trim_.bind(1, stream).bind(2, up_to);
  if (auto done = trim_.run(); !done) return done;
  changes_[stream] += {-gone.rows, -gone.rollups};
  dropped_ += static_cast<std::uint64_t>(gone.rollups);
  return {};
}

void Outbox::settle(bool is_committed) {
  const auto changes = std::exchange(changes_, {});
  const auto dropped = std::exchange(dropped_, 0);
  if (!is_committed) return;
  stats_.dropped.add(dropped);
  for (const auto& [stream, amount] : changes) note(stream, amount);
}

void Outbox::note(const std::string& stream, Amount more) {
  stats_.rows.add(more.rows);
  stats_.rollups.add(more.rollups);
  const std::lock_guard lock(mutex_);
  waiting_[stream] += more;
}

std::vector<std::string> Outbox::streams() const {
  std::vector<std::string> names;
  const std::lock_guard lock(mutex_);
  for (const auto& [stream, amount] : waiting_) {
    if (amount.rows > 0) names.push_back(stream);
  }
  return names;
}

Result<std::vector<OutboxRow>> Outbox::read(const std::string& stream, std::size_t max_bytes) {
  std::vector<OutboxRow> rows;
  std::optional<Error> failed;
  std::size_t bytes = 0;
  read_.bind(1, stream);
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

Result<void> Outbox::remove(const std::string& stream, std::uint64_t up_to) {
  Amount gone;
  remove_.bind(1, stream).bind(2, static_cast<std::int64_t>(up_to));
  while (true) {
    const auto row = damage_.watch(remove_.step());
    if (!row || !*row) remove_.reset();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    gone += {-1, -remove_.integer(0)};
  }
  note(stream, gone);
  return {};
}

}  // namespace slipstream
