#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "log/log.h"
#include "model/schema.h"
#include "model/sinks.h"
#include "simulation/points.h"
#include "store/sqlite.h"
#include "window/definition.h"

namespace slipstream::simulation {

inline constexpr std::size_t kCars = 8;  ///< machines

/// What every life of the server under one configuration has in common.
struct Layout {
  std::vector<WindowDefinition> windows;
  std::uint32_t partitions = 1;
  std::size_t max_series = 0;
};

/// Points that the server took: a batch, or a body.
struct Taken {
  enum class Fate { kOpen, kSafe, kGone };

  std::shared_ptr<const Layout> layout;
  LogOffset entries_from = 0;  ///< of its key, where it has one
  LogOffset from = 0;          ///< of its points
  LogOffset to = 0;
  std::vector<SimPoint> points;  ///< by offset
  bool acked_logged = false;
  bool acked_synced = false;
  bool key_lost = false;
  Fate fate = Fate::kOpen;
};
using TakenPtr = std::shared_ptr<Taken>;

/// The independent account: what was offered and taken on the one side, what came out on the other.
/// It outlives every crash, as clients and consumers do.
class Ledger final : public RollupSink {
 public:
  /// What was passed on must be in `database` by then.
  explicit Ledger(std::string database_path) : path_(std::move(database_path)) {}

  /// A life begins, with its own numbers of fields.
  void begin_life(const FieldTable& fields) { fields_ = &fields; }
  /// Rollups of all partitions go on behind the newest of all.
  void layout_changed() { layout_base_ = newest_sequence_; }
  void take(TakenPtr taken) { taken_.push_back(std::move(taken)); }
  void accept(const RollupBatch& rollups, std::span<const RollupRow> rows) override;

  /// The server is dead; the log was synced up to `synced`. `machine`: so is the machine.
  void crashed(LogOffset synced, bool machine, bool log_failing);
  /// A sync failed in a start that failed: it may have lost what was written and not synced.
  void sync_failed_in_start() { log_failed_ = true; }
  /// It lives again, and its log holds these entries of points from `doubtful_from()` on.
  void settle(const std::map<LogOffset, std::pair<std::uint32_t, std::uint32_t>>& weights);
  std::optional<LogOffset> doubtful_from() const { return doubtful_from_; }
  /// The server is dead, and somebody spoils its log.
  void damaged() { is_damaged_ = true; }
  bool is_damaged() const { return is_damaged_; }
  /// All of it: nothing is left but these states.
  void log_is_gone(const std::vector<PartitionState>& states);
  /// A server begins with these states. After damage it gives other rollups the numbers of those
  /// that it passed on without writing their numbers down.
  void begin_with(const std::vector<PartitionState>& states);
  /// What the server said it lost when it began with these states; points before their partition's
  /// checkpoint are folded already.
  void lost(const std::vector<LostRange>& ranges, const std::vector<PartitionState>& states);

  /// Every stored rollup is in the store, as passed on; nothing else is.
  void check_store();
  /// After a clean stop: everything that was taken came out, once.
  void check_all_out(const std::vector<DeadRange>& dead);

  /// The number of the newest rollup that the partition passed on.
  std::uint64_t newest(std::uint32_t partition) const {
    const auto found = sequences_.find(partition);
    return std::max(layout_base_, found == sequences_.end() ? 0 : found->second);
  }
  std::uint64_t points_taken() const { return points_taken_; }
  std::uint64_t points_lost() const { return points_lost_; }
  std::uint64_t points_blurred() const { return points_blurred_; }
  std::uint64_t points_dead() const { return points_dead_; }
  std::uint64_t rollups() const { return rollups_; }

 private:
  struct Passed {
    std::uint32_t partition = 0;
    std::uint64_t sequence = 0;
    Figures figures;
    bool stored = false;
  };

  void pass(const Rollup& rollup);
  Figures figures_of(const Rollup& rollup) const;
  /// Since a part of the log is lost: what is not stored may come again as it came before.
  bool came_before(const Rollup& rollup, const std::string& id) const;
  /// Machines that sent points out of order beside damage: their places end elsewhere than the
  /// first time.
  std::set<std::string> find_wandering();
  Database& database();

  const std::string path_;
  std::optional<Database> database_;
  std::int64_t last_row_ = 0;
  std::uint64_t rows_ = 0;
  std::uint64_t stored_ = 0;

  const FieldTable* fields_ = nullptr;
  std::vector<TakenPtr> taken_;                             ///< in the order of the log
  std::map<std::string, std::uint64_t> newest_of_machine_;  ///< number of a point before `taken_`
  std::optional<LogOffset> doubtful_from_;
  bool machine_died_ = false;
  bool log_failed_ = false;
  bool is_damaged_ = false;                      ///< since the last audit
  std::set<std::uint32_t> unseen_since_damage_;  ///< partitions, after the audit that followed it
  std::set<std::uint32_t> unwritten_;  ///< partitions that passed on more than they wrote down

  std::map<std::string, Passed> passed_;              ///< by window_id
  std::map<std::uint32_t, std::uint64_t> sequences_;  ///< newest, by partition
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::string> unstored_;  ///< their ids
  std::uint64_t newest_sequence_ = 0;
  std::uint64_t layout_base_ = 0;
  Table out_;

  std::uint64_t points_taken_ = 0;
  std::uint64_t points_lost_ = 0;
  std::uint64_t points_blurred_ = 0;
  std::uint64_t points_dead_ = 0;
  std::uint64_t rollups_ = 0;
};

}  // namespace slipstream::simulation
