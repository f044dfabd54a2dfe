#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "model/alert.h"
#include "model/lap.h"
#include "model/mark.h"
#include "model/partition_id.h"
#include "model/rollup.h"
#include "tracing/sampled_trace.h"

namespace slipstream {

/// A place in the log: how many entries (points and control entries) stand before it.
using LogOffset = std::uint64_t;

/// What an acknowledgement waits for.
enum class Durability : std::uint8_t {
  kReceived,    ///< checked and on its way to its windows
  kLogged,      ///< written to the log: survives the end of the process
  kFsynced,     ///< synced to the disk: survives the end of the machine
  kReplicated,  ///< on other machines too; refused where there can be none
};

/// An answer that was given to a body with an Idempotency-Key, to be given again.
struct AnsweredKey {
  static constexpr std::int64_t kKeptNs = 600 * kNsPerSecond;  ///< from its time on, at least
  static constexpr std::size_t kMostKept = 100'000;            ///< then the oldest go earlier

  std::string key;
  ArrivalTime time;
  std::uint16_t status = 200;
  std::string answer;
};

/// A partition's state at a place in the log: folding the log from there gives what it would have
/// given without an interruption.
struct PartitionState {
  PartitionId partition = {};
  LogOffset offset = 0;  ///< the first entry that is not folded
  /// The rollups that came of the entries before it are committed; nothing: not known, of a store
  /// that an older version wrote.
  std::optional<LogOffset> committed_offset = {};
  std::uint64_t sequence = 0;        ///< the newest rollup that is committed
  std::uint64_t begin_sequence = 0;  ///< its rollups begin behind this one
  /// The window set's own numbers, and with them the observers' states; empty before a checkpoint.
  std::string windows = {};
  std::vector<std::pair<std::uint32_t, std::string>> series = {};  ///< by number
};

/// What changed in a partition since the checkpoint before, to be committed with the rollups until
/// then. What is committed adds up to a PartitionState.
struct Checkpoint {
  std::string windows;    ///< as PartitionState's
  bool is_whole = false;  ///< series that are not in it are gone
  /// By number: what the completer and the window set know of the series, open windows included.
  std::vector<std::pair<std::uint32_t, std::string>> changed;
  std::vector<std::uint32_t> removed;  ///< forgotten, by number
};

/// Entries of a partition that ended its worker twice, and are left out of its windows.
struct DeadRange {
  PartitionId partition = {};
  LogOffset from = 0;
  LogOffset to = 0;  ///< behind the last
  std::string reason;
};

/// A mark, and its place in the log.
struct PlacedMark {
  std::optional<LogOffset> offset = {};  ///< none: the log is not kept, or is a stream
  MarkPtr mark = {};
  std::uint64_t sequence = 0;  ///< of a stream's partition: its number among the rollups; else 0
};

/// What came of the log up to a place: to be committed together, and only once the log is durable
/// up to there.
struct Output {
  std::optional<PartitionId> partition = {};  ///< none: it has keys alone
  LogOffset position = 0;                     ///< all the partition's entries before it are folded
  RollupBatch rollups = {};
  bool made_elsewhere = false;  ///< another instance made the rollups: it gives them to its outputs
  std::unique_ptr<Checkpoint> checkpoint = {};
  std::vector<AnsweredKey> keys = {};
  std::vector<DeadRange> dead = {};
  /// Of the embedded log by partition 0 alone: all have seen them. Of a stream by the partition
  /// that is to have them stored.
  std::vector<PlacedMark> marks = {};
  ToldLaps laps = {};
  /// Of no partition: learned from stored laps, by name; each takes the place of the one before.
  std::vector<std::pair<std::string, std::string>> track_lines = {};
  /// May come again after a restart: each is known by its id.
  std::vector<Alert> alerts = {};
  /// Of batches that were folded before it, and since the one before.
  std::vector<SampledTracePtr> sampled = {};

  std::size_t bytes() const;
  /// That the store gets of it: of rollups and of series.
  std::size_t rows() const;
};

/// Takes outputs in their partition's order.
/// Threads: every worker, and who appends to the log.
class OutputSink {
 public:
  virtual ~OutputSink() = default;
  /// False: no more for now. A partition then folds nothing until there is room.
  virtual bool has_room() const = 0;
  virtual void accept(Output output) = 0;
};

}  // namespace slipstream
