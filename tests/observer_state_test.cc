// An observer's state goes into the store with its partition's checkpoint, and comes back from it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>

#include "pipeline/partition.h"
#include "store/store_fixture.h"
#include "store/store_writer.h"

namespace slipstream {
namespace {

/// Writes down what it is told of, in order.
class Story final : public PartitionObserver, public ObserverState {
 public:
  explicit Story(std::string& text) : text_(text) {}
  std::string_view name() const override { return "story"; }
  void observe(const PointBatch& batch, std::span<const Point> points) override {
    for (const Point& point : points) {
      text_ += fmt::format(" {} lap {}", batch.chassis(point), point.lap);
    }
  }
  void observe_closed(std::span<const RollupPtr> rollups) override {
    for (const auto& rollup : rollups) text_ += fmt::format(" closed {}", rollup->sequence);
  }
  void tick(SteadyTime) override {}
  void forget(std::uint32_t) override {}
  ObserverState* state() override { return this; }
  void save(std::string& out) const override { out += text_; }
  Result<void> restore(std::string_view bytes) override {
    text_ = bytes;
    return {};
  }
  void clear() override { text_.clear(); }

 private:
  std::string& text_;
};

class ObserverStateTest : public RollupStoreTest, public AcceptedSink {
 protected:
  void accept(PointBatchPtr) override {}

  /// Begins with what the store has; how far that is.
  LogOffset begin() {
    partition_.reset();
    writer_.reset();
    store_ = open();
    writer_.emplace(*store_, std::vector<RollupSink*>{}, clock_, [](const std::string&) {});
    writer_->begin([] { return std::numeric_limits<LogOffset>::max(); }, store_->load().value());
    PartitionObservers observers;
    observers.push_back(std::make_unique<Story>(text_));
    const WindowDefinition lap{
        .name = "lap", .key_lap = true, .close_on_change = true, .stored = true};
    partition_.emplace(embedded_partition(1),
                       PartitionContext{.clock = clock_,
                                        .ingest = ingest_,
                                        .stats = stats_,
                                        .schema = schema_,
                                        .accepted = *this,
                                        .outputs = *writer_,
                                        .definitions = {lap},
                                        .queue = {}},
                       std::move(observers));
    const auto state = store_->load_partition(embedded_partition(1));
    EXPECT_TRUE(state.has_value());
    EXPECT_TRUE(partition_->begin(*state ? **state : PartitionState{.committed_offset = 0}));
    return partition_->position();
  }
  void fold(std::int16_t lap, bool replayed = false) {
    auto batch = std::make_unique<PointBatch>();
    batch->text = "cotaGR86-01";
    Point point{};
    point.track = {0, 4};
    point.chassis = {4, 7};
    point.series_hash = series_hash("cota", "GR86-01");
    point.lap = lap;
    point.event_time = {lap * kNsPerSecond};
    batch->points.push_back(point);
    Work work{.offset = partition_->position(), .count = 1, .batch = std::move(batch)};
    work.replayed = replayed;
    partition_->process(work);
  }

  ManualClock clock_{kNsPerSecond};
  IngestStats ingest_;
  PipelineStats stats_{1};
  std::unique_ptr<RollupStore> store_;
  std::optional<StoreWriter> writer_;
  std::optional<Partition> partition_;
  std::string text_;
};

TEST_F(ObserverStateTest, SurvivesARestartByTheStore) {
  EXPECT_EQ(begin(), 0u);
  fold(1);
  fold(2);
  partition_->checkpoint();
  ASSERT_TRUE(writer_->flush());
  fold(3);
  ASSERT_TRUE(writer_->flush()) << "a rollup, and no checkpoint";
  const std::string before = text_;
  EXPECT_EQ(before, " GR86-01 lap 1 GR86-01 lap 2 closed 1 GR86-01 lap 3 closed 2");

  text_ = "of another process";
  EXPECT_EQ(begin(), 2u);
  EXPECT_EQ(text_, " GR86-01 lap 1 GR86-01 lap 2 closed 1");
  fold(3, true);
  EXPECT_EQ(text_, before);
  fold(4);
  EXPECT_EQ(text_, before + " GR86-01 lap 4 closed 3");
}

}  // namespace
}  // namespace slipstream
