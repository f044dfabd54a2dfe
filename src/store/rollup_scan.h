#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/tags.h"
#include "store/rollup_tables.h"

namespace slipstream {

/// Which rollups to find. Empty texts ask for any.
struct RollupScanFilter {
  std::string window = {};
  std::string track = {};
  std::string chassis = {};
  TagFilter tags = {};
  std::optional<std::int32_t> lap = {};
  RollupPlace low = {RollupPlace::kLeast, RollupPlace::kLeast};  ///< both inclusive
  RollupPlace high = {RollupPlace::kGreatest, RollupPlace::kGreatest};
  std::int64_t newest = RollupPlace::kGreatest;  ///< rows behind it do not come
  bool newest_first = true;
  std::size_t expected = 100;  ///< how many will be taken, about
};

/// Rollups in the order of event time. Machine and tags are looked up among the series' names, and
/// then each (series, window) is read from the index that has its rollups in this order, a few at a
/// time, and all are merged; with a lap, from the index that has them by lap, which also tells the
/// series that have such a lap. Where those are too many, each window is read, and what is of
/// another series or lap is left out. Rows that are not packed yet are one more of what is merged.
/// Within one transaction of the tables' connection, and no longer; one scan at a time of the same
/// tables; one thread.
class RollupScan {
 public:
  static Result<RollupScan> begin(RollupTables& tables, RollupScanFilter filter);

  /// Nothing: that was all.
  Result<std::optional<RollupPlace>> next();

 private:
  /// What is read from one index in its order.
  struct Run {
    std::int64_t window = 0;
    std::int64_t series = 0;
    bool is_packed = true;
    std::optional<RollupPlace> from = {};  ///< where to go on behind; none: at the beginning
    bool is_over = false;
    std::size_t piece = 0;                ///< that is read next
    std::vector<RollupPlace> ready = {};  ///< the next one last
  };

  RollupScan(RollupTables& tables, RollupScanFilter filter)
      : tables_(&tables), filter_(std::move(filter)) {}
  Result<void> begin_packed();
  Result<void> begin_unpacked();
  /// A run for each series that has the lap in a window; `picks`: of those that are asked for.
  /// False: there are too many.
  Result<bool> add_runs_with_lap(std::int64_t window, bool picks);
  std::string bounds() const;
  Result<void> fill(Run& run);
  void push(std::size_t run);
  /// For the heap: of two runs, whether the first one's next comes later.
  auto is_later() const {
    return [this](std::size_t a, std::size_t b) {
      const bool is_less = runs_[a].ready.back() < runs_[b].ready.back();
      return filter_.newest_first ? is_less : !is_less;
    };
  }

  RollupTables* tables_;
  RollupScanFilter filter_;
  std::vector<std::int64_t> series_;  ///< that are asked for, sorted
  bool picks_series_ = false;         ///< while windows are read: others are left out
  Statement* packed_ = nullptr;       ///< the tables' own
  Statement* unpacked_ = nullptr;     ///< likewise
  std::vector<Run> runs_;
  std::vector<std::size_t> heap_;  ///< of runs that have something ready
};

}  // namespace slipstream
