#include "store/outbox.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "base/check.h"
#include "codec/alert_json.h"
#include "codec/rollup_json.h"
#include "model/outbox_alert.h"
#include "model/outputs.h"
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

bool gets(const RollupDestination& destination, const Rollup& rollup) {
  const bool is_of_cluster = rollup.partition.is_of_stream();
  return (!is_of_cluster || destination.of_cluster) &&
         std::ranges::find(destination.windows, rollup.window) != destination.windows.end();
}

}  // namespace

Result<std::unique_ptr<Outbox>> Outbox::open(Database& writer, const std::string& path,
                                             std::vector<RollupDestination> destinations,
                                             const FieldTable& fields, StoreDamage& damage) {
  auto name = name_of_writer(writer);
  if (!name) return std::unexpected(name.error());
  std::unique_ptr<Outbox> outbox(new Outbox(fields));
  for (RollupDestination& destination : destinations) {
    CHECK(!destination.shards.empty(), "every rollup has a shard that it goes to");
    if (outbox->of(destination.name) != nullptr) {
      return fail(fmt::format("two destinations are called \"{}\"", destination.name),
                  ErrorCode::kRefused);
    }
    auto opened = OutboxDestination::open(path, std::move(destination), *name, damage);
    if (!opened) return std::unexpected(opened.error());
    outbox->writings_.push_back({.destination = std::move(*opened)});
  }
  auto ready = outbox->prepare(writer);
  if (ready) ready = outbox->count_waiting(writer);
  if (!ready) return std::unexpected(ready.error());
  return outbox;
}

Result<void> Outbox::prepare(Database& writer) {
  const std::pair<Statement*, std::string_view> statements[] = {
      {&insert_, "INSERT INTO outbox (destination, shard, count, rollups) VALUES (?1, ?2, ?3, ?4)"},
      {&sizes_, "SELECT id, count FROM outbox WHERE destination = ?1 AND shard = ?2 ORDER BY id"},
      {&trim_, "DELETE FROM outbox WHERE destination = ?1 AND shard = ?2 AND id <= ?3"}};
  for (const auto& [statement, sql] : statements) {
    auto prepared = writer.prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return {};
}

Result<void> Outbox::count_waiting(Database& writer) {
  auto sums = writer.prepare(
      "SELECT destination, shard, count(*), sum(count) FROM outbox GROUP BY destination, shard");
  if (!sums) return std::unexpected(sums.error());
  while (true) {
    const auto row = sums->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    const auto found = std::ranges::find(writings_, sums->text(0), [](const Writing& writing) {
      return std::string_view(writing.destination->options().name);
    });
    if (found == writings_.end()) continue;
    found->destination->note(std::string(sums->text(1)), {sums->integer(2), sums->integer(3)});
  }
}

bool Outbox::wants(const Rollup& rollup) const {
  return std::ranges::any_of(writings_, [&](const Writing& writing) {
    return gets(writing.destination->options(), rollup);
  });
}

RollupOutbox* Outbox::of(std::string_view destination) const {
  for (const Writing& writing : writings_) {
    if (writing.destination->options().name == destination) return writing.destination.get();
  }
  return nullptr;
}

Result<void> Outbox::write(const RollupBatch& rollups) {
  std::vector<std::vector<OpenRow>> open;
  for (const Writing& to : writings_) {
    CHECK(to.changes.empty() && to.dropped == 0, "a transaction is settled before the next one");
    open.emplace_back(to.destination->options().shards.size());
  }
  std::string text;
  for (const auto& rollup : rollups) {
    const RollupSelection* written = nullptr;
    for (std::size_t d = 0; d < writings_.size(); ++d) {
      const RollupDestination& destination = writings_[d].destination->options();
      if (!gets(destination, *rollup)) continue;
      if (written == nullptr || *written != destination.selection) {
        written = &destination.selection;
        text.clear();
        append_rollup_json(text, *rollup, fields_, *written);
        text += '\n';
      }
      const std::size_t shard = series_hash(rollup->track, rollup->chassis) % open[d].size();
      OpenRow& row = open[d][shard];
      row.text += text;
      if (++row.count <
          std::min<std::uint64_t>(destination.rollups_per_row, destination.max_rollups))
        continue;
      auto done = insert(writings_[d], destination.shards[shard], std::exchange(row, {}));
      if (!done) return done;
    }
  }
  for (std::size_t d = 0; d < writings_.size(); ++d) {
    for (std::size_t shard = 0; shard < open[d].size(); ++shard) {
      if (open[d][shard].count == 0) continue;
      auto done =
          insert(writings_[d], writings_[d].destination->options().shards[shard], open[d][shard]);
      if (!done) return done;
    }
    if (auto done = trim_what_is_too_much(writings_[d]); !done) return done;
  }
  return {};
}

Result<void> Outbox::write_alerts(const std::vector<Alert>& alerts, ArrivalTime now) {
  std::string body;
  for (Writing& to : writings_) {
    const auto& wanted = to.destination->options().alerts;
    if (!wanted) continue;
    for (const Alert& alert : alerts) {
      if (!wanted->empty() && std::ranges::find(*wanted, alert.name) == wanted->end()) continue;
      body.clear();
      append_alert_json(body, alert);
      const std::string id = fmt::format("{}-{}", alert.id, alert.is_raised ? "raised" : "cleared");
      auto done =
          insert(to, alert.name,
                 {.text = outbox_row_of({.id = id, .queued = now, .body = body}), .count = 1});
      if (!done) return done;
    }
    if (auto done = trim_what_is_too_much(to); !done) return done;
  }
  return {};
}

Result<void> Outbox::insert(Writing& to, const std::string& shard, const OpenRow& row) {
  insert_.bind(1, to.destination->options().name)
      .bind(2, shard)
      .bind(3, static_cast<std::int64_t>(row.count))
      .bind(4, row.text);
  if (auto done = insert_.run(); !done) return done;
  to.changes[shard] += {1, static_cast<std::int64_t>(row.count)};
  return {};
}

Result<void> Outbox::trim_what_is_too_much(Writing& of) {
  const auto limit = static_cast<std::int64_t>(of.destination->options().max_rollups);
  const std::map<std::string, OutboxAmount> written = of.changes;
  for (const auto& [shard, amount] : written) {
    if (amount.rollups + of.destination->waiting(shard).rollups <= limit) continue;
    if (auto done = trim(of, shard); !done) return done;
  }
  return {};
}

/// By what the table says: the sender may have removed some meanwhile.
Result<void> Outbox::trim(Writing& of, const std::string& shard) {
  const RollupDestination& options = of.destination->options();
  std::vector<std::pair<std::int64_t, std::int64_t>> rows;
  std::int64_t total = 0;
  sizes_.bind(1, options.name).bind(2, shard);
  while (true) {
    const auto row = sizes_.step();
    if (!row || !*row) sizes_.reset();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    rows.emplace_back(sizes_.integer(0), sizes_.integer(1));
    total += sizes_.integer(1);
  }
  OutboxAmount gone;
  std::int64_t up_to = 0;
  // The newest row stays: a limit below what one transaction brings must not let all go.
  if (!rows.empty()) rows.pop_back();
  for (const auto& [id, count] : rows) {
    if (total - gone.rollups <= static_cast<std::int64_t>(options.max_rollups)) break;
    up_to = id;
    gone += {1, count};
  }
  if (gone.rows == 0) return {};
  trim_.bind(1, options.name).bind(2, shard).bind(3, up_to);
  if (auto done = trim_.run(); !done) return done;
  of.changes[shard] += {-gone.rows, -gone.rollups};
  of.dropped += static_cast<std::uint64_t>(gone.rollups);
  return {};
}

void Outbox::settle(bool is_committed) {
  for (Writing& writing : writings_) {
    const auto changes = std::exchange(writing.changes, {});
    const auto dropped = std::exchange(writing.dropped, 0);
    if (!is_committed) continue;
    writing.destination->note_dropped(dropped);
    for (const auto& [shard, amount] : changes) writing.destination->note(shard, amount);
  }
}

}  // namespace slipstream
