#include "output/outbox_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

/// Rows in memory, one rollup each.
class MemoryOutbox final : public RollupOutbox {
 public:
  void put(const std::string& shard, std::uint64_t id) {
    rows_[shard].push_back({.id = id, .count = 1, .rollups = std::to_string(id) + "\n"});
  }
  std::size_t left(const std::string& shard) { return rows_[shard].size(); }
  bool cannot_remove = false;

  const std::string& writer() const override { return writer_; }
  std::vector<std::string> shards() const override {
    std::vector<std::string> names;
    for (const auto& [shard, rows] : rows_) {
      if (!rows.empty()) names.push_back(shard);
    }
    return names;
  }
  Result<std::vector<OutboxRow>> read(const std::string& shard, std::size_t) override {
    return rows_[shard];
  }
  Result<void> remove(const std::string& shard, std::uint64_t up_to) override {
    if (cannot_remove) return fail("locked");
    std::erase_if(rows_[shard], [&](const OutboxRow& row) { return row.id <= up_to; });
    return {};
  }
  const OutboxStats& stats() const override { return stats_; }

 private:
  const std::string writer_ = "w";
  std::map<std::string, std::vector<OutboxRow>> rows_;
  OutboxStats stats_;
};

/// A destination that notes the newest row of each shard, and fails where it is told to.
class Receiver final : public RollupSender {
 public:
  const RollupDestination& destination() const override { return destination_; }
  Sent send(const Shipment& shipment) override {
    EXPECT_EQ(shipment.writer, "w");
    ++tries[shipment.shard];
    Sent sent;
    for (const auto& row : shipment.rows) {
      if (const auto limit = takes.find(shipment.shard);
          limit != takes.end() && limit->second-- <= 0) {
        sent.failed = Error{shipment.shard + " is away"};
        sent.was_interrupted = is_interrupted;
        break;
      }
      std::uint64_t& newest = newest_[shipment.shard];
      if (row.id <= newest) {
        sent.repeated += row.count;
      } else {
        got[shipment.shard] += row.rollups;
        newest = row.id;
      }
      ++sent.rows;
    }
    return sent;
  }
  void interrupt() override { ++interrupts; }
  std::uint64_t returns() const override { return came_back; }

  std::map<std::string, int> takes;  ///< so many rows more; a shard that is not in it: all
  std::map<std::string, int> tries;
  std::map<std::string, std::string> got;
  bool is_interrupted = false;
  int interrupts = 0;
  std::uint64_t came_back = 0;

 private:
  const RollupDestination destination_ = {.name = "receiver"};
  std::map<std::string, std::uint64_t> newest_;
};

class OutboxSenderTest : public testing::Test {
 protected:
  OutboxSenderTest() : receiver_(new Receiver) {
    sender_ = std::make_unique<OutboxSender>(
        outbox_, std::unique_ptr<RollupSender>(receiver_), clock_,
        [this](const std::string& text) { warnings_.push_back(text); });
  }

  ManualClock clock_{1'000'000 * kNsPerSecond};
  MemoryOutbox outbox_;
  Receiver* const receiver_;  ///< the sender's
  std::vector<std::string> warnings_;
  std::unique_ptr<OutboxSender> sender_;
};

TEST_F(OutboxSenderTest, SendsWhatWaitsInOrderAndRemovesIt) {
  for (const std::uint64_t id : {1, 2, 5}) outbox_.put("a", id);
  outbox_.put("b", 3);
  EXPECT_EQ(sender_->poll(256), 4u);
  EXPECT_EQ(receiver_->got["a"], "1\n2\n5\n");
  EXPECT_EQ(receiver_->got["b"], "3\n");
  EXPECT_EQ(sender_->poll(256), 0u);
  EXPECT_THAT(outbox_.shards(), SizeIs(0));
  EXPECT_EQ(sender_->stats().sent.value(), 4u);
  EXPECT_EQ(sender_->stats().repeated.value(), 0u);
  EXPECT_EQ(sender_->name(), "receiver");
}

TEST_F(OutboxSenderTest, AShardThatFailsWaitsLongerEachTimeAndTheOthersGoOn) {
  receiver_->takes["a"] = 0;
  outbox_.put("a", 1);
  outbox_.put("b", 2);
  sender_->poll(256);
  sender_->poll(256);
  EXPECT_EQ(receiver_->got["b"], "2\n");
  EXPECT_EQ(receiver_->tries["a"], 1) << "it is not due";
  EXPECT_EQ(sender_->stats().failing.value(), 1);
  EXPECT_EQ(sender_->last_error(), "a is away");
  // Waits are drawn from the upper half of 100 ms, 200 ms, 400 ms ...
  for (std::int64_t wait_ms = 100; wait_ms <= 6'400; wait_ms *= 2) {
    const int before = receiver_->tries["a"];
    clock_.advance((wait_ms / 2 - 1) * kNsPerMs);
    sender_->poll(256);
    EXPECT_EQ(receiver_->tries["a"], before) << wait_ms;
    clock_.advance((wait_ms / 2 + 1) * kNsPerMs);
    sender_->poll(256);
    EXPECT_EQ(receiver_->tries["a"], before + 1) << wait_ms;
  }
  receiver_->takes.clear();
  clock_.advance(10 * kNsPerSecond);
  EXPECT_EQ(sender_->poll(256), 1u);
  EXPECT_EQ(sender_->stats().failing.value(), 0);
  EXPECT_EQ(sender_->stats().failures.value(), 8u);
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("a cannot be written, rollups wait: a is away"),
                                     HasSubstr("a can be written again")))
      << "told once, not at every try";
}

TEST_F(OutboxSenderTest, IsTriedAtOnceWhereTheDestinationIsBack) {
  receiver_->takes["a"] = 0;
  outbox_.put("a", 1);
  sender_->poll(256);
  receiver_->takes.clear();
  EXPECT_EQ(sender_->poll(256), 0u) << "it waits for its time";
  receiver_->came_back = 1;
  EXPECT_EQ(sender_->poll(256), 1u);
}

TEST_F(OutboxSenderTest, WhatWentBeforeAFailureIsRemovedAndTheRestComesNext) {
  for (const std::uint64_t id : {1, 2, 3}) outbox_.put("a", id);
  receiver_->takes["a"] = 2;
  EXPECT_EQ(sender_->poll(256), 0u);
  EXPECT_EQ(outbox_.left("a"), 1u);
  EXPECT_EQ(sender_->stats().sent.value(), 2u);
  EXPECT_EQ(sender_->stats().failures.value(), 1u);
  receiver_->takes.clear();
  clock_.advance(kNsPerSecond);
  EXPECT_EQ(sender_->poll(256), 1u);
  EXPECT_EQ(receiver_->got["a"], "1\n2\n3\n");
}

TEST_F(OutboxSenderTest, WhatCannotBeRemovedIsSentAgainAndCountedAsRepeated) {
  outbox_.put("a", 1);
  outbox_.cannot_remove = true;
  EXPECT_EQ(sender_->poll(256), 0u);
  EXPECT_EQ(sender_->last_error(), "locked");
  outbox_.cannot_remove = false;
  clock_.advance(kNsPerSecond);
  EXPECT_EQ(sender_->poll(256), 1u);
  EXPECT_EQ(receiver_->got["a"], "1\n");
  EXPECT_EQ(sender_->stats().sent.value(), 1u);
  EXPECT_EQ(sender_->stats().repeated.value(), 1u);
}

TEST_F(OutboxSenderTest, AnInterruptIsNoFailureAndTheEndSendsAgain) {
  outbox_.put("a", 1);
  receiver_->takes["a"] = 0;
  receiver_->is_interrupted = true;
  sender_->wake();
  EXPECT_EQ(receiver_->interrupts, 1);
  EXPECT_EQ(sender_->poll(256), 0u);
  EXPECT_EQ(sender_->stats().failures.value(), 0u);
  receiver_->takes.clear();
  EXPECT_TRUE(sender_->flush(std::chrono::seconds(1)));
  EXPECT_EQ(receiver_->got["a"], "1\n");
}

TEST_F(OutboxSenderTest, TheEndTriesNothingThatFails) {
  outbox_.put("a", 1);
  receiver_->takes["a"] = 0;
  sender_->poll(256);
  EXPECT_FALSE(sender_->flush(std::chrono::seconds(60)));
  EXPECT_EQ(receiver_->tries["a"], 1);
}

}  // namespace
}  // namespace slipstream
