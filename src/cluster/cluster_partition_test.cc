#include "cluster/cluster_partition.h"

#include <gmock/gmock.h>

#include "cluster/fake_feed.h"
#include "cluster/partition_group.h"

namespace slipstream::cluster_testing {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// What doors were used for.
struct Doors {
  FakeLog& log;
  BatchPool& pool;
  std::string refuses = {};  ///< why nothing can be opened
  std::vector<std::string> opened = {};
  int failures = 0;
  int successes = 0;
  FeedStatus follower_steps = FeedStatus::kIdle;
};

class FakeFollower final : public PartitionFollower {
 public:
  explicit FakeFollower(Doors& doors) : doors_(doors) {}
  FeedStatus begin() override { return FeedStatus::kWorked; }
  FeedStatus step() override { return doors_.follower_steps; }
  const std::string& error() const override { return error_; }
  void interrupt() override {}

 private:
  Doors& doors_;
  const std::string error_ = "the follower is lost";
};

class FakeConnector final : public PartitionConnector {
 public:
  explicit FakeConnector(Doors& doors) : doors_(doors) {}
  bool is_due() const override { return true; }
  Result<std::unique_ptr<PartitionFeed>> open_feed(const std::string& token) override {
    if (!doors_.refuses.empty()) return fail(doors_.refuses);
    doors_.opened.push_back(token);
    return std::make_unique<FakeFeed>(doors_.log, doors_.pool);
  }
  Result<std::unique_ptr<PartitionFollower>> open_follower(PartitionMemory&) override {
    if (!doors_.refuses.empty()) return fail(doors_.refuses);
    doors_.opened.push_back("follower");
    return std::make_unique<FakeFollower>(doors_);
  }
  void failed() override { ++doors_.failures; }
  void succeeded() override { ++doors_.successes; }
  void hurry() override {}
  void role_changed() override {}

 private:
  Doors& doors_;
};

class ClusterPartitionTest : public ClusterTest {
 protected:
  void poll(int times = 1) {
    for (int i = 0; i < times; ++i) partition.poll(1);
  }

  Doors doors{log, pool};
  Signal changed;
  ClusterPartition partition{parts, options, std::make_unique<FakeConnector>(doors), 0, 0, changed};
};

TEST_F(ClusterPartitionTest, WhatAnotherInstanceOwnsIsFollowed) {
  poll(2);
  EXPECT_THAT(doors.opened, ElementsAre("follower"));
  EXPECT_FALSE(partition.is_owner());
}

TEST_F(ClusterPartitionTest, WhoFindsThePartitionTakenFollowsIt) {
  partition.own("us/1");
  EXPECT_TRUE(partition.is_owner());
  poll();
  log.answers.push_back({.status = FeedStatus::kFenced});
  poll(2);
  EXPECT_FALSE(partition.is_owner());
  EXPECT_EQ(stats.fenced.value(), 1u);
  EXPECT_THAT(doors.opened, ElementsAre("us/1", "follower"));
  EXPECT_THAT(partition.failure().why, IsEmpty());
}

TEST_F(ClusterPartitionTest, AFailureLastsUntilSomethingWorksAndIsToldOnce) {
  doors.refuses = "no route";
  partition.own("us/1");
  poll(3);
  EXPECT_EQ(partition.failure().why, "no route");
  EXPECT_EQ(doors.failures, 3);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("no route")));
  doors.refuses.clear();
  poll();
  EXPECT_EQ(partition.failure().why, "no route") << "a connection is no success yet";
  log.answers.push_back({});
  poll();
  EXPECT_THAT(partition.failure().why, IsEmpty());
}

TEST_F(ClusterPartitionTest, AFeedThatIsLostIsReplacedAndWhatItHadIsFoldedAgain) {
  partition.own("us/1");
  log.answers.push_back({.entries = {{1}}});
  log.answers.push_back({.status = FeedStatus::kLost});
  poll(2);
  EXPECT_EQ(stats.restarts.value(), 1u);
  EXPECT_TRUE(partition.is_owner());
  log.left = {{1}};
  poll();
  EXPECT_EQ(log.feeds, 2);
  EXPECT_EQ(log.acknowledged, 1u);
  EXPECT_THAT(shown, ElementsAre(1));
}

TEST_F(ClusterPartitionTest, WhatIsGivenUpIsCommittedAndThenNotOurs) {
  partition.own("us/1");
  log.answers.push_back({.entries = {{1}}});
  poll();
  partition.give_up(false);
  EXPECT_TRUE(partition.is_owner()) << "not before it is committed";
  EXPECT_EQ(log.interrupted, 1) << "a wait for news is broken off";
  poll();
  EXPECT_FALSE(partition.is_owner());
  EXPECT_EQ(log.acknowledged, 1u);
  EXPECT_THAT(log.rollups, IsEmpty());
  EXPECT_FALSE(partition.has_closed());
}

TEST_F(ClusterPartitionTest, TheLastOneClosesWhatOthersLeftOpenAndFollowsNobody) {
  poll();
  partition.own("us/1");
  partition.leave(true);
  log.left = {{1}};
  poll(3);
  EXPECT_TRUE(partition.has_closed());
  EXPECT_FALSE(partition.is_owner());
  EXPECT_EQ(log.rollups.size(), 1u);
  EXPECT_THAT(doors.opened, ElementsAre("follower", "us/1"));
}

TEST_F(ClusterPartitionTest, WhatIsDisownedIsDroppedWithoutACommit) {
  partition.own("us/1");
  log.answers.push_back({.entries = {{1}}});
  poll();
  partition.disown();
  poll();
  EXPECT_FALSE(partition.is_owner());
  EXPECT_EQ(log.acknowledged, 0u);
  EXPECT_THAT(doors.opened, ElementsAre("us/1", "follower"));
}

/// An ownership that takes everything, and gives it back at the end.
class Everything final : public Ownership {
 public:
  explicit Everything(std::vector<ClusterPartition*> partitions)
      : partitions_(std::move(partitions)) {}
  std::size_t poll(std::size_t) override {
    for (auto* const partition : partitions_) partition->own("us/1");
    return 0;
  }
  void idle() override { signal_.wait_for(std::chrono::milliseconds(20)); }
  void wake() override { signal_.notify(); }
  void begin_stop() override {}
  void stop() override {
    for (auto* const partition : partitions_) partition->leave(true);
    for (auto* const partition : partitions_) {
      while (partition->is_owner()) std::this_thread::yield();
    }
  }
  std::size_t members() const override { return 1; }

 private:
  const std::vector<ClusterPartition*> partitions_;
  Signal signal_;
};

class OneLog final : public ClusterLog {
 public:
  explicit OneLog(Doors& doors) : doors_(doors) {}
  std::unique_ptr<PartitionConnector> connector(std::uint32_t) override {
    return std::make_unique<FakeConnector>(doors_);
  }
  std::unique_ptr<Ownership> ownership(std::vector<ClusterPartition*> partitions,
                                       Signal&) override {
    return std::make_unique<Everything>(std::move(partitions));
  }

 private:
  Doors& doors_;
};

TEST_F(ClusterPartitionTest, AGroupOwnsFoldsAndClosesOnThreadsOfItsOwn) {
  log.left = {{1}};
  log.waits_end = true;
  OneLog one(doors);
  options.is_following = false;
  PartitionGroup group(parts, options, one, {});
  group.start();
  while (!group.owns(0)) std::this_thread::yield();
  group.stop();
  EXPECT_FALSE(group.owns(0));
  EXPECT_EQ(log.acknowledged, 1u);
  EXPECT_EQ(log.rollups.size(), 1u);
}

}  // namespace
}  // namespace slipstream::cluster_testing
