#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "model/rollup.h"
#include "model/schema.h"
#include "model/stored_rollups.h"
#include "store/packed_stats.h"
#include "store/rollup_names.h"
#include "store/sqlite.h"

namespace slipstream {

/// Writes rollups into `packed_rollups`, each once, and packs those that an older version wrote. A
/// part of transactions that the caller begins and ends. One thread.
class RollupInserter {
 public:
  /// `writer` and `fields` outlive this.
  static Result<RollupInserter> prepare(Database& writer, const FieldTable& fields);

  /// Its row; 0: it is there already, by its window_id, or in one of those that it may repeat.
  Result<RollupRow> put(const Rollup& rollup);
  /// Whether it is there already, likewise.
  Result<bool> has(const Rollup& rollup);

  bool has_unpacked() const { return has_unpacked_; }
  /// Packs so many of the oldest rows that are not, each under its number, and removes the table
  /// when there are none left; returns how many.
  Result<std::size_t> pack_some(std::int64_t rows);
  /// The transaction was rolled back.
  Result<void> forget();

 private:
  struct Row {
    std::int64_t id = 0;  ///< 0: the next one
    std::string_view window, window_id, track, chassis, tags;
    std::int64_t lap = 0, sector = 0, count = 0, first_ns = 0, last_ns = 0;
    std::int64_t partition = 0, sequence = 0, late = 0;
    std::string_view stats;  ///< a JSON object
  };

  RollupInserter(Database& writer, const FieldTable& fields) : writer_(&writer), fields_(&fields) {}
  Result<void> prepare_unpacked();
  Result<bool> has_window_id(std::string_view window_id);
  Result<bool> may_be_in(const Rollup& rollup, const SequenceRange& those);
  Result<void> insert(const Row& row);
  Result<void> end_unpacked();

  Database* writer_;
  const FieldTable* fields_;
  std::unique_ptr<RollupNumbers> numbers_;
  Statement insert_;
  Statement find_id_, find_id_unpacked_;
  Statement find_out_, find_out_unpacked_;
  Statement next_row_;
  Statement oldest_unpacked_, remove_unpacked_;
  bool has_unpacked_ = false;
  StatsMatrix matrix_;
};

}  // namespace slipstream
