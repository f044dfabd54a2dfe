#include "broadcast/late_join.h"

#include "broadcast/fanout_fixture.h"
#include "codec/json_scan.h"

namespace slipstream::broadcast_testing {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// A log whose pages the test gives.
class FakeRecordings final : public Recordings {
 public:
  struct Read {
    std::string tracks;
    std::uint64_t upto;
    RecordedTaker taker;
  };
  std::uint64_t end() const override { return end_of_log; }
  std::shared_ptr<RecordedPoints> open(std::shared_ptr<const Filter> filter) override {
    return std::make_shared<Points>(*this, filter->tracks.empty() ? "" : filter->tracks.front());
  }

  std::uint64_t end_of_log = 0;
  std::vector<Read> reads;

 private:
  class Points final : public RecordedPoints {
   public:
    Points(FakeRecordings& all, std::string tracks) : all_(all), tracks_(std::move(tracks)) {}
    void read(std::uint64_t upto, RecordedTaker taker) override {
      all_.reads.push_back({tracks_, upto, std::move(taker)});
    }

   private:
    FakeRecordings& all_;
    const std::string tracks_;
  };
};

class LateJoinTest : public FanoutTest {
 protected:
  static constexpr std::string_view kSubscription =
      R"({"type":"subscribe","channels":["telemetry"],"from":"session"})";

  void SetUp() override {
    open();
    fanout_->set_recordings(&log_);
  }
  /// Points are numbered by their places in the log.
  PointBatch numbered(std::uint64_t offset) {
    PointBatch batch = point("a", static_cast<int>(offset));
    batch.log_offset = offset;
    return batch;
  }
  /// It is in the log, and comes to the clients.
  void come(std::uint64_t offset) {
    log_.end_of_log = std::max(log_.end_of_log, offset + 1);
    fanout_->take(numbered(offset), now());
    pass(200 * kNsPerMs);
  }
  void answer(std::vector<int> numbers, bool is_last) {
    ASSERT_FALSE(log_.reads.empty());
    const auto read = log_.reads.front();
    log_.reads.erase(log_.reads.begin());
    RecordedPage page{.is_last = is_last};
    for (const int n : numbers) {
      if (page.count++ > 0) page.points += ',';
      page.points += fmt::format(R"({{"n":{}}})", n);
    }
    read.taker(page, now());
  }
  /// The numbers of the points that it got since the call before.
  static std::vector<int> numbers(const Client& client) {
    std::vector<int> numbers;
    for (const std::string& message : client->take()) {
      JsonScan points(json_member(message, "data"));
      while (const auto one = points.next()) {
        numbers.push_back(std::stoi(std::string(json_member(one->value, "n"))));
      }
    }
    return numbers;
  }

  FakeRecordings log_;
};

TEST_F(LateJoinTest, WhatWasRecordedComesFirstThenWhatCameMeanwhileThenLivePoints) {
  log_.end_of_log = 3;
  const Client client = join();
  EXPECT_THAT(say(client, kSubscription), HasSubstr(R"("from":"session")"));
  come(3);
  EXPECT_THAT(numbers(client), IsEmpty());
  answer({0, 1}, false);
  answer({2}, true);
  pass(200 * kNsPerMs);
  come(4);
  EXPECT_THAT(numbers(client), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(log_.reads, IsEmpty());
}

TEST_F(LateJoinTest, RecordedPointsSayThatTheyAre) {
  log_.end_of_log = 1;
  const Client client = join(kSubscription);
  client->take();
  answer({0}, true);
  EXPECT_THAT(client->take(),
              ElementsAre(R"({"type":"telemetry_update","recorded":true,"data":[{"n":0}]})"));
}

TEST_F(LateJoinTest, PointThatWasReadAndComesLateIsNotGivenTwice) {
  log_.end_of_log = 3;
  const Client client = join(kSubscription);
  client->take();
  come(2);
  answer({0, 1, 2}, true);
  come(1);
  come(3);
  EXPECT_THAT(numbers(client), ElementsAre(0, 1, 2, 3));
}

TEST_F(LateJoinTest, ClientIsWithTheOthersOnceNothingComesTwiceAnyMore) {
  log_.end_of_log = 1;
  const Client other = join(R"({"type":"subscribe","channels":["telemetry"]})");
  const Client client = join(kSubscription);
  client->take();
  other->take();
  answer({0}, true);
  for (int n = 1; n <= 30; ++n) come(static_cast<std::uint64_t>(n));
  std::vector<int> all;
  for (int n = 0; n <= 30; ++n) all.push_back(n);
  EXPECT_THAT(numbers(client), testing::ElementsAreArray(all));
  all.erase(all.begin());
  EXPECT_THAT(numbers(other), testing::ElementsAreArray(all));
  // One encoding for both.
  come(31);
  EXPECT_EQ(client->frames.back(), other->frames.back());
}

TEST_F(LateJoinTest, WhoIsHeldTooLongReadsOn) {
  log_.end_of_log = 1;
  const Client client = join(kSubscription);
  client->take();
  std::string large(LateJoin::kMaxHeldBytes / 4, 'x');
  for (std::uint64_t n = 1; n <= 6; ++n) {
    PointBatch batch;
    add_point(batch, "cota", "a", fmt::format(R"({{"n":{},"text":"{}"}})", n, large));
    batch.log_offset = n;
    log_.end_of_log = n + 1;
    fanout_->take(batch, now());
  }
  answer({0}, true);
  ASSERT_EQ(log_.reads.size(), 1u);
  EXPECT_EQ(log_.reads.front().upto, 7u);
  come(7);
  answer({1, 2, 3, 4, 5, 6}, true);
  pass(200 * kNsPerMs);
  EXPECT_THAT(numbers(client), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST_F(LateJoinTest, WhoIsThinnedOutReadsOnUntilLittleCameMeanwhile) {
  log_.end_of_log = 1;
  const Client client =
      join(R"({"type":"subscribe","channels":["telemetry"],"from":"session","max_hz":10})");
  client->take();
  come(1);
  come(2);
  answer({0}, true);
  ASSERT_EQ(log_.reads.size(), 1u) << "three tenths of a second passed";
  answer({1, 2}, true);
  EXPECT_THAT(log_.reads, IsEmpty());
  come(3);
  EXPECT_THAT(numbers(client), ElementsAre(0, 1, 2, 3));
}

TEST_F(LateJoinTest, PageWaitsUntilTheClientHasRoom) {
  open({.delivery = {.max_event_bytes = 4'000}});
  fanout_->set_recordings(&log_);
  log_.end_of_log = 10;
  const Client client = join(kSubscription);
  client->is_reading = false;
  std::vector<int> many(200, 7);
  answer(many, false);
  EXPECT_THAT(log_.reads, IsEmpty());
  client->read_all();
  fanout_->drained(client.id, now());
  ASSERT_EQ(log_.reads.size(), 1u);
  EXPECT_FALSE(client->closed);
}

TEST_F(LateJoinTest, AnotherSubscriptionEndsIt) {
  log_.end_of_log = 1;
  const Client client = join(kSubscription);
  say(client, R"({"type":"subscribe","channels":["telemetry"]})");
  client->take();
  come(1);
  answer({0}, true);
  EXPECT_THAT(numbers(client), ElementsAre(1));
}

TEST_F(LateJoinTest, PageForOneWhoIsGoneIsForNobody) {
  log_.end_of_log = 1;
  const Client client = join(kSubscription);
  fanout_->remove(client.id);
  client->take();
  answer({0}, true);
  EXPECT_THAT(client->take(), IsEmpty());
}

TEST_F(LateJoinTest, SomePagesAreReadAtATimeInTurns) {
  log_.end_of_log = 1;
  std::vector<Client> clients;
  for (std::size_t i = 0; i < LateJoin::kMaxAtOnce + 2; ++i) clients.push_back(join(kSubscription));
  EXPECT_EQ(log_.reads.size(), LateJoin::kMaxAtOnce);
  answer({0}, false);
  EXPECT_EQ(log_.reads.size(), LateJoin::kMaxAtOnce) << "the fifth one's, before the first's next";
  answer({0}, true);
  answer({0}, true);
  answer({0}, true);
  EXPECT_EQ(log_.reads.size(), 3u) << "of the fifth, the sixth, and the first again";
  for (const Client& client : clients) client->take();
  answer({0}, true);
  EXPECT_THAT(numbers(clients[4]), ElementsAre(0));
}

TEST_F(LateJoinTest, ClientWithoutRoomHoldsUpNobody) {
  open({.delivery = {.max_event_bytes = 4'000}});
  fanout_->set_recordings(&log_);
  log_.end_of_log = 1;
  std::vector<Client> slow;
  for (std::size_t i = 0; i < LateJoin::kMaxAtOnce; ++i) {
    slow.push_back(join(kSubscription));
    slow.back()->is_reading = false;
  }
  for (std::size_t i = 0; i < slow.size(); ++i) answer(std::vector<int>(200, 7), false);
  EXPECT_THAT(log_.reads, IsEmpty());
  const Client quick = join(kSubscription);
  quick->take();
  answer({0}, true);
  EXPECT_THAT(numbers(quick), ElementsAre(0));
}

TEST_F(LateJoinTest, PageForOneWhoIsGoneMakesRoomForAnother) {
  log_.end_of_log = 1;
  std::vector<Client> clients;
  for (std::size_t i = 0; i < LateJoin::kMaxAtOnce + 1; ++i) clients.push_back(join(kSubscription));
  fanout_->remove(clients[0].id);
  EXPECT_EQ(log_.reads.size(), LateJoin::kMaxAtOnce);
  answer({0}, true);
  EXPECT_EQ(log_.reads.size(), LateJoin::kMaxAtOnce) << "the fifth one's among them";
}

TEST_F(LateJoinTest, WhatRetentionTookIsTold) {
  log_.end_of_log = 9;
  const Client client = join(kSubscription);
  client->take();
  log_.reads.front().taker(
      RecordedPage{.is_last = true, .gone_before = EventTime{1'757'000'000 * kNsPerSecond}}, now());
  EXPECT_THAT(client->take(),
              ElementsAre(R"({"type":"gap","gone_before":"2025-09-04T15:33:20Z"})"));
}

TEST_F(LateJoinTest, WhatIsLostIsTold) {
  log_.end_of_log = 9;
  const Client client = join(kSubscription);
  client->take();
  log_.reads.front().taker(RecordedPage{.lost = 9, .is_last = true}, now());
  EXPECT_THAT(client->take(), ElementsAre(R"({"type":"gap","missed":9})"));
}

TEST_F(LateJoinTest, WhereTheLogCannotBeReadTheClientIsToldAndIsLive) {
  log_.end_of_log = 1;
  const Client client = join(kSubscription);
  client->take();
  come(1);
  log_.reads.front().taker(fail("the disk is gone", ErrorCode::kIo), now());
  EXPECT_THAT(client->take(), ElementsAre(AllOf(HasSubstr(R"("reason":"unavailable")"),
                                                HasSubstr("the disk is gone"))));
  pass(200 * kNsPerMs);
  EXPECT_THAT(numbers(client), ElementsAre(1));
}

TEST_F(LateJoinTest, SlowClientGetsTheNewestOnceItHasReadAndNothingBefore) {
  open({.delivery = {.max_sample_bytes = 1'000}});
  fanout_->set_recordings(&log_);
  log_.end_of_log = 1;
  const Client client =
      join(R"({"type":"subscribe","channels":["telemetry"],"from":"session","policy":"conflate"})");
  client->take();
  answer({0}, true);
  client->is_reading = false;
  int n = 0;
  while (skipped(Policy::kConflate) == 0) come(static_cast<std::uint64_t>(++n));
  client->is_reading = true;
  client->read_all();
  fanout_->drained(client.id, now());
  const auto got = numbers(client);
  EXPECT_EQ(got.front(), 0);
  EXPECT_EQ(got.back(), n);
  EXPECT_TRUE(std::ranges::is_sorted(got));
  EXPECT_EQ(std::ranges::adjacent_find(got), got.end());
}

TEST_F(LateJoinTest, WithoutALogItIsRefusedAndNothingIsChanged) {
  open();
  const Client client = join(R"({"type":"subscribe","channels":["telemetry"],"max_hz":5})");
  EXPECT_THAT(say(client, kSubscription), HasSubstr(R"("reason":"no_history")"));
  EXPECT_THAT(say(client, R"({"type":"subscribe","channels":["laps"],"from":"session"})"),
              HasSubstr(R"("reason":"bad_from")"));
  EXPECT_THAT(say(client, R"({"type":"subscribe","from":"yesterday"})"),
              AllOf(HasSubstr(R"("reason":"bad_from")"), Not(HasSubstr("subscribed"))));
}

}  // namespace
}  // namespace slipstream::broadcast_testing
