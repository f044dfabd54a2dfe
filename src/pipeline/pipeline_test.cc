#include "pipeline/pipeline.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <set>

#include "pipeline/journal.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class Collected final : public AcceptedSink, public OutputSink {
 public:
  void accept(PointBatchPtr batch) override {
    const std::lock_guard lock(mutex_);
    for (const auto& point : batch->points) {
      jsons.emplace_back(batch->json(point));
      sectors.push_back(point.sector);
      laps.push_back(point.lap);
    }
  }
  bool has_room() const override { return room; }
  void accept(Output output) override {
    const std::lock_guard lock(mutex_);
    rollups.insert(rollups.end(), output.rollups.begin(), output.rollups.end());
  }
  std::atomic<bool> room{true};
  std::vector<std::string> jsons;
  std::vector<std::int32_t> sectors;
  std::vector<std::int16_t> laps;
  RollupBatch rollups;

 private:
  std::mutex mutex_;  // guards the vectors
};

class Thirds final : public SectorMap {
 public:
  std::int32_t sector_at(std::string_view, double distance) const override {
    return distance < 1'000 ? 0 : distance < 2'000 ? 1 : 2;
  }
};

class PipelineTest : public testing::Test {
 protected:
  /// A pipeline without a log, and what feeds it.
  struct Running {
    std::unique_ptr<Pipeline> pipeline;
    std::unique_ptr<Journal> journal;
  };
  Running make(PipelineOptions options, QueueLimits queue = {}, std::size_t max_series = 1'000) {
    const PartitionContext context{.clock = clock_,
                                   .ingest = ingest_,
                                   .stats = stats_,
                                   .schema = schema_,
                                   .accepted = out_,
                                   .outputs = out_,
                                   .definitions = definitions_,
                                   .max_series = max_series,
                                   .queue = queue};
    Running running;
    running.pipeline = std::make_unique<Pipeline>(options, context,
                                                  [](PartitionId) { return PartitionObservers{}; });
    running.journal = std::make_unique<Journal>(nullptr, *running.pipeline,
                                                Journal::Parts{.outputs = out_,
                                                               .sectors = sectors_,
                                                               .schema = schema_,
                                                               .ingest = ingest_,
                                                               .clock = clock_,
                                                               .stats = stats_,
                                                               .definitions = definitions_,
                                                               .needed_from = nullptr},
                                                JournalOptions{}, nullptr);
    return running;
  }

  struct Reading {
    std::string chassis = "GR86-01";
    double distance_m = std::nan("");
    std::int16_t lap = 1;
    bool lap_fault = false;
    std::uint64_t sequence = 0;
  };
  /// One point in a batch of its own.
  PointBatchPtr batch_of(const Reading& r, std::uint32_t partitions) {
    auto batch = std::make_unique<PointBatch>();
    Point point{};
    const auto append = [&](std::string_view text) {
      const TextRef ref{static_cast<std::uint32_t>(batch->text.size()),
                        static_cast<std::uint32_t>(text.size())};
      batch->text += text;
      return ref;
    };
    point.track = append("cota");
    point.chassis = append(r.chassis);
    point.json = append(
        fmt::format(R"({{"chassis":"{}","lap":{}}})", r.chassis, r.lap_fault ? 32'768 : r.lap));
    batch->text.append(PointBatch::kTextSpare, ' ');
    if (r.lap_fault) {
      point.lap_is_fault = true;
      point.lap_literal = {point.json.offset + point.json.length - 6, 5};
    }
    point.series_hash = series_hash("cota", r.chassis);
    point.lap = r.lap;
    point.event_time = {ns_ += 40 * kNsPerMs};
    point.arrival_time = {ns_};
    if (!std::isnan(r.distance_m)) {
      batch->values.push_back({r.distance_m, field::kLapdistM});
      point.value_count = 1;
    }
    point.has_sequence = r.sequence != 0;
    point.sequence = r.sequence;
    batch->partition = static_cast<std::uint32_t>(point.series_hash % partitions);
    batch->points.push_back(point);
    return batch;
  }
  void step(Running& running) {
    for (auto& worker : running.pipeline->workers()) {
      while (worker->poll(16) > 0) {
      }
    }
  }

  std::int64_t ns_ = 1'757'000'000 * kNsPerSecond;
  ManualClock clock_{1'757'000'000 * kNsPerSecond};
  IngestStats ingest_;
  PipelineStats stats_{3};
  Thirds sectors_;
  Schema schema_;
  const std::vector<WindowDefinition> definitions_ = default_windows();
  Collected out_;
};

TEST_F(PipelineTest, SectorIsDerivedFromTheDistanceAndStandsInTheText) {
  auto running = make({.partitions = 1, .workers = 1});
  auto batch = batch_of({.distance_m = 1'500}, 1);
  ASSERT_TRUE(running.journal->offer(batch));
  step(running);
  EXPECT_THAT(out_.sectors, ElementsAre(1));
  EXPECT_THAT(out_.jsons, ElementsAre(R"({"chassis":"GR86-01","lap":1,"sector":1})"));
}

TEST_F(PipelineTest, WithoutADistanceTheSectorIsTheLastKnownOfTheLap) {
  auto running = make({.partitions = 1, .workers = 1});
  for (const auto& reading : {Reading{.distance_m = 2'500}, Reading{}, Reading{.lap = 2}}) {
    auto batch = batch_of(reading, 1);
    ASSERT_TRUE(running.journal->offer(batch));
  }
  step(running);
  EXPECT_THAT(out_.sectors, ElementsAre(2, 2, 0));
}

TEST_F(PipelineTest, WhatNothingToldOfIsNoSectorToRemember) {
  auto running = make({.partitions = 1, .workers = 1});
  for (const auto& reading :
       {Reading{.distance_m = 2'500}, Reading{.lap = 2}, Reading{},
        Reading{.distance_m = 1'500, .lap = 2}, Reading{}, Reading{.lap = 2}}) {
    auto batch = batch_of(reading, 1);
    ASSERT_TRUE(running.journal->offer(batch));
  }
  step(running);
  EXPECT_THAT(out_.sectors, ElementsAre(2, 0, 2, 1, 0, 1));
}

TEST_F(PipelineTest, FaultLapIsRepairedFromTheLastGoodOne) {
  auto running = make({.partitions = 1, .workers = 1});
  for (const auto& reading : {Reading{.lap = 7}, Reading{.lap = 0, .lap_fault = true}}) {
    auto batch = batch_of(reading, 1);
    ASSERT_TRUE(running.journal->offer(batch));
  }
  step(running);
  EXPECT_THAT(out_.laps, ElementsAre(7, 7));
  EXPECT_THAT(out_.jsons[1], HasSubstr(R"("lap":7)"));
  EXPECT_EQ(ingest_.lap_repaired.value(), 1u);
}

TEST_F(PipelineTest, GapsAndRepeatsOfSequenceNumbersAreCountedForEachMachine) {
  auto running = make({.partitions = 2, .workers = 1});
  for (const std::uint64_t number : {1u, 2u, 5u, 4u, 5u}) {
    for (const auto chassis : {"a", "b"}) {
      auto batch = batch_of({.chassis = chassis, .sequence = number}, 2);
      ASSERT_TRUE(running.journal->offer(batch));
    }
  }
  step(running);
  EXPECT_EQ(ingest_.sequence_missing.value(), 2);  // 3, of each
  EXPECT_EQ(ingest_.sequence_repeats.value(), 2u);
}

TEST_F(PipelineTest, FullQueueRefusesAndLeavesTheBatch) {
  auto running = make({.partitions = 1, .workers = 1}, {.items = 2, .bytes = 1 << 20});
  for (int i = 0; i < 2; ++i) {
    auto batch = batch_of({}, 1);
    ASSERT_TRUE(running.journal->offer(batch));
  }
  auto refused = batch_of({}, 1);
  EXPECT_FALSE(running.journal->offer(refused));
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(ingest_.of(SourceKind::kUdp).accepted.value(), 2u);
  step(running);
  EXPECT_TRUE(running.journal->offer(refused));
}

TEST_F(PipelineTest, SeveralBatchesAreTakenAllOrNone) {
  constexpr std::uint32_t kMany = 8;
  auto running = make({.partitions = kMany, .workers = 1}, {.items = 1, .bytes = 1 << 20});
  auto first = batch_of({.chassis = "a"}, kMany);
  const auto full = first->partition;
  ASSERT_TRUE(running.journal->offer(first));
  Body body;
  for (int i = 0; body.batches.size() < 2; ++i) {
    auto batch = batch_of({.chassis = std::to_string(i)}, kMany);
    if (body.batches.empty() == (batch->partition != full)) {
      body.batches.push_back(std::move(batch));
    }
  }
  EXPECT_FALSE(running.journal->offer_all(body));
  EXPECT_EQ(ingest_.of(SourceKind::kUdp).accepted.value(), 1u);
  step(running);
  EXPECT_TRUE(running.journal->offer_all(body));
  step(running);
  EXPECT_THAT(out_.jsons, SizeIs(3));
}

TEST_F(PipelineTest, ForgottenMachinesLoseNoPoint) {
  auto running = make({.partitions = 1, .workers = 1}, {}, 4);
  for (int i = 0; i < 40; ++i) {
    auto batch = batch_of({.chassis = "car " + std::to_string(i)}, 1);
    ASSERT_TRUE(running.journal->offer(batch));
    step(running);
  }
  EXPECT_LE(stats_.series.value(), 4);
  running.journal->close_windows();
  step(running);
  std::map<std::string, std::uint64_t> points;
  for (const auto& rollup : out_.rollups) points[rollup->window] += rollup->count;
  EXPECT_THAT(points, ElementsAre(std::pair("bucket", 40), std::pair("second", 40),
                                  std::pair("sector", 40)));
}

TEST_F(PipelineTest, WhatWaitedForRoomAtTheStopIsFoldedAfterwards) {
  auto running = make({.partitions = 2, .workers = 2});
  out_.room = false;
  running.pipeline->start();
  for (int i = 0; i < 20; ++i) {
    auto batch = batch_of({.chassis = std::to_string(i)}, 2);
    ASSERT_TRUE(running.journal->offer(batch));
  }
  running.journal->close_windows();
  running.pipeline->stop();
  EXPECT_THAT(out_.rollups, SizeIs(0));
  EXPECT_EQ(running.pipeline->fold_on(), 0u);
  out_.room = true;
  while (running.pipeline->fold_on() > 0) {
  }
  EXPECT_THAT(out_.rollups, SizeIs(20 * definitions_.size()));
}

TEST_F(PipelineTest, ThreadsFoldEveryPointOnceAndDrainEmitsWhatIsOpen) {
  constexpr int kPoints = 4'000;
  auto running = make({.partitions = 4, .workers = 2}, {.items = 100'000, .bytes = 1u << 30});
  running.pipeline->start();
  for (int i = 0; i < kPoints; ++i) {
    auto batch = batch_of({.chassis = std::to_string(i % 13), .distance_m = i % 3'000 * 1.0}, 4);
    ASSERT_TRUE(running.journal->offer(batch));
  }
  running.journal->close_windows();
  running.pipeline->stop();
  EXPECT_THAT(out_.jsons, SizeIs(kPoints));
  std::map<std::string, std::uint64_t> points;
  std::set<std::pair<PartitionId, std::uint64_t>> sequences;
  for (const auto& rollup : out_.rollups) {
    points[rollup->window] += rollup->count;
    EXPECT_TRUE(sequences.emplace(rollup->partition, rollup->sequence).second);
  }
  for (std::size_t d = 0; d < 3; ++d) {
    const auto& window = stats_.windows[d];
    EXPECT_EQ(window.closed_points.value() + window.late_points.value(), kPoints);
    EXPECT_EQ(window.open_points.value(), 0);
  }
  EXPECT_EQ(points["sector"], stats_.windows[1].closed_points.value());
}

}  // namespace
}  // namespace slipstream
