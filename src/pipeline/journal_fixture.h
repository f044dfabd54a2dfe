#pragma once
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "log/segment_log.h"
#include "log/testing.h"
#include "pipeline/journal.h"
#include "pipeline/pipeline.h"
#include "pipeline/replay.h"

namespace slipstream::journal_testing {

struct Outputs final : AcceptedSink, OutputSink {
  void accept(PointBatchPtr batch) override { broadcast += batch->points.size(); }
  bool has_room() const override { return true; }
  void accept(Output output) override {
    for (const auto& rollup : output.rollups) counts[rollup->window] += rollup->count;
    for (const auto& key : output.keys) keys.push_back(key.key);
    for (const auto& dead : output.dead) dead_ranges.push_back(dead);
    sampled.insert(sampled.end(), output.sampled.begin(), output.sampled.end());
  }
  std::size_t broadcast = 0;
  std::map<std::string, std::uint64_t> counts;
  std::vector<std::string> keys;
  std::vector<DeadRange> dead_ranges;
  std::vector<SampledTracePtr> sampled;
};

struct NoSectors final : SectorMap {
  std::int32_t sector_at(std::string_view, double) const override { return 4; }
};

inline constexpr std::uint32_t kPartitions = 3;

/// The log that a test has opened, but that it refuses a block or two for what they are.
class FussyLog final : public Log {
 public:
  explicit FussyLog(SegmentLog& log) : log_(log) {}
  std::uint64_t first_offset() const override { return log_.first_offset(); }
  std::uint64_t next_offset() const override { return log_.next_offset(); }
  std::uint64_t synced_offset() const override { return log_.synced_offset(); }
  Result<void> append(const LogBlock& block) override {
    if (refuses == 0) return log_.append(block);
    --refuses;
    if (refuses > 0) return log_.append(block);
    static const std::string kTooLarge((std::size_t{64} << 20) + 1, 'x');
    LogBlock refused = block;
    refused.payload = kTooLarge;
    return log_.append(refused);
  }
  Result<void> sync() override { return log_.sync(); }
  bool may_lean() const override { return log_.may_lean(); }
  Result<std::unique_ptr<LogReader>> read_from(std::uint64_t offset) override {
    return log_.read_from(offset);
  }
  Result<std::size_t> retain(std::uint64_t protect_offset, std::int64_t now_ns) override {
    return log_.retain(protect_offset, now_ns);
  }

  int refuses = 0;  ///< the next but so many
 private:
  SegmentLog& log_;
};

/// A journal on a log in memory, stepped by hand.
class JournalTest : public testing::Test {
 protected:
  void start(JournalOptions options = {}, std::uint64_t segment_bytes = 1 << 20) {
    auto log = SegmentLog::open(files_, "/log", {.segment_bytes = segment_bytes, .clock = &clock_});
    ASSERT_TRUE(log) << log.error().message;
    log_ = std::move(*log);
    fussy_ = std::make_unique<FussyLog>(*log_);
    pipeline_ = make_pipeline();
    journal_ =
        std::make_unique<Journal>(fussy_.get(), *pipeline_, parts(), options,
                                  [this](const std::string& text) { warnings_.push_back(text); });
  }
  Journal::Parts parts() {
    return {.outputs = outputs_,
            .sectors = sectors_,
            .schema = schema_,
            .ingest = ingest_,
            .clock = clock_,
            .stats = stats_,
            .definitions = definitions_,
            .needed_from = [] { return LogOffset{0}; },
            .durable_moved = [this] { ++durable_moved_; },
            .dead = [this](LogOffset base, std::string_view payload,
                           const std::string&) { dead_.emplace_back(base, payload.size()); }};
  }
  std::unique_ptr<Pipeline> make_pipeline() {
    return std::make_unique<Pipeline>(PipelineOptions{.partitions = kPartitions, .workers = 1},
                                      PartitionContext{.clock = clock_,
                                                       .ingest = ingest_,
                                                       .stats = stats_,
                                                       .schema = schema_,
                                                       .accepted = outputs_,
                                                       .outputs = outputs_,
                                                       .definitions = definitions_,
                                                       .queue = {}},
                                      [](PartitionId) { return PartitionObservers{}; });
  }
  PointBatchPtr batch(std::uint32_t partition, std::size_t points = 1) {
    auto batch = std::make_unique<PointBatch>();
    batch->partition = partition;
    batch->text = "cotacar";
    for (std::size_t i = 0; i < points; ++i) {
      Point& point = batch->points.emplace_back();
      point.track = {0, 4};
      point.chassis = {4, 3};
      point.series_hash = series_hash("cota", "car");
      point.event_time = {clock_.now().ns};
      point.arrival_time = clock_.now();
      point.source = SourceKind::kHttp;
    }
    return batch;
  }
  Body body(Durability durability = Durability::kFsynced) {
    Body body{.batches = {}, .durability = durability};
    for (std::uint32_t p = 0; p < kPartitions; ++p) body.batches.push_back(batch(p));
    return body;
  }
  void offer(std::uint32_t partition, std::size_t points = 1) {
    auto one = batch(partition, points);
    ASSERT_TRUE(journal_->offer(one));
  }
  /// Turns the clock, and does what is due then.
  void poll_after(std::int64_t ms) {
    clock_.advance(ms * kNsPerMs);
    journal_->poll(1);
  }
  /// 0: not yet; 1: durable; -1: told that it is not.
  int* wait_for(LogOffset offset, Durability durability) {
    int* const answer = &answers_.emplace_back(0);
    journal_->when_durable(offset, durability, [answer](bool ok) { *answer = ok ? 1 : -1; });
    return answer;
  }
  struct Logged {
    std::uint64_t points = 0;
    std::vector<std::pair<LogOffset, LogOffset>> gaps;
  };
  Logged logged() {
    Logged found;
    BatchPool pool;
    EXPECT_TRUE(replay_log(
        *log_, 0, log_->synced_offset(), schema_, pool,
        {.work = [&](const LogWork& item) { found.points += item.partition ? item.work.count : 0; },
         .gap = [&](LogOffset from, LogOffset to) { found.gaps.emplace_back(from, to); }}));
    return found;
  }
  void fold() {
    for (auto& worker : pipeline_->workers()) {
      while (worker->poll(16) > 0) {
      }
    }
  }

  ManualClock clock_{1'757'000'000 * kNsPerSecond};
  log_testing::FaultyFileSystem files_;
  IngestStats ingest_;
  PipelineStats stats_{3};
  Schema schema_;
  NoSectors sectors_;
  Outputs outputs_;
  const std::vector<WindowDefinition> definitions_ = default_windows();
  std::vector<std::string> warnings_;
  int durable_moved_ = 0;
  std::deque<int> answers_;
  std::unique_ptr<SegmentLog> log_;
  std::unique_ptr<FussyLog> fussy_;
  std::vector<std::pair<LogOffset, std::size_t>> dead_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<Journal> journal_;
};

}  // namespace slipstream::journal_testing
