// What a partition and the store make of a log of which parts are lost, again and again: while they
// run, between their lives, and in the midst of what is folded again.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <stdlib.h>

#include <bit>
#include <deque>
#include <map>
#include <tuple>

#include "pipeline/partition.h"
#include "store/schema_sql.h"
#include "store/sqlite.h"
#include "store/store_writer.h"

namespace slipstream {
namespace {

constexpr std::int64_t kBeginNs = 1'757'000'000 * kNsPerSecond;
constexpr int kMachines = 4;
constexpr unsigned kWeights = 40;  // more than any window has points

struct Reading {
  std::string chassis;
  std::int16_t lap = 0;
  std::int32_t sector = 0;
  std::int64_t event_ns = 0;
  std::int64_t arrival_ns = 0;
  double weight = 0;  ///< a power of two, another one than any other's of its windows
};

struct Entry {
  Work::Kind kind = Work::Kind::kPoints;
  LogOffset offset = 0;
  ArrivalTime time = {};
  std::vector<Reading> readings = {};  ///< of points
  bool lost = false;

  std::uint64_t count() const { return kind == Work::Kind::kPoints ? readings.size() : 1; }
  LogOffset end() const { return offset + count(); }
};

std::vector<WindowDefinition> definitions() {
  auto windows = default_windows();
  windows.erase(windows.begin());  // windows that end by their number of points are not exact
  windows[0].idle_ms = 2'000;
  WindowDefinition laps;
  laps.name = "laps";
  laps.key_lap = true;
  laps.idle_ms = 1'000;
  laps.stored = true;
  windows.push_back(laps);
  return windows;
}

/// Window, chassis, lap, sector, second.
using Place = std::tuple<std::string, std::string, std::int64_t, std::int64_t, std::int64_t>;

Place place_of(const std::string& window, const std::string& chassis, std::int64_t lap,
               std::int64_t sector, std::int64_t event_ns) {
  if (window == "second") return {window, chassis, 0, 0, event_ns / kNsPerSecond};
  return {window, chassis, lap, window == "sector" ? sector : 0, 0};
}

class Gaps final : public OutputSink, public AcceptedSink {
 public:
  /// Where parts of the log are lost, which rollups may repeat others is told by their times: that
  /// is exact only for clocks that are right.
  enum class Trouble : std::uint8_t { kLostParts, kWrongClocks };

  explicit Gaps(Trouble trouble) : trouble_(trouble) {
    std::string name =
        (std::filesystem::is_directory("/dev/shm") ? std::filesystem::path("/dev/shm")
                                                   : std::filesystem::temp_directory_path()) /
        "slipstream-gaps-XXXXXX";
    RC_ASSERT(mkdtemp(name.data()) != nullptr);
    folder_ = name;
    auto store = RollupStore::open(folder_, {}, schema_.fields());
    RC_ASSERT(store.has_value());
    store_ = std::move(*store);
    weight_ = *schema_.fields().intern("weight");
    begin();
  }
  ~Gaps() override {
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Gaps(const Gaps&) = delete;
  Gaps& operator=(const Gaps&) = delete;

  bool has_room() const override { return true; }
  void accept(Output output) override {
    note("    {} rollups{} at {}", output.rollups.size(),
         output.checkpoint ? " and a checkpoint" : "", output.position);
    outputs_.push_back(std::move(output));
  }
  void accept(PointBatchPtr) override {}

  void step() {
    const int what = *rc::gen::inRange(0, 100);
    if (what < 58) return points();
    if (what < 68) return append({.kind = Work::Kind::kTick, .time = clock_.now()});
    if (what < 74) return clock_.advance(*rc::gen::element(500, 1'100, 3'000) * kNsPerMs);
    if (what < 80) return partition_->checkpoint();
    if (what < 88) return commit(*rc::gen::inRange<std::size_t>(0, 5));
    if (what < 91) return lose();
    if (what < 94) return void(fail());
    if (what < 99) return begin();
    stop();
  }

  /// All points are in one rollup of each window, but for those that are lost: in one at most.
  void check() {
    stop();
    std::map<Place, std::uint64_t> certain;
    std::map<Place, std::uint64_t> possible;
    for (const Entry& entry : entries_) {
      for (const Reading& r : entry.readings) {
        for (const auto& window : definitions()) {
          const auto place = place_of(window.name, r.chassis, r.lap, r.sector, r.event_ns);
          possible[place] |= static_cast<std::uint64_t>(r.weight);
          certain[place] |= entry.lost ? 0 : static_cast<std::uint64_t>(r.weight);
        }
      }
    }
    const auto out = stored();
    for (const auto& [place, sums] : out) RC_ASSERT(possible.contains(place));
    for (const auto& [place, weights] : certain) {
      std::uint64_t sum = 0;
      std::uint64_t count = 0;
      if (const auto found = out.find(place); found != out.end()) {
        std::tie(sum, count) = found->second;
      }
      const auto& [window, chassis, lap, sector, second] = place;
      note("{} of {}, lap {}, sector {}, second {}: {:x} of {:x}, perhaps {:x}", window, chassis,
           lap, sector, second, sum, weights, possible[place]);
      RC_ASSERT(static_cast<std::uint64_t>(std::popcount(sum)) == count);  // none twice
      RC_ASSERT((sum & weights) == weights);                               // none is missing
      RC_ASSERT((sum & ~possible[place]) == 0u);
    }
  }

 private:
  template <typename... Args>
  static void note(fmt::format_string<Args...> format, Args&&... args) {
    RC_LOG() << fmt::format(format, std::forward<Args>(args)...) << "\n";
  }

  struct Machine {
    std::int16_t lap = 1;
    std::int32_t sector = 0;
    int in_sector = 0;
    unsigned sent = 0;
    std::int64_t clock_ms = 0;  ///< ahead of ours
  };

  void points() {
    Entry entry{.time = clock_.now()};
    const int machine = *rc::gen::inRange(0, kMachines);
    Machine& m = machines_[machine];
    for (int left = *rc::gen::inRange(1, 4); left > 0; --left) {
      clock_.advance(40 * kNsPerMs);
      // A lap has at most 39 points.
      if (m.in_sector == 13 || *rc::gen::inRange(0, 6) == 0) {
        m.in_sector = 0;
        if (++m.sector == 3) {
          m.sector = 0;
          ++m.lap;
        }
      }
      ++m.in_sector;
      std::int64_t old_ms = 0;
      if (trouble_ == Trouble::kWrongClocks) {
        // No second is one of another of these clocks, nor has it more points than weights.
        if (*rc::gen::inRange(0, 15) == 0) {
          m.clock_ms = *rc::gen::element(0, 0, 280'000, -3'600'000);
        }
        old_ms = *rc::gen::element(0, 0, 0, 0, 0, 30, 200);
      }
      entry.readings.push_back(
          {.chassis = fmt::format("GR86-{}", machine),
           .lap = m.lap,
           .sector = m.sector,
           .event_ns = clock_.now().ns + (m.clock_ms - old_ms) * kNsPerMs,
           .arrival_ns = clock_.now().ns,
           .weight = static_cast<double>(std::uint64_t{1} << (m.sent++ % kWeights))});
    }
    append(std::move(entry));
  }

  void append(Entry entry) {
    entry.offset = entries_.empty() ? 0 : entries_.back().end();
    entries_.push_back(std::move(entry));
    Work work = work_of(entries_.back());
    note("{} to {}", work.offset, work.end());
    partition_->process(work);
  }

  Work work_of(const Entry& entry) {
    Work work{.kind = entry.kind, .offset = entry.offset, .count = entry.count()};
    work.time = entry.time;
    if (entry.kind != Work::Kind::kPoints) return work;
    work.batch = std::make_unique<PointBatch>();
    PointBatch& batch = *work.batch;
    for (const Reading& r : entry.readings) {
      Point point{};
      point.track = {static_cast<std::uint32_t>(batch.text.size()), 4};
      batch.text += "cota";
      point.chassis = {static_cast<std::uint32_t>(batch.text.size()),
                       static_cast<std::uint32_t>(r.chassis.size())};
      batch.text += r.chassis;
      point.series_hash = series_hash("cota", r.chassis);
      point.lap = r.lap;
      point.sector = r.sector;
      point.event_time = {r.event_ns};
      point.arrival_time = {r.arrival_ns};
      point.first_value = static_cast<std::uint32_t>(batch.values.size());
      point.value_count = 1;
      batch.values.push_back({r.weight, weight_});
      batch.points.push_back(point);
    }
    batch.text.append(PointBatch::kTextSpare, ' ');
    return work;
  }

  /// Some of the newest entries, from now on.
  void lose() {
    if (entries_.empty() || trouble_ != Trouble::kLostParts) return;
    const auto back = *rc::gen::inRange<std::size_t>(1, 25);
    const auto first = entries_.size() - std::min(entries_.size(), back);
    const auto last = std::min(entries_.size(), first + *rc::gen::inRange<std::size_t>(1, 5));
    for (auto i = first; i < last; ++i) entries_[i].lost = true;
    note("lost: {} to {}", entries_[first].offset, entries_[last - 1].end());
  }

  void commit(std::size_t how_many) {
    for (; how_many > 0 && !outputs_.empty(); --how_many) {
      note("  committed: at {}", outputs_.front().position);
      writer_->accept(std::move(outputs_.front()));
      outputs_.pop_front();
    }
    RC_ASSERT(writer_->flush());
  }

  /// A worker throws; true, as fold_again().
  bool fail() {
    const auto state = store_->load_partition(embedded_partition(0));
    RC_ASSERT(state.has_value());
    RC_ASSERT(partition_->reset(*state ? &**state : nullptr).has_value());
    note("fails, goes on from {}", partition_->position());
    return fold_again();
  }

  /// A life ends, whatever was not committed, and another begins; perhaps it ends within.
  void begin() {
    for (bool done = false; !done;) {
      outputs_.clear();
      writer_.emplace(*store_, std::vector<RollupSink*>{}, clock_, [](const std::string&) {});
      writer_->begin([] { return std::numeric_limits<LogOffset>::max(); }, store_->load().value());
      partition_.emplace(embedded_partition(0),
                         PartitionContext{.clock = clock_,
                                          .ingest = ingest_,
                                          .stats = stats_,
                                          .schema = schema_,
                                          .accepted = *this,
                                          .outputs = *this,
                                          .definitions = definitions(),
                                          .queue = {}},
                         PartitionObservers{});
      const auto state = store_->load_partition(embedded_partition(0));
      RC_ASSERT(state.has_value());
      RC_ASSERT(
          partition_->begin(*state ? **state : PartitionState{.committed_offset = 0}).has_value());
      note("begins at {}", partition_->position());
      done = fold_again(*rc::gen::inRange(0, 4) == 0);
    }
  }

  /// False: its life ends within.
  bool fold_again(bool may_end = false) {
    const LogOffset from = partition_->position();
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      if (entry->end() <= from) {
        ++entry;
        continue;
      }
      if (may_end && *rc::gen::inRange(0, 20) == 0) return false;
      if (*rc::gen::inRange(0, 100) == 0) lose();
      if (*rc::gen::inRange(0, 50) == 0) return fail();
      if (*rc::gen::inRange(0, 8) == 0) commit(*rc::gen::inRange<std::size_t>(0, 4));
      if (!entry->lost) {
        Work work = work_of(*entry++);
        work.replayed = true;
        partition_->process(work);
        continue;
      }
      const LogOffset gap_from = std::max(entry->offset, from);
      while (entry != entries_.end() && entry->lost) ++entry;
      note("  gap: {} to {}", gap_from, std::prev(entry)->end());
      partition_->pass_gap(gap_from, std::prev(entry)->end());
    }
    return true;
  }

  void stop() {
    append({.kind = Work::Kind::kClose});
    partition_->checkpoint();
    commit(outputs_.size());
    begin();
  }

  std::map<Place, std::pair<std::uint64_t, std::uint64_t>> stored() const {
    auto database = Database::open((folder_ / kStoreFile).string(), SQLITE_OPEN_READONLY).value();
    auto rows = database
                    .prepare(
                        "SELECT window, chassis, lap, sector, first_ns, count, CAST(round("
                        "json_extract(stats, '$.avg_weight') * count) AS INTEGER) FROM rollups")
                    .value();
    std::map<Place, std::pair<std::uint64_t, std::uint64_t>> sums;
    while (rows.step().value()) {
      auto& [sum, count] = sums[place_of(std::string(rows.text(0)), std::string(rows.text(1)),
                                         rows.integer(2), rows.integer(3), rows.integer(4))];
      sum += static_cast<std::uint64_t>(rows.integer(6));
      count += static_cast<std::uint64_t>(rows.integer(5));
    }
    return sums;
  }

  const Trouble trouble_;
  std::filesystem::path folder_;
  ManualClock clock_{kBeginNs};
  Schema schema_;
  FieldId weight_{};
  IngestStats ingest_;
  PipelineStats stats_{3};
  std::unique_ptr<RollupStore> store_;
  std::optional<StoreWriter> writer_;
  std::optional<Partition> partition_;
  std::deque<Output> outputs_;  ///< handed over, not yet committed
  std::vector<Entry> entries_;
  std::map<int, Machine> machines_;
};

RC_GTEST_PROP(Gaps, EveryPointIsInOneRollupOfEachWindowUnlessItIsLost, ()) {
  Gaps gaps(Gaps::Trouble::kLostParts);
  for (int left = *rc::gen::inRange(0, 300); left > 0; --left) gaps.step();
  gaps.check();
}

// Whatever clocks do: points, kills and failures, and each point once among the rollups.
RC_GTEST_PROP(Gaps, EveryPointIsInOneRollupOfEachWindowWhateverItsClockSays, ()) {
  Gaps gaps(Gaps::Trouble::kWrongClocks);
  for (int left = *rc::gen::inRange(0, 300); left > 0; --left) gaps.step();
  gaps.check();
}

}  // namespace
}  // namespace slipstream
