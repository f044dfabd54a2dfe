// What happens once: rollups from the commit and from the store, answers, publishes.
#include "broadcast/fanout_fixture.h"

namespace slipstream {
namespace {

using broadcast_testing::FanoutTest;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class EventLaneTest : public FanoutTest {};

TEST_F(EventLaneTest, RollupsComeWithTheirCursorAndUnstoredOnesWhenAskedFor) {
  open();
  const auto plain = join(R"({"type":"subscribe","channels":["rollups"]})");
  const auto both =
      join(R"({"type":"subscribe","channels":["rollups"],"windows":["bucket"],"fields":["rpm"]})");
  pass(RollupFanout::kHoldNs);
  commit({rollup(1), rollup(2, "bucket"), rollup(3, "second", "b")});
  const auto got = plain->take();
  ASSERT_THAT(got, SizeIs(1));
  EXPECT_THAT(got[0], AllOf(HasSubstr(R"("lap":1,)"), Not(HasSubstr(R"("lap":2,)")),
                            HasSubstr(R"("lap":3,)"), HasSubstr(R"("cursor":"2.3000000")")));
  const auto all = both->take();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_THAT(all[0], AllOf(HasSubstr(R"("lap":2,)"), HasSubstr("avg_rpm"), HasSubstr("window_id"),
                            Not(HasSubstr("avg_speed_kmh"))));
  commit({rollup(4, "bucket")});
  EXPECT_THAT(plain->take(), IsEmpty());
  EXPECT_THAT(both->take(), ElementsAre(HasSubstr(R"("cursor":"2.3000000")")));
}

TEST_F(EventLaneTest, ResumeRightBehindSubscribeMissesAndRepeatsNothing) {
  open();
  commit({rollup(1), rollup(2)});
  const auto client = join(R"({"type":"subscribe","channels":["rollups"]})");
  commit({rollup(3)});
  EXPECT_THAT(client->take(), IsEmpty()) << "held for a moment";
  EXPECT_THAT(say(client, R"({"type":"resume","channel":"rollups","after":"0"})"),
              AllOf(HasSubstr("subscribed"), HasSubstr(R"("cursor":"0")")));
  ASSERT_THAT(reads_, SizeIs(1));
  EXPECT_EQ(reads_[0].query.after.row, 0);
  EXPECT_EQ(reads_[0].query.upto, 3);
  commit({rollup(4)});
  EXPECT_THAT(reads_, SizeIs(1)) << "one page at a time";
  answer_read({.rollups = {"{\"lap\":1}", "{\"lap\":2}", "{\"lap\":3}"}, .to = {3, 0x03000000}});
  EXPECT_THAT(client->take(),
              ElementsAre(R"({"type":"rollup_update","data":[{"lap":1},{"lap":2},{"lap":3}],)"
                          R"("cursor":"3.3000000"})"));
  ASSERT_THAT(reads_, SizeIs(1));
  EXPECT_EQ(reads_[0].query.after.row, 3);
  EXPECT_EQ(reads_[0].query.upto, 4);
  answer_read({.rollups = {"{\"lap\":4}"}, .to = {4, 0x04000000}});
  EXPECT_THAT(client->take(), SizeIs(1));
  EXPECT_THAT(reads_, IsEmpty());
  commit({rollup(5)});
  EXPECT_THAT(client->take(), ElementsAre(HasSubstr(R"("lap":5,)")));
}

TEST_F(EventLaneTest, HeldRollupsComeAfterAMoment) {
  open();
  const auto client = join(R"({"type":"subscribe","channels":["rollups"]})");
  commit({rollup(1)});
  EXPECT_EQ(fanout_->next_due(), now().steady + RollupFanout::kHoldNs);
  pass(RollupFanout::kHoldNs);
  EXPECT_THAT(client->take(), ElementsAre(HasSubstr(R"("lap":1,)")));
}

TEST_F(EventLaneTest, NextPageIsReadOnlyAsTheClientTakesTheOneBefore) {
  open({.delivery = {.max_event_bytes = 4'000}});
  commit({rollup(1), rollup(2)});
  const auto client = join();
  client->is_reading = false;
  fanout_->hear(client.id, R"({"type":"resume","channel":"rollups","after":"0"})", now());
  answer_read({.rollups = {"{\"x\":\"" + std::string(2'000, 'x') + "\"}"}, .to = {1, 0x01000000}});
  EXPECT_THAT(reads_, IsEmpty());
  client->read_all();
  fanout_->drained(client.id, now());
  EXPECT_THAT(reads_, SizeIs(1));
}

TEST_F(EventLaneTest, OneReadAtATimeHoweverOftenAClientResumes) {
  open();
  commit({rollup(1), rollup(2)});
  const auto client = join();
  for (int i = 0; i < 100; ++i) say(client, R"({"type":"resume","channel":"rollups","after":"0"})");
  say(client, R"({"type":"resume","channel":"rollups","after":"1.1000000"})");
  EXPECT_THAT(reads_, SizeIs(1));
  answer_read({.rollups = {"{\"lap\":1}"}, .to = {1, 0x01000000}});
  EXPECT_THAT(client->take(), IsEmpty()) << "it wants another page by now";
  ASSERT_THAT(reads_, SizeIs(1));
  EXPECT_EQ(reads_[0].query.after.row, 1);
}

TEST_F(EventLaneTest, GapOfRetentionIsTold) {
  open();
  commit({rollup(1), rollup(2)});
  const auto client = join();
  say(client, R"({"type":"resume","channel":"rollups","after":"0"})");
  answer_read({.rollups = {"{\"lap\":2}"}, .to = {2, 0x02000000}, .gone = 1});
  EXPECT_THAT(client->take(), ElementsAre(R"({"type":"gap","channel":"rollups","missed":1})",
                                          HasSubstr("rollup_update")));
}

TEST_F(EventLaneTest, CursorOfAnotherStoreIsRefusedAndChangesNothing) {
  open();
  commit({rollup(1), rollup(2)});
  const auto client = join(R"({"type":"subscribe","channels":["rollups"]})");
  pass(RollupFanout::kHoldNs);
  const std::string reason = R"("reason":"bad_cursor")";
  EXPECT_THAT(say(client, R"({"type":"resume","channel":"rollups","after":"9.1","id":1})"),
              AllOf(HasSubstr(reason), HasSubstr(R"("id":1)")));
  EXPECT_THAT(say(client, R"({"type":"resume","channel":"rollups","after":"2.1"})"),
              HasSubstr(reason));
  EXPECT_EQ(say(client, R"({"type":"resume","channel":"rollups","after":"1.5","id":"x"})"), "")
      << "the store is asked first";
  EXPECT_TRUE(client->paused) << "answers come in the order of what was said";
  answer_read({.is_foreign = true});
  EXPECT_THAT(client->take(), ElementsAre(AllOf(HasSubstr(reason), HasSubstr(R"("id":"x")"))));
  EXPECT_FALSE(client->paused);
  commit({rollup(3)});
  EXPECT_THAT(client->take(), ElementsAre(HasSubstr(R"("lap":3,)"))) << "live as before";
  say(client, R"({"type":"resume","channel":"rollups","after":"1.1000000","id":"y"})");
  reads_[0].taker(fail("the disk is gone"));
  EXPECT_THAT(client->take(),
              ElementsAre(AllOf(HasSubstr(R"("reason":"unavailable")"), HasSubstr(R"("id":"y")"))));
}

TEST_F(EventLaneTest, FailingReadInTheMiddleOfAResumptionEndsTheChannel) {
  open();
  commit({rollup(1), rollup(2)});
  const auto client = join();
  say(client, R"({"type":"resume","channel":"rollups","after":"0"})");
  reads_[0].taker(fail("the disk is gone"));
  EXPECT_THAT(client->take(), ElementsAre(HasSubstr(R"("reason":"unavailable")")));
  commit({rollup(3)});
  EXPECT_THAT(client->take(), IsEmpty());
}

TEST_F(EventLaneTest, WhatIsHeldWaitsUntilTheStoreHasSaidWhoseTheCursorIs) {
  open();
  commit({rollup(1), rollup(2)});
  const auto client = join(R"({"type":"subscribe","channels":["rollups"]})");
  commit({rollup(3)});
  say(client, R"({"type":"resume","channel":"rollups","after":"1.1000000","id":7})");
  pass(2 * RollupFanout::kHoldNs);
  EXPECT_THAT(client->take(), IsEmpty());
  answer_read({.rollups = {"{\"lap\":2}", "{\"lap\":3}"}, .to = {3, 0x03000000}});
  EXPECT_THAT(client->take(),
              ElementsAre(AllOf(HasSubstr("subscribed"), HasSubstr(R"("cursor":"1.1000000")"),
                                HasSubstr(R"("id":7)")),
                          HasSubstr(R"([{"lap":2},{"lap":3}])")));
  pass(2 * RollupFanout::kHoldNs);
  commit({rollup(4)});
  EXPECT_THAT(client->take(), ElementsAre(HasSubstr(R"("lap":4,)"))) << "none twice";
}

TEST_F(EventLaneTest, SubscriptionInTheMiddleOfAResumptionHoldsFromItsCursorOn) {
  open();
  commit({rollup(1), rollup(2, "sector", "b"), rollup(3)});
  const auto client =
      join(R"({"type":"subscribe","channels":["rollups"],"where":{"chassis":"a"}})");
  say(client, R"({"type":"resume","channel":"rollups","after":"0"})");
  EXPECT_THAT(say(client, R"({"type":"subscribe","channels":["rollups"],"where":{"chassis":"b"}})"),
              HasSubstr(R"("cursor":"0")"));
  answer_read({.rollups = {"{\"lap\":1}"}, .to = {1, 0x01000000}});
  EXPECT_THAT(client->take(), IsEmpty()) << "a page of the old filter";
  ASSERT_THAT(reads_, SizeIs(1));
  EXPECT_EQ(reads_[0].query.after.row, 0);
  EXPECT_TRUE(reads_[0].query.keep("cota", "b", ""));
  EXPECT_FALSE(reads_[0].query.keep("cota", "a", ""));
}

TEST_F(EventLaneTest, SubscriptionWhileRollupsAreHeldHoldsForThose) {
  open();
  commit({rollup(1)});
  const auto client = join(R"({"type":"subscribe","channels":["rollups"]})");
  commit({rollup(2), rollup(3, "sector", "b"), rollup(4, "bucket", "b")});
  EXPECT_THAT(say(client, R"({"type":"subscribe","channels":["rollups"],"windows":["bucket"],)"
                          R"("where":{"chassis":"b"}})"),
              HasSubstr(R"("cursor":"1.1000000")"));
  commit({rollup(5), rollup(6, "sector", "b")});
  pass(RollupFanout::kHoldNs);
  EXPECT_THAT(client->take(),
              ElementsAre(AllOf(HasSubstr(R"("lap":3,)"), HasSubstr(R"("lap":4,)"),
                                Not(HasSubstr(R"("lap":2,)"))),
                          AllOf(HasSubstr(R"("lap":6,)"), Not(HasSubstr(R"("lap":5,)")))));
}

TEST_F(EventLaneTest, HoldsEndWhereTheyWouldTakeTooMuch) {
  open({.delivery = {.max_event_bytes = 20'000}});
  const auto client = join(R"({"type":"subscribe","channels":["rollups"]})");
  int committed = 0;
  while (committed < 1'000 && client->waiting() == 0) commit({rollup(++committed)});
  EXPECT_GT(committed, 1);
  EXPECT_EQ(client->take().size(), static_cast<std::size_t>(committed));
  commit({rollup(7)});
  EXPECT_THAT(client->take(), SizeIs(1));
}

TEST_F(EventLaneTest, CommitsThatDidNotComeAreReadFromTheStore) {
  open();
  const auto client = join(R"({"type":"subscribe","channels":["rollups"]})");
  pass(RollupFanout::kHoldNs);
  commit({rollup(1)});
  client->got.clear();
  newest_ = {5, 0x05000000};  // 2 to 5 found the queue full
  commit({rollup(6)});
  ASSERT_THAT(reads_, SizeIs(1));
  EXPECT_EQ(reads_[0].query.after.row, 1);
  EXPECT_THAT(client->take(), IsEmpty());
  answer_read({.rollups = {"{}"}, .to = {5, 0x05000000}});
  answer_read({.rollups = {"{}"}, .to = {6, 0x06000000}});
  EXPECT_THAT(client->take(), SizeIs(2));
  commit({rollup(7)});
  EXPECT_THAT(client->take(), SizeIs(1));
}

TEST_F(EventLaneTest, WhatHappensOnceIsNeverDroppedButClosesWhoDoesNotTakeIt) {
  open({.delivery = {.max_event_bytes = 10'000}});
  const auto client = join(R"({"type":"subscribe","channels":["rollups"]})");
  pass(RollupFanout::kHoldNs);
  client->is_reading = false;
  int committed = 0;
  while (client->is_open()) commit({rollup(++committed)});
  EXPECT_EQ(client->closed, WsClose::kTryAgainLater);
  EXPECT_THAT(client->close_reason, HasSubstr("resume"));
  EXPECT_EQ(client->waiting(), static_cast<std::size_t>(committed - 1));
  EXPECT_LE(client->unsent_bytes(WsLane::kEvents), 10'000u);
  EXPECT_EQ(stats_.clients_too_far_behind.value(), 1u);
}

TEST_F(EventLaneTest, ClientThatAsksAndDoesNotReadIsClosed) {
  open({.delivery = {.max_event_bytes = 1'000}});
  const auto client = join();
  client->is_reading = false;
  for (int i = 0; i < 200; ++i) fanout_->hear(client.id, R"({"type":"ping"})", now());
  EXPECT_EQ(client->closed, WsClose::kTryAgainLater);
}

TEST_F(EventLaneTest, PublishIsAnsweredOnceItIsSafe) {
  open();
  const auto client = join();
  EXPECT_EQ(say(client, R"({"type":"publish","id":"p1","points":[{"a":1.50}]})"), "");
  ASSERT_THAT(published_, SizeIs(1));
  EXPECT_EQ(published_[0].points, R"([{"a":1.50}])");
  EXPECT_EQ(published_[0].key, "p1");
  published_[0].answered({.body = R"({"ok":true,"accepted":1,"rejected":0,"errors":[]})"});
  EXPECT_THAT(
      client->take(),
      ElementsAre(R"({"type":"ack","id":"p1","ok":true,"accepted":1,"rejected":0,"errors":[]})"));
  EXPECT_EQ(published_[0].traceparent, "");
  say(client, R"({"type":"publish","points":[],"traceparent":"00-1"})");
  EXPECT_EQ(published_[1].key, "");
  EXPECT_EQ(published_[1].traceparent, "00-1");
  published_[1].answered({.refusal = "overloaded", .body = "later"});
  EXPECT_THAT(client->take(),
              ElementsAre(R"({"type":"error","reason":"overloaded","message":"later","id":null})"));
}

TEST_F(EventLaneTest, NumbersThatManyClientsCountByAreKeptApartByTheirPoints) {
  open();
  const auto client = join();
  say(client, R"({"type":"publish","id":1,"points":[1]})");
  say(client, R"({"type":"publish","id":1,"points":[2]})");
  say(client, R"({"type":"publish","id":1,"points":[1]})");
  EXPECT_NE(published_[0].key, published_[1].key);
  EXPECT_EQ(published_[0].key, published_[2].key);
}

TEST_F(EventLaneTest, PublisherIsNotReadFromWhileTooMuchOfItWaits) {
  open();
  const auto client = join();
  for (std::size_t i = 1; i <= Fanout::kMaxPublishesWaiting; ++i) {
    EXPECT_FALSE(client->paused);
    say(client, R"({"type":"publish","points":[{}]})");
  }
  EXPECT_TRUE(client->paused);
  published_[0].answered({.body = "{}"});
  EXPECT_FALSE(client->paused);
  say(client, fmt::format(R"({{"type":"publish","points":["{}"]}})",
                          std::string(Fanout::kMaxPublishBytesWaiting, 'x')));
  EXPECT_TRUE(client->paused) << "bytes count too";
  fanout_->remove(client.id);
  published_[1].answered({.body = "{}"});
}

}  // namespace
}  // namespace slipstream
