#include "store/checkpoint_tables.h"

#include <fmt/format.h>

#include <utility>

namespace slipstream {
namespace {

/// Calls `take` for each row.
template <typename Take>
Result<void> each_row(Database& database, std::string_view sql, Take take) {
  auto statement = database.prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  return slipstream::each_row(*statement, take);
}

}  // namespace

Result<CheckpointTables> CheckpointTables::prepare(Database& database) {
  CheckpointTables tables;
  auto prepared = prepare_all(
      database,
      {{&tables.set_newest_,
        "INSERT INTO partitions VALUES (?1, 0, ?2, 0, x'', ?3) ON CONFLICT DO UPDATE SET "
        "sequence = max(sequence, ?2), committed_offset = max(committed_offset, ?3)"},
       {&tables.set_stream_sequence_,
        "INSERT INTO stream_partitions VALUES (?1, ?2) "
        "ON CONFLICT DO UPDATE SET sequence = max(sequence, ?2)"},
       {&tables.set_checkpoint_,
        "INSERT INTO partitions VALUES (?1, ?2, 0, 0, ?3, 0) "
        "ON CONFLICT DO UPDATE SET log_offset = ?2, windows = ?3"},
       {&tables.put_series_, "INSERT OR REPLACE INTO open_series VALUES (?1, ?2, ?3)"},
       {&tables.remove_series_, "DELETE FROM open_series WHERE partition = ?1 AND number = ?2"},
       {&tables.remove_all_series_, "DELETE FROM open_series WHERE partition = ?1"},
       {&tables.put_key_, "INSERT OR IGNORE INTO idempotency_keys VALUES (?1, ?2, ?3, ?4)"},
       {&tables.put_dead_, "INSERT OR IGNORE INTO dead_letters VALUES (?1, ?2, ?3, ?4)"}});
  if (!prepared) return std::unexpected(prepared.error());
  return tables;
}

Result<void> CheckpointTables::write(const Commit& commit, Counter& rows) {
  for (const auto& [partition, at] : commit.checkpoints) {
    if (auto done = write_checkpoint(partition, at, rows); !done) return done;
  }
  for (const auto& [partition, newest] : commit.newest) {
    set_newest_.bind(1, partition.to_number())
        .bind(2, signed_of(newest.sequence))
        .bind(3, signed_of(newest.position));
    if (auto done = set_newest_.run(); !done) return done;
  }
  for (const auto& [partition, sequence] : commit.stream_sequences) {
    set_stream_sequence_.bind(1, partition.to_number()).bind(2, signed_of(sequence));
    if (auto done = set_stream_sequence_.run(); !done) return done;
  }
  for (const auto& key : commit.keys) {
    put_key_.bind(1, key.key).bind(2, key.time.ns).bind(3, key.status).bind(4, key.answer);
    if (auto done = put_key_.run(); !done) return done;
  }
  for (const auto& dead : commit.dead) {
    put_dead_.bind(1, signed_of(dead.from))
        .bind(2, signed_of(dead.to))
        .bind(3, dead.partition.to_number());
    put_dead_.bind(4, dead.reason);
    if (auto done = put_dead_.run(); !done) return done;
  }
  return {};
}

Result<void> CheckpointTables::write_checkpoint(PartitionId id, const Commit::At& at,
                                                Counter& rows) {
  const std::uint32_t partition = id.to_number();
  if (at.checkpoint->is_whole) {
    remove_all_series_.bind(1, partition);
    if (auto done = remove_all_series_.run(); !done) return done;
  }
  // Removed first: a number that was given up may have been given to another series since.
  for (const std::uint32_t number : at.checkpoint->removed) {
    remove_series_.bind(1, partition).bind(2, number);
    if (auto done = remove_series_.run(); !done) return done;
  }
  for (const auto& [number, state] : at.checkpoint->changed) {
    put_series_.bind(1, partition).bind(2, number).bind_blob(3, state.data(), state.size());
    if (auto done = put_series_.run(); !done) return done;
    rows.add();
  }
  const std::string& windows = at.checkpoint->windows;
  set_checkpoint_.bind(1, partition).bind(2, signed_of(at.position));
  set_checkpoint_.bind_blob(3, windows.data(), windows.size());
  return set_checkpoint_.run();
}

Result<std::optional<PartitionState>> CheckpointTables::load_partition(Database& database,
                                                                       PartitionId partition) {
  const std::string where = " WHERE partition = " + std::to_string(partition.to_number());
  std::optional<PartitionState> state;
  if (auto done = each_row(
          database,
          "SELECT log_offset, sequence, windows, begin_sequence, committed_offset FROM partitions" +
              where,
          [&](const Statement& row) {
            state = PartitionState{
                .partition = partition,
                .offset = static_cast<LogOffset>(row.integer(0)),
                .committed_offset = row.integer(4) < 0
                                        ? std::nullopt
                                        : std::optional(static_cast<LogOffset>(row.integer(4))),
                .sequence = static_cast<std::uint64_t>(row.integer(1)),
                .begin_sequence = static_cast<std::uint64_t>(row.integer(3)),
                .windows = std::string(row.blob(2)),
                .series = {}};
          });
      !done) {
    return std::unexpected(done.error());
  }
  if (!state) return state;
  if (auto done =
          each_row(database, "SELECT number, state FROM open_series" + where + " ORDER BY number",
                   [&](const Statement& row) {
                     state->series.emplace_back(static_cast<std::uint32_t>(row.integer(0)),
                                                std::string(row.blob(1)));
                   });
      !done) {
    return std::unexpected(done.error());
  }
  return state;
}

Result<StoredState> CheckpointTables::load(Database& database) {
  StoredState state;
  std::vector<PartitionId> partitions;
  auto done = each_row(database, "SELECT text FROM layout",
                       [&](const Statement& row) { state.layout = std::string(row.text(0)); });
  if (done) {
    done = each_row(database, "SELECT partition FROM partitions ORDER BY partition",
                    [&](const Statement& row) {
                      partitions.push_back(
                          PartitionId::from_number(static_cast<std::uint32_t>(row.integer(0))));
                    });
  }
  if (done) {
    done = each_row(database, "SELECT partition, sequence FROM stream_partitions",
                    [&](const Statement& row) {
                      state.stream_sequences[PartitionId::from_number(static_cast<std::uint32_t>(
                          row.integer(0)))] = static_cast<std::uint64_t>(row.integer(1));
                    });
  }
  if (done) {
    done = each_row(database,
                    "SELECT key, time_ns, status, answer FROM idempotency_keys ORDER BY time_ns",
                    [&](const Statement& row) {
                      state.keys.push_back({std::string(row.text(0)),
                                            {row.integer(1)},
                                            static_cast<std::uint16_t>(row.integer(2)),
                                            std::string(row.text(3))});
                    });
  }
  if (done) {
    done = each_row(database, "SELECT log_offset, log_end, partition, reason FROM dead_letters",
                    [&](const Statement& row) {
                      state.dead.push_back(
                          {PartitionId::from_number(static_cast<std::uint32_t>(row.integer(2))),
                           static_cast<LogOffset>(row.integer(0)),
                           static_cast<LogOffset>(row.integer(1)), std::string(row.text(3))});
                    });
  }
  if (!done) return std::unexpected(done.error());
  for (const PartitionId partition : partitions) {
    if (partition.is_of_stream()) {
      return fail(fmt::format("there is no partition {} of the log", partition.to_number()),
                  ErrorCode::kCorrupt);
    }
    auto loaded = load_partition(database, partition);
    if (!loaded) return std::unexpected(loaded.error());
    if (*loaded) state.partitions.push_back(std::move(**loaded));
  }
  return state;
}

Result<void> CheckpointTables::start_layout(Database& database, const std::string& layout,
                                            std::uint32_t partitions, LogOffset offset,
                                            std::uint64_t sequence) {
  if (auto done = database.execute("DELETE FROM open_series; DELETE FROM partitions"); !done) {
    return done;
  }
  auto set_layout = database.prepare("INSERT OR REPLACE INTO layout VALUES (0, ?1)");
  if (!set_layout) return std::unexpected(set_layout.error());
  set_layout->bind(1, layout);
  if (auto done = set_layout->run(); !done) return done;
  auto add = database.prepare("INSERT INTO partitions VALUES (?1, ?2, ?3, ?3, x'', ?2)");
  if (!add) return std::unexpected(add.error());
  for (std::uint32_t p = 0; p < partitions; ++p) {
    add->bind(1, p).bind(2, signed_of(offset)).bind(3, signed_of(sequence));
    if (auto done = add->run(); !done) return done;
  }
  return {};
}

}  // namespace slipstream
