#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "model/rollup_outbox.h"
#include "store/sqlite.h"
#include "store/store_damage.h"

namespace slipstream {

/// What is or was in rows of the outbox.
struct OutboxAmount {
  std::int64_t rows = 0;
  std::int64_t rollups = 0;
  OutboxAmount& operator+=(const OutboxAmount& other) {
    rows += other.rows;
    rollups += other.rollups;
    return *this;
  }
};

/// One destination's rows in the outbox, read and removed over a connection of its own; and how
/// many there are, which is told by whoever writes them. Threads: note(), waiting() and options()
/// any; the rest as RollupOutbox says.
class OutboxDestination final : public RollupOutbox {
 public:
  /// `path` is the store's file; `damage` outlives this. Nothing waits until note() says so.
  static Result<std::unique_ptr<OutboxDestination>> open(const std::string& path,
                                                         RollupDestination options,
                                                         std::string writer, StoreDamage& damage);

  const RollupDestination& options() const { return options_; }
  /// So many rows more (or fewer) wait for the shard.
  void note(const std::string& shard, OutboxAmount more);
  /// So many rollups gave way to newer ones.
  void note_dropped(std::uint64_t rollups) { stats_.dropped.add(rollups); }
  /// For the shard.
  OutboxAmount waiting(const std::string& shard) const;

  const std::string& writer() const override { return writer_; }
  std::vector<std::string> shards() const override;
  Result<std::vector<OutboxRow>> read(const std::string& shard, std::size_t max_bytes) override;
  Result<void> remove(const std::string& shard, std::uint64_t up_to) override;
  const OutboxStats& stats() const override { return stats_; }

 private:
  OutboxDestination(Database database, RollupDestination options, std::string writer,
                    StoreDamage& damage)
      : options_(std::move(options)),
        writer_(std::move(writer)),
        damage_(damage),
        database_(std::move(database)) {}

  const RollupDestination options_;
  const std::string writer_;
  StoreDamage& damage_;
  OutboxStats stats_;

  mutable std::mutex mutex_;  // guards waiting_
  std::map<std::string, OutboxAmount> waiting_;

  Database database_;
  Statement read_;
  Statement remove_;
};

}  // namespace slipstream
