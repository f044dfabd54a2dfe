#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cluster/partition_feed.h"
#include "model/schema.h"
#include "simulation/memory_log.h"
#include "simulation/points.h"

namespace slipstream::simulation {

/// The independent account of a cluster: what was written to its logs on the one side, what its
/// owners committed on the other.
class ClusterLedger {
 public:
  explicit ClusterLedger(const FieldTable& fields) : fields_(fields) {}

  /// A commit became permanent. Throws Violation where the number of a rollup or a mark does not
  /// follow the one before, or one of which there may be one only comes again.
  void committed(std::uint32_t partition, const PartitionCommit& commit, bool is_of_another_layout);
  /// Windows do not know all places of their machines after it: an entry was let go that threw
  /// twice by chance.
  static bool has_innocent_dead(const PartitionCommit& commit);
  /// All wall clocks are set: idle windows may close too early once, also of machines whose points
  /// waited to be read then.
  void clock_was_set(SteadyTime now) {
    ++epoch_;
    clock_set_at_ = now;
  }
  /// Points of this entry were written.
  void written(const MemoryEntry& entry);
  /// All that was written is folded, and every window is closed: everything came out, once.
  void check_all_out(const MemoryLog& log);
  /// Likewise: `order` is what an observer of this partition was told of since its beginning.
  void check_order(std::uint32_t partition, const MemoryLog& log, std::uint64_t order);
  /// Of all logs, after that.
  void compare();

  std::uint64_t points() const { return points_; }
  std::uint64_t points_dead() const { return points_dead_; }
  std::uint64_t rollups() const { return rollups_; }
  std::uint64_t marks() const { return marks_.size(); }

 private:
  /// A machine's stay in a sector: one window, unless something else closes it.
  using Visit = std::tuple<std::string, std::int32_t, std::int32_t>;
  struct Stay {
    std::uint64_t epoch = 0;   ///< as of its first point; kExcused: it may have any number
    std::uint64_t closed = 0;  ///< windows of it
  };

  static constexpr std::uint64_t kExcused = 0;
  static constexpr std::int64_t kClockSettlesNs = 60 * kNsPerSecond;

  void pass(const Rollup& rollup);
  void follow(std::uint32_t partition, std::uint64_t number);
  void pass(const PlacedMark& placed);
  static std::set<EntryPosition> buried(const MemoryLog& log);

  /// What an observer with a state was told of; it begins anew with other definitions.
  struct Observed {
    std::uint64_t order = 0;
    std::uint64_t layouts = 0;
  };

  const FieldTable& fields_;
  std::map<std::uint32_t, std::uint64_t> newest_;  ///< rollup, by partition
  std::set<std::string> ids_;
  std::set<std::string> marks_;      ///< that came out
  std::set<std::string> marks_due_;  ///< that went in, as of the last check
  std::map<std::uint32_t, Observed> observed_;
  std::map<Visit, Stay> stays_;
  std::map<std::uint32_t, std::size_t> dead_seen_;
  Table out_;
  Table expected_;
  SteadyTime clock_set_at_ = kNever;
  std::uint64_t epoch_ = 1;  ///< begins with what may close windows in the middle of a stay
  std::uint64_t points_ = 0;
  std::uint64_t points_dead_ = 0;
  std::uint64_t rollups_ = 0;
};

/// What a fold throws that would work the next time.
inline constexpr const char* kPassingFault = "a passing fault";

/// The windows of which a machine that sends all the time has one in each sector.
inline constexpr const char* kVisit = "visit";

}  // namespace slipstream::simulation
