// Several destinations of one store: each has its own place, through restarts, and a dead one holds
// up no other.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "base/agent.h"
#include "codec/rollup_json.h"
#include "output/outbox_sender.h"
#include "store/rollup_store.h"
#include "store/schema_sql.h"
#include "store/sqlite.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

/// What is at the other end: outlives senders and restarts, and removes repeats by the writer's
/// ids.
struct FarEnd {
  std::map<std::string, std::uint64_t> newest = {};  ///< by writer and shard
  std::vector<std::string> got = {};                 ///< rollups, as they came
  std::uint64_t repeated = 0;
  bool is_dead = false;
  bool loses_answers = false;  ///< takes rows, and its answer never comes
};

class SenderTo final : public RollupSender {
 public:
  SenderTo(FarEnd& end, RollupDestination destination)
      : end_(end), destination_(std::move(destination)) {}
  const RollupDestination& destination() const override { return destination_; }
  Sent send(const Shipment& shipment) override {
    Sent sent;
    if (end_.is_dead) {
      sent.failed = Error{"no answer"};
      return sent;
    }
    std::uint64_t& newest = end_.newest[shipment.writer + "/" + shipment.shard];
    for (const auto& row : shipment.rows) {
      ++sent.rows;
      if (row.id <= newest) {
        sent.repeated += row.count;
        continue;
      }
      newest = row.id;
      std::string_view rest = row.rollups;
      for (std::uint64_t i = 0; i < row.count; ++i) {
        const auto line = rest.find('\n');
        end_.got.emplace_back(rest.substr(0, line));
        rest.remove_prefix(line + 1);
      }
    }
    end_.repeated += sent.repeated;
    if (end_.loses_answers) return {.failed = Error{"no answer"}};
    return sent;
  }

 private:
  FarEnd& end_;
  const RollupDestination destination_;
};

class OutputsTest : public testing::Test {
 protected:
  OutputsTest() {
    std::string name = (std::filesystem::temp_directory_path() / "slipstream-out-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    start();
  }
  ~OutputsTest() override {
    senders_.clear();
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  /// As after a kill: nothing is flushed, what was in memory is gone.
  void start() {
    senders_.clear();
    store_.reset();
    const RollupDestination a{
        .name = "a", .windows = {"bucket"}, .shards = {"0", "1"}, .rollups_per_row = 3};
    const RollupDestination b{.name = "b", .windows = {"bucket"}, .rollups_per_row = 5};
    auto store = RollupStore::open(directory_, {.destinations = {a, b}}, schema_.fields());
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    add(a, end_a_);
    add(b, end_b_);
  }
  void add(const RollupDestination& destination, FarEnd& end) {
    senders_.push_back(std::make_unique<OutboxSender>(*store_->outbox()->of(destination.name),
                                                      std::make_unique<SenderTo>(end, destination),
                                                      clock_, [](const std::string&) {}));
  }
  void commit(std::size_t count) {
    Commit commit;
    for (std::size_t i = 0; i < count; ++i) {
      Rollup r;
      r.window = "bucket";
      r.track = "cota";
      r.chassis = fmt::format("car-{}", committed_.size() % 4);
      r.count = r.sequence = committed_.size() + 1;
      auto& text = committed_.emplace_back();
      append_rollup_json(text, r, schema_.fields());
      commit.outgoing.push_back(std::make_shared<Rollup>(std::move(r)));
    }
    ASSERT_TRUE(store_->commit(commit));
  }
  /// Long enough for every wait to end.
  void poll_all(int times = 4) {
    for (int i = 0; i < times; ++i) {
      // A poll ends with the first shard that fails; the next one goes on behind it.
      for (int shard = 0; shard < 2; ++shard) {
        for (auto& sender : senders_) sender->poll(256);
      }
      clock_.advance(10 * kNsPerSecond);
    }
  }
  std::vector<std::string> sorted(std::vector<std::string> texts) {
    std::ranges::sort(texts);
    return texts;
  }

  std::filesystem::path directory_;
  Schema schema_;
  ManualClock clock_{1'000'000 * kNsPerSecond};
  std::unique_ptr<RollupStore> store_;
  FarEnd end_a_;
  FarEnd end_b_;
  std::vector<std::unique_ptr<OutboxSender>> senders_;
  std::vector<std::string> committed_;
};

TEST_F(OutputsTest, WhileOneIsDeadTheOtherGoesOnAndEachResumesAtItsPlace) {
  commit(20);
  poll_all();
  end_a_.is_dead = true;
  for (int round = 0; round < 5; ++round) {
    commit(11);
    poll_all();
    EXPECT_THAT(end_b_.got, ElementsAreArray(committed_)) << "in order, and at once";
    EXPECT_EQ(end_a_.got.size(), 20u);
    start();
  }
  EXPECT_EQ(senders_[0]->waiting().rollups.value(), 55);
  EXPECT_EQ(senders_[1]->waiting().rollups.value(), 0);
  end_a_.is_dead = false;
  end_b_.is_dead = true;
  commit(7);
  poll_all();
  EXPECT_EQ(sorted(end_a_.got), sorted(committed_));
  EXPECT_EQ(end_b_.got.size(), committed_.size() - 7);
  start();
  end_b_.is_dead = false;
  poll_all();
  EXPECT_THAT(end_b_.got, ElementsAreArray(committed_));
  EXPECT_EQ(end_a_.got.size(), committed_.size());
  EXPECT_EQ(end_a_.repeated + end_b_.repeated, 0u);
}

TEST_F(OutputsTest, WhatWasTakenWithoutAnAnswerIsSentAgainAndTakenOnce) {
  end_a_.loses_answers = true;
  for (int round = 0; round < 3; ++round) {
    commit(10);
    poll_all(1);
    start();
  }
  EXPECT_EQ(end_a_.got.size(), 30u);
  end_a_.loses_answers = false;
  poll_all();
  EXPECT_EQ(senders_[0]->waiting().rollups.value(), 0);
  EXPECT_EQ(sorted(end_a_.got), sorted(committed_));
  EXPECT_EQ(senders_[0]->stats().repeated.value(), 30u);
  EXPECT_THAT(end_b_.got, ElementsAreArray(committed_));
}

TEST_F(OutputsTest, WhatWaitedInAStoreOf01IsSentOnceAndBeforeWhatCame) {
  senders_.clear();
  store_.reset();
  std::filesystem::remove_all(directory_);
  std::filesystem::create_directory(directory_);
  {
    auto old = Database::open((directory_ / kStoreFile).string(),
                              SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    ASSERT_TRUE(old);
    for (int part = 0; part < 5; ++part) ASSERT_TRUE(old->execute(kStoreSchema[part]));
    ASSERT_TRUE(old->execute(R"(
      INSERT INTO outbox_writer VALUES (0, 'w');
      INSERT INTO outbox (stream, count, rollups) VALUES ('agg', 1, '1' || char(10)),
        ('agg', 2, '2' || char(10) || '3' || char(10)), ('agg', 1, '4' || char(10));
      PRAGMA user_version = 5)"));
  }
  // The first row is there already: 0.1 was killed before it could remove it.
  end_a_ = {.newest = {{"w/agg", 1}}, .got = {"1"}};
  const RollupDestination redis{.name = "redis", .windows = {"bucket"}, .shards = {"agg"}};
  auto store = RollupStore::open(directory_, {.destinations = {redis}}, schema_.fields());
  ASSERT_TRUE(store) << store.error().message;
  store_ = std::move(*store);
  add(redis, end_a_);
  commit(1);
  poll_all();
  EXPECT_THAT(end_a_.got, ElementsAre("1", "2", "3", "4", committed_[0]));
  EXPECT_EQ(end_a_.repeated, 1u);
  EXPECT_EQ(senders_[0]->waiting().rollups.value(), 0);
}

/// One that never answers, until it is let go.
class Stuck final : public RollupSender {
 public:
  const RollupDestination& destination() const override { return destination_; }
  Sent send(const Shipment&) override {
    std::unique_lock lock(mutex_);
    is_sending = true;
    is_sending.notify_all();
    changed_.wait(lock, [this] { return is_interrupted_; });
    return {.failed = Error{"interrupted"}, .was_interrupted = true};
  }
  void interrupt() override {
    const std::lock_guard lock(mutex_);
    is_interrupted_ = true;
    changed_.notify_all();
  }

  std::atomic<bool> is_sending{false};

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_interrupted_ = false;
  const RollupDestination destination_ = {.name = "a"};
};

TEST_F(OutputsTest, OneThatNeverAnswersHoldsUpNoOther) {
  commit(10);
  auto* const stuck = new Stuck;
  OutboxSender waits(*store_->outbox()->of("a"), std::unique_ptr<RollupSender>(stuck), clock_,
                     [](const std::string&) {});
  AgentThread stuck_thread("a-sink", waits);
  stuck->is_sending.wait(false);
  {
    AgentThread thread("b-sink", *senders_[1]);
    for (int i = 0; i < 20; ++i) commit(10);
    thread.stop();
  }
  clock_.advance(10 * kNsPerSecond);  // where a removal had to wait for a commit
  senders_[1]->flush(std::chrono::seconds(10));
  EXPECT_THAT(end_b_.got, ElementsAreArray(committed_));
  stuck_thread.stop(false);
  EXPECT_EQ(waits.stats().failures.value(), 0u);
  EXPECT_EQ(senders_[0]->waiting().rollups.value(), static_cast<std::int64_t>(committed_.size()));
}

}  // namespace
}  // namespace slipstream
