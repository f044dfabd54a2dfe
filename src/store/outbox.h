#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/counters.h"
#include "model/rollup.h"
#include "model/rollup_outbox.h"
#include "store/sqlite.h"
#include "store/store_damage.h"

namespace slipstream {

struct OutboxOptions {
  std::vector<std::string> streams = {};  ///< a rollup's is told by its series; none: no outbox
  std::size_t rollups_per_row = 100;
  std::uint64_t max_rollups = 200'000;  ///< a stream; then the oldest go
};

/// Any thread.
struct OutboxStats {
  Gauge rows;
  Gauge rollups;    ///< in those rows
  Counter dropped;  ///< rollups that gave way to newer ones
};

/// The outbox in the store's database: rows are written in the store's transactions, so that a
/// rollup is in it exactly where its partition's sequence number is committed; and removed over a
/// connection of its own. Threads: write() and settle() on the store's; the rest on one other.
class Outbox final : public RollupOutbox {
 public:
  /// `writer` commits and outlives this, as `damage` does; `path` is its file.
  static Result<std::unique_ptr<Outbox>> open(Database& writer, const std::string& path,
                                              OutboxOptions options, const FieldTable& fields,
                                              StoreDamage& damage);

  /// A part of a transaction that the caller has begun.
  Result<void> write(const RollupBatch& rollups);
  /// How that ended.
  void settle(bool is_committed);

  const std::string& writer() const override { return writer_; }
  std::vector<std::string> streams() const override;
  Result<std::vector<OutboxRow>> read(const std::string& stream, std::size_t max_bytes) override;
  Result<void> remove(const std::string& stream, std::uint64_t up_to) override;

  const OutboxStats& stats() const { return stats_; }

 private:
  /// What is or was in rows.
  struct Amount {
    std::int64_t rows = 0;
    std::int64_t rollups = 0;
    Amount& operator+=(const Amount& other) {
      rows += other.rows;
      rollups += other.rollups;
      return *this;
    }
  };
  Outbox(Database sender, OutboxOptions options, const FieldTable& fields, StoreDamage& damage)
      : options_(std::move(options)),
        fields_(fields),
        damage_(damage),
        sender_(std::move(sender)) {}
  Result<void> prepare(Database& writer);
  Result<void> insert(const std::string& stream, std::uint64_t count, const std::string& rollups);
  Result<void> trim(const std::string& stream);
  void note(const std::string& stream, Amount more);

  const OutboxOptions options_;
  const FieldTable& fields_;
  StoreDamage& damage_;  ///< what the sender meets; the store's thread tells itself
  std::string writer_;
  OutboxStats stats_;

  mutable std::mutex mutex_;  // guards waiting_
  std::map<std::string, Amount> waiting_;

  // The store's thread.
  Statement insert_;
  Statement sizes_;
  Statement trim_;
  std::map<std::string, Amount> changes_;  ///< of the transaction
  std::uint64_t dropped_ = 0;              ///< likewise

  // The sender's.
  Database sender_;
  Statement read_;
  Statement remove_;
};

}  // namespace slipstream
