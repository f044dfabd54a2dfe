#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cluster/cluster_log.h"
#include "cluster/partition_runner.h"

namespace slipstream::cluster_testing {

inline constexpr std::int64_t kBegin = 1'757'000'000 * kNsPerSecond;
inline constexpr const char* kPoison = "poison";

/// An entry of one point, or of one mark.
struct FakeEntry {
  std::uint64_t at = 0;
  std::string chassis = "GR86-01";
  std::int16_t lap = 1;
  bool is_own = false;
  std::int64_t arrival_ms = 0;  ///< after kBegin
  std::string mark = {};        ///< a mark with this text
  bool is_copy = false;         ///< of a mark
};
struct FakeAnswer {
  std::vector<FakeEntry> entries = {};
  bool is_full = false;
  FeedStatus status = FeedStatus::kWorked;
  bool is_last = false;
};

/// What a test's feeds work with: it says what they answer, and sees what they are asked.
struct FakeLog {
  Loaded loaded = {};
  FeedStatus begins = FeedStatus::kWorked;
  std::vector<FakeEntry> left = {};  ///< by the owner before
  std::deque<FakeAnswer> answers = {};
  bool waits_end = false;  ///< a wait for news is answered: there are none
  FeedStatus commits = FeedStatus::kWorked;
  StoredOutputs stored = {};
  std::vector<std::string> calls = {};
  std::size_t acknowledged = 0;
  RollupBatch rollups = {};
  std::vector<PlacedMark> marks = {};
  std::vector<DeadEntry> dead = {};
  std::vector<std::uint32_t> removed = {};
  PartitionState checkpoint = {};  ///< the newest that is committed
  int feeds = 0;
  int interrupted = 0;
};

class FakeFeed final : public PartitionFeed {
 public:
  FakeFeed(FakeLog& log, BatchPool& pool) : log_(log), pool_(pool) { ++log.feeds; }

  FeedStatus begin(Loaded& loaded) override {
    const PartitionState state = std::exchange(loaded.state, {});
    loaded = log_.loaded;
    loaded.state.partition = state.partition;
    return log_.begins;
  }
  FeedStatus stored_outputs(std::uint64_t& seen, StoredOutputs& page) override {
    std::uint64_t last = seen;
    for (const auto& rollup : log_.stored.rollups) {
      if (rollup->sequence > seen) page.rollups.push_back(rollup);
      last = std::max(last, rollup->sequence);
    }
    for (const auto& mark : log_.stored.marks) {
      if (mark.sequence > seen) page.marks.push_back(mark);
      last = std::max(last, mark.sequence);
    }
    seen = last;
    return FeedStatus::kWorked;
  }
  FeedStatus take_over(bool& has_any) override {
    has_any = !std::exchange(has_taken_over_, true) && !log_.left.empty();
    if (has_any) page_.assign(log_.left.begin(), log_.left.end());
    return FeedStatus::kWorked;
  }
  void stage(const PartitionCommit& commit) override {
    log_.calls.push_back(fmt::format("stage {}", commit.entries));
    staged_.emplace(commit.entries);
    for (const auto& output : commit.outputs) {
      staged_->rollups.insert(staged_->rollups.end(), output.rollups.begin(), output.rollups.end());
      staged_->marks.insert(staged_->marks.end(), output.marks.begin(), output.marks.end());
      if (!output.checkpoint) continue;
      staged_->removed = output.checkpoint->removed;
      staged_->checkpoint = PartitionState{.windows = output.checkpoint->windows,
                                           .series = output.checkpoint->changed};
    }
    staged_->dead = commit.dead;
  }
  void ask(std::chrono::milliseconds wait) override {
    log_.calls.push_back(fmt::format("ask {}{}", wait.count(), staged_ ? " with commit" : ""));
    is_asked_ = true;
    is_waiting_ = wait.count() > 0;
    sent_ = std::exchange(staged_, std::nullopt);
  }
  bool is_asked() const override { return is_asked_; }
  bool is_waiting_for_news() const override { return is_asked_ && is_waiting_; }
  FeedStatus read(FeedTurn& turn, Deadline) override {
    if (log_.answers.empty() && log_.waits_end) log_.answers.emplace_back();
    if (log_.answers.empty()) return FeedStatus::kIdle;
    const FakeAnswer answer = std::move(log_.answers.front());
    log_.answers.pop_front();
    if (answer.status != FeedStatus::kWorked) return answer.status;
    log_.calls.push_back("read");
    is_asked_ = false;
    turn = {.has_committed = sent_.has_value(),
            .is_full = answer.is_full,
            .is_drained = !answer.is_full,
            .is_last = answer.is_last};
    if (sent_) apply(*std::exchange(sent_, std::nullopt));
    page_.assign(answer.entries.begin(), answer.entries.end());
    return FeedStatus::kWorked;
  }
  bool next(EntryBatch& batch, const BatchRules& rules) override {
    if (page_.empty()) return false;
    const FakeEntry entry = page_.front();
    page_.pop_front();
    batch = {.is_own = entry.is_own, .entries = 1, .last = {{entry.at, 0}}};
    log_.calls.push_back(fmt::format("take {}", entry.at));
    if (const auto culprit = rules.culprits->find(batch.last.entry);
        culprit != rules.culprits->end()) {
      batch.dead.push_back({.at = batch.last.entry, .message = culprit->second});
      return true;
    }
    if (!entry.mark.empty()) {
      const Mark mark{.time = {kBegin}, .track = "cota", .kind = "note", .text = entry.mark};
      batch.mark = {.mark = std::make_shared<const Mark>(mark), .is_copy = entry.is_copy};
      return true;
    }
    batch.batch = pool_.get();
    PointBatch& points = *batch.batch;
    Point point{};
    const auto append = [&](std::string_view text) {
      const TextRef ref{static_cast<std::uint32_t>(points.text.size()),
                        static_cast<std::uint32_t>(text.size())};
      points.text += text;
      return ref;
    };
    point.track = append("cota");
    point.chassis = append(entry.chassis);
    point.series_hash = series_hash("cota", entry.chassis);
    point.lap = entry.lap;
    point.sector = 0;
    point.event_time = {kBegin + static_cast<std::int64_t>(entry.at) * kNsPerMs};
    point.arrival_time = {kBegin + entry.arrival_ms * kNsPerMs};
    points.points.push_back(point);
    return true;
  }
  FeedStatus commit(Deadline) override {
    log_.calls.push_back("commit");
    const Staged staged = *std::exchange(staged_, std::nullopt);
    if (log_.commits == FeedStatus::kWorked) apply(staged);
    return log_.commits;
  }
  const std::string& error() const override { return error_; }
  void interrupt() override { ++log_.interrupted; }

 private:
  struct Staged {
    explicit Staged(std::size_t count) : entries(count) {}
    std::size_t entries;
    RollupBatch rollups = {};
    std::vector<PlacedMark> marks = {};
    std::vector<DeadEntry> dead = {};
    std::vector<std::uint32_t> removed = {};
    std::optional<PartitionState> checkpoint = {};
  };
  void apply(const Staged& staged) {
    log_.acknowledged += staged.entries;
    log_.rollups.insert(log_.rollups.end(), staged.rollups.begin(), staged.rollups.end());
    log_.marks.insert(log_.marks.end(), staged.marks.begin(), staged.marks.end());
    log_.dead.insert(log_.dead.end(), staged.dead.begin(), staged.dead.end());
    log_.removed.insert(log_.removed.end(), staged.removed.begin(), staged.removed.end());
    if (staged.checkpoint) log_.checkpoint = *staged.checkpoint;
  }

  FakeLog& log_;
  BatchPool& pool_;
  const std::string error_ = "the log is away";
  std::optional<Staged> staged_;
  std::optional<Staged> sent_;
  std::deque<FakeEntry> page_;
  bool is_asked_ = false;
  bool is_waiting_ = false;
  bool has_taken_over_ = false;
};

/// What runners of a test work with. Points of the machine `poison` throw when they are shown.
class ClusterTest : public testing::Test, public AcceptedSink, public OutputSink {
 public:
  void accept(PointBatchPtr batch) override {
    for (const Point& point : batch->points) {
      if (batch->chassis(point) == kPoison) throw std::runtime_error("a poisoned point");
      shown.push_back((point.event_time.ns - kBegin) / kNsPerMs);
    }
    pool.put(std::move(batch));
  }
  bool has_room() const override { return room; }
  void accept(Output output) override {
    for (const auto& rollup : output.rollups) {
      store.push_back(rollup->sequence);
      if (!output.made_elsewhere) made_here.push_back(rollup->sequence);
    }
    for (const auto& placed : output.marks) {
      marks.push_back(fmt::format("{} {}", placed.sequence, placed.mark->text));
    }
  }

 protected:
  static std::vector<WindowDefinition> laps(std::string name = "laps") {
    WindowDefinition definition;
    definition.name = std::move(name);
    definition.key_lap = definition.close_on_change = true;
    definition.idle_ms = 1'000;
    definition.stored = true;
    return {definition};
  }

  class NoSectors final : public SectorMap {
   public:
    std::int32_t sector_at(std::string_view, double) const override { return 0; }
  };

  ManualClock clock{kBegin};
  IngestStats ingest;
  PipelineStats pipeline_stats{1};
  Schema schema;
  BatchPool pool;
  NoSectors sectors;
  ClusterStats stats{1};
  ClusterParts::MakeObservers factory = [](PartitionId) { return PartitionObservers{}; };
  std::vector<std::string> warnings;
  ClusterParts parts{.clock = clock,
                     .ingest = ingest,
                     .pipeline_stats = pipeline_stats,
                     .schema = schema,
                     .pool = pool,
                     .sectors = sectors,
                     .accepted = *this,
                     .store = *this,
                     .stats = stats,
                     .make_observers = [this](PartitionId id) { return factory(id); },
                     .warn = [this](const std::string& text) { warnings.push_back(text); }};
  ClusterOptions options{.windows = laps(), .commit_interval_ms = 0};
  PartitionMemory memory;
  FakeLog log;
  bool room = true;
  std::vector<std::int64_t> shown;
  std::vector<std::uint64_t> store;      ///< numbers of the rollups that it got
  std::vector<std::string> marks;        ///< that it got: number and text
  std::vector<std::uint64_t> made_here;  ///< of those, the ones that are this instance's to send
};

}  // namespace slipstream::cluster_testing
