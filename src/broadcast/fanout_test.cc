// Samples: who gets which, how often, and what becomes of those who do not read.
#include <set>

#include "broadcast/fanout_fixture.h"
#include "tracing/testing.h"

namespace slipstream {
namespace {

using broadcast_testing::FanoutTest;
using broadcast_testing::point;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const InsightUpdate kUpdate = {
    .json =
        R"({"type":"insight_update","data":[{"chassis":"a","track":"cota"},)"
        R"({"chassis":"b","track":"barber"}],)"
        R"("gaps":[{"chassis":"a","position":1},{"chassis":"a","position":2},{"chassis":"b"}],)"
        R"("insights":[{"type":"tire_wear","chassis":"b"},{"type":"performance","chassis":"a"}],)"
        R"("meta":{"generated_at":"now","vehicle_count":2,"analysis_version":"2.0"}})",
    .gap_tracks = {"barber", "cota", "barber"},
    .notice_tracks = {"barber", "barber"}};
const std::string& kInsights = kUpdate.json;

TEST_F(FanoutTest, SilentClientGetsPointsAndInsights) {
  open();
  const auto client = join();
  send("a", 1);
  fanout_->take(kUpdate, now());
  fanout_->broadcast(Channel::kSystem, R"({"type":"system_update"})", now());
  commit({rollup(1)});
  EXPECT_THAT(client->take(),
              ElementsAre(R"({"type":"telemetry_update","data":[)"
                          R"({"track":"cota","chassis":"a","n":1,"speed_kmh":1.5}]})",
                          kInsights));
}

TEST_F(FanoutTest, ThousandClientsOnFourFiltersCostFourEncodings) {
  open();
  std::vector<Client> clients;
  for (int i = 0; i < 1'000; ++i) {
    clients.push_back(
        join(fmt::format(R"({{"type":"subscribe","where":{{"chassis":["car {}"]}}}})", i % 4)));
  }
  EXPECT_EQ(stats_.groups.value(), 4);
  for (int car = 0; car < 4; ++car) send(fmt::format("car {}", car), car);
  std::set<const Frame*> frames;
  for (int i = 0; i < 1'000; ++i) {
    const auto got = clients[static_cast<std::size_t>(i)]->take();
    ASSERT_THAT(got, SizeIs(1));
    EXPECT_THAT(got[0], HasSubstr(fmt::format(R"("n":{},)", i % 4)));
    frames.insert(clients[static_cast<std::size_t>(i)]->frames.back().get());
  }
  EXPECT_THAT(frames, SizeIs(4));
}

TEST_F(FanoutTest, PublishOfASampledBatchEndsWithTheLastMessageThatHasOfIt) {
  ManualClock clock(now_ns_);
  tracing_testing::RecordedSpans recorded(clock);
  open();
  const auto take_sampled = [&] {
    PointBatch batch = point("a", 1);
    batch.sampled = recorded.tracer().begin();
    batch.handed_on_ns = now_ns_;
    fanout_->take(batch, now());
  };
  take_sampled();
  EXPECT_THAT(recorded.names(), ElementsAre("publish")) << "nobody wants it: at once";
  const auto all = join();
  const auto one = join(R"({"type":"subscribe","where":{"chassis":["a"]}})");
  const auto other = join(R"({"type":"subscribe","where":{"chassis":["b"]}})");
  take_sampled();
  EXPECT_THAT(recorded.names(), SizeIs(1)) << "two messages wait to be sent";
  clock.advance(kNsPerMs);
  pass(kNsPerSecond);
  ASSERT_THAT(recorded.names(), ElementsAre("publish", "publish"));
  const TraceSpan& span = recorded.spans().back();
  EXPECT_EQ(span.times.end_ns, clock.now().ns);
  EXPECT_THAT(span.attributes,
              testing::Contains(SpanAttribute{kClientsAttribute, attribute_of(2)}));
}

TEST_F(FanoutTest, ManyClientsAreWrittenToInBatchesAndFewAreNot) {
  if (!SendBatch::open()) GTEST_SKIP() << "the kernel offers no io_uring here";
  open({.delivery = {.least_batch = 3}});
  std::vector<Client> clients;
  for (const std::size_t batches : {0u, 0u, 1u}) {
    clients.push_back(join());
    for (auto& client : clients) client->batched = 0;
    send("a", 1);
    fanout_->take(kUpdate, now());
    for (auto& client : clients) {
      EXPECT_EQ(client->batched, 2 * batches) << clients.size();
      EXPECT_THAT(client->take(), SizeIs(2));
    }
  }
}

TEST_F(FanoutTest, FieldsLeaveThePlaceOfAPointAndWhatWasAskedFor) {
  open();
  const auto client = join(R"({"type":"subscribe","fields":["speed_kmh","none"]})");
  send("a", 1);
  EXPECT_THAT(client->take(), ElementsAre(R"({"type":"telemetry_update","data":[)"
                                          R"({"track":"cota","chassis":"a","speed_kmh":1.5}]})"));
}

TEST_F(FanoutTest, WhereNamesTagsAndEachSeriesHasANewestPoint) {
  open();
  const auto left = join();
  EXPECT_THAT(say(left, R"({"type":"subscribe","where":{"tag.wheel":["fl","rl"]},"fields":["t"]})"),
              HasSubstr(R"("where":{"tag.wheel":["fl","rl"]},)"));
  const auto slow = join(R"({"type":"subscribe","max_hz":1,"fields":["t"]})");
  now_ns_ += kNsPerSecond;
  PointBatch batch;
  for (const auto* const wheel : {"fl", "fr"}) {
    broadcast_testing::add_point(
        batch, "cota", "a",
        fmt::format(R"({{"chassis":"a","wheel":"{0}","t":1,"tags":{{"wheel":"{0}"}}}})", wheel), 0,
        fmt::format(R"("wheel":"{}")", wheel));
  }
  fanout_->take(batch, now());
  fanout_->send_due(now());
  EXPECT_THAT(left->take(),
              ElementsAre(HasSubstr(R"([{"chassis":"a","t":1,"tags":{"wheel":"fl"}}])")));
  pass(2 * kNsPerSecond);
  EXPECT_THAT(slow->take(), ElementsAre(testing::AllOf(HasSubstr(R"({"wheel":"fl"})"),
                                                       HasSubstr(R"({"wheel":"fr"})"))));
  for (const auto* const where : {R"({"tag.":["a"]})", R"({"tag.x":[]})", R"({"wheel":["fl"]})"}) {
    EXPECT_THAT(say(left, fmt::format(R"({{"type":"subscribe","where":{}}})", where)),
                HasSubstr("bad_where"))
        << where;
  }
}

TEST_F(FanoutTest, FieldsLeaveARollupItsTags) {
  open();
  const auto client =
      join(R"({"type":"subscribe","channels":["rollups"],"where":{"tag.wheel":"fl"},)"
           R"("fields":["rpm"]})");
  pass(RollupFanout::kHoldNs);
  RollupBatch batch;
  for (const auto* const wheel : {"fl", "fr"}) {
    auto r = std::make_shared<Rollup>(*rollup(1));
    r->tags = fmt::format(R"("wheel":"{}")", wheel);
    r->window_id[1] = static_cast<std::uint8_t>(wheel[1]);
    batch.push_back(r);
  }
  commit(batch);
  const auto got = client->take();
  ASSERT_THAT(got, SizeIs(1));
  EXPECT_THAT(got[0], HasSubstr(R"("wheel":"fl","tags":{"wheel":"fl"},"avg_rpm":2)"));
  EXPECT_THAT(got[0], HasSubstr(R"("avg_rpm":2)"));
  EXPECT_THAT(got[0], testing::Not(HasSubstr("speed")));
  EXPECT_THAT(got[0], testing::Not(HasSubstr("\"fr\"")));
}

TEST_F(FanoutTest, WhereHoldsForInsightsAndTheirCompanions) {
  open();
  const auto a = join(R"({"type":"subscribe","where":{"track":"cota"}})");
  const auto none = join(R"({"type":"subscribe","where":{"track":["spa"],"chassis":["a"]}})");
  fanout_->take(kUpdate, now());
  EXPECT_THAT(
      a->take(),
      ElementsAre(R"({"type":"insight_update","data":[{"chassis":"a","track":"cota"}],)"
                  R"("gaps":[{"chassis":"a","position":2}],"insights":[],)"
                  R"("meta":{"generated_at":"now","vehicle_count":1,"analysis_version":"2.0"}})"));
  EXPECT_THAT(none->take(), IsEmpty());
}

TEST_F(FanoutTest, ChannelsAreThoseAskedFor) {
  open();
  const auto system = join(R"({"type":"subscribe","channels":["system"]})");
  const auto nothing = join(R"({"type":"subscribe","channels":[]})");
  EXPECT_FALSE(fanout_->wants(Channel::kTelemetry));
  EXPECT_TRUE(fanout_->wants(Channel::kSystem));
  send("a", 1);
  fanout_->take(kUpdate, now());
  fanout_->broadcast(Channel::kSystem, R"({"type":"system_update"})", now());
  EXPECT_THAT(system->take(), ElementsAre(R"({"type":"system_update"})"));
  EXPECT_THAT(nothing->take(), IsEmpty());
}

TEST_F(FanoutTest, MaxHzGivesTheNewestOfEachMachineSoOften) {
  open();
  const auto client = join(R"({"type":"subscribe","max_hz":10})");
  for (int ms = 0; ms < 1'000; ms += 5) {
    now_ns_ += 5 * kNsPerMs;
    fanout_->take(point("a", ms), now());
    fanout_->take(point("b", ms), now());
    fanout_->send_due(now());
  }
  const auto got = client->take();
  ASSERT_THAT(got, SizeIs(10));
  EXPECT_THAT(got[1], AllOf(HasSubstr(R"("chassis":"a","n":100,)"),
                            HasSubstr(R"("chassis":"b","n":100,)"), Not(HasSubstr("\"n\":95,"))));
  pass(100 * kNsPerMs);
  EXPECT_THAT(client->take(), ElementsAre(HasSubstr("\"n\":995"))) << "the last ones come too";
  EXPECT_EQ(fanout_->next_due(), kForever);
}

TEST_F(FanoutTest, SkippedClientIsToldHowManyMessagesItMissed) {
  open({.delivery = {.max_sample_bytes = 1'000}});
  const auto slow = join();
  const auto quick = join();
  slow->is_reading = false;
  const std::size_t size =
      2 + std::string_view(R"({"type":"telemetry_update","data":[]})").size() +
      std::string_view(R"({"track":"cota","chassis":"a","n":10,"speed_kmh":1.5})").size();
  const std::size_t fits = 1'000 / size;
  for (int i = 10; i < 60; ++i) send("a", i);
  EXPECT_EQ(slow->waiting(), fits);
  EXPECT_EQ(skipped(Policy::kSkip), 50 - fits);
  EXPECT_EQ(stats_.clients_skipped_permille.value(), 500);
  EXPECT_THAT(quick->take(), SizeIs(50));
  slow->read_all();
  slow->is_reading = true;
  slow->got.clear();
  send("a", 60);
  EXPECT_THAT(slow->take(), ElementsAre(fmt::format(R"({{"type":"gap","missed":{}}})", 50 - fits),
                                        HasSubstr("\"n\":60,")));
  send("a", 61);
  EXPECT_THAT(slow->take(), ElementsAre(HasSubstr("\"n\":61,")));
  EXPECT_EQ(stats_.clients_skipped_permille.value(), 0);
}

TEST_F(FanoutTest, ConflatingClientGetsTheNewestOfEachMachineOnceItReads) {
  int sent = 0;
  const auto client = join_conflating_and_behind("early", sent);
  for (int i = 0; i < 20; ++i) send(i % 2 == 0 ? "a" : "b", ++sent);
  fanout_->take(kUpdate, now());
  EXPECT_EQ(skipped(Policy::kConflate), 22u);
  client->read_all();
  client->is_reading = true;
  client->got.clear();
  fanout_->drained(client.id, now());
  const auto got = client->take();
  ASSERT_THAT(got, SizeIs(2)) << "no gap: this is what it asked for";
  EXPECT_THAT(got[0], AllOf(HasSubstr(fmt::format(R"("early","n":{},)", sent - 20)),
                            HasSubstr(fmt::format(R"("a","n":{},)", sent - 1)),
                            HasSubstr(fmt::format(R"("b","n":{},)", sent)),
                            Not(HasSubstr(fmt::format("\"n\":{},", sent - 2)))));
  EXPECT_EQ(got[1], kInsights);
  send("c", ++sent);
  EXPECT_THAT(client->take(), ElementsAre(AllOf(HasSubstr("\"c\""), Not(HasSubstr("\"a\"")))));
}

TEST_F(FanoutTest, ConflatedPointsThatFindNoRoomYetWaitForIt) {
  int sent = 0;
  const auto client = join_conflating_and_behind("early", sent);
  for (int i = 0; i < 30; ++i) send(fmt::format("car {}", i), ++sent);
  client->read_one();
  client->got.clear();
  fanout_->drained(client.id, now());
  client->read_all();
  for (const auto& message : client->take()) EXPECT_THAT(message, Not(HasSubstr("car ")));
  client->is_reading = true;
  fanout_->drained(client.id, now());
  const auto got = client->take();
  ASSERT_THAT(got, SizeIs(1));
  for (int i = 0; i < 30; ++i) EXPECT_THAT(got[0], HasSubstr(fmt::format("\"car {}\"", i)));
}

TEST_F(FanoutTest, ConflatedPointsNeverComeTwiceNorOlderAfterNewer) {
  int sent = 0;
  const auto client = join_conflating_and_behind("a", sent);
  // A point waits in the batch when the client has room again.
  fanout_->take(point("a", ++sent), now());
  client->read_all();
  client->is_reading = true;
  client->got.clear();
  fanout_->drained(client.id, now());
  EXPECT_THAT(client->take(), ElementsAre(HasSubstr(fmt::format("\"n\":{},", sent))));
  pass(kNsPerSecond);
  EXPECT_THAT(client->take(), IsEmpty());
}

TEST_F(FanoutTest, MessageLargerThanTheBufferGoesToWhoHasNothingUnsent) {
  open({.delivery = {.max_sample_bytes = 1'000}});
  const auto client = join();
  const std::string large(5'000, 'x');
  fanout_->broadcast(Channel::kInsights, large, now());
  EXPECT_THAT(client->take(), ElementsAre(large));
  client->is_reading = false;
  fanout_->broadcast(Channel::kInsights, large, now());
  fanout_->broadcast(Channel::kInsights, "{}", now());
  EXPECT_EQ(client->waiting(), 1u);
  EXPECT_EQ(skipped(Policy::kSkip), 1u);
}

TEST_F(FanoutTest, DisconnectClosesWith1013) {
  open({.delivery = {.max_sample_bytes = 1'000}});
  const auto client = join(R"({"type":"subscribe","policy":"disconnect"})");
  client->is_reading = false;
  for (int i = 0; i < 50; ++i) send("a", i);
  EXPECT_EQ(client->closed, WsClose::kTryAgainLater);
  EXPECT_EQ(skipped(Policy::kDisconnect), 1u);
  fanout_->remove(client.id);
  EXPECT_EQ(stats_.clients.value(), 0);
  send("a", 1);
}

TEST_F(FanoutTest, WarnsWhenOverHalfAreLeftOutAndNotTooOften) {
  open({.delivery = {.max_sample_bytes = 1'000}});
  const auto one = join();
  const auto two = join();
  one->is_reading = false;
  for (int i = 0; i < 50; ++i) send("a", i);
  EXPECT_THAT(warnings_, IsEmpty());
  two->is_reading = false;
  for (int i = 0; i < 50; ++i) send("a", i);
  EXPECT_THAT(warnings_, SizeIs(testing::Ge(1)));
  EXPECT_THAT(warnings_, SizeIs(testing::Le(5))) << "in 50 seconds";
}

TEST_F(FanoutTest, FilterMayBeChangedAndGroupsGo) {
  open();
  const auto client = join();
  EXPECT_THAT(say(client, R"({"type":"subscribe","id":7,"channels":["telemetry","rollups"],)"
                          R"("where":{"chassis":["b","a","b"]},"fields":["rpm"],"max_hz":20,)"
                          R"("policy":"conflate","windows":["bucket"]})"),
              testing::Eq(R"({"type":"subscribed","channels":["telemetry","rollups"],)"
                          R"("where":{"chassis":["a","b"]},"fields":["rpm"],"max_hz":20,)"
                          R"("policy":"conflate","windows":["sector","second","bucket"],)"
                          R"("cursor":"0","id":7})"));
  EXPECT_EQ(stats_.groups.value(), 1);
  EXPECT_THAT(say(client, R"({"type":"subscribe"})"),
              testing::Eq(R"({"type":"subscribed","channels":["telemetry","insights"],"where":{},)"
                          R"("fields":null,"max_hz":null,"policy":"skip",)"
                          R"("windows":["sector","second"]})"));
  EXPECT_EQ(stats_.groups.value(), 1);
}

TEST_F(FanoutTest, NumberOfFiltersIsBounded) {
  open();
  std::vector<Client> clients;
  for (std::size_t i = 0; i < Audience::kMaxGroups; ++i) {
    clients.push_back(
        join(fmt::format(R"({{"type":"subscribe","where":{{"chassis":["car {}"]}}}})", i)));
  }
  const auto late = join();
  EXPECT_THAT(say(late, R"({"type":"subscribe","id":"x","where":{"chassis":["new"]}})"),
              AllOf(HasSubstr(R"("reason":"too_many_filters")"), HasSubstr(R"("id":"x")")));
  EXPECT_THAT(say(late, R"({"type":"subscribe","where":{"chassis":["car 7"]}})"),
              HasSubstr("subscribed"));
  EXPECT_THAT(say(clients[3], R"({"type":"subscribe","where":{"chassis":["other"]}})"),
              HasSubstr("subscribed"))
      << "its own filter goes";
}

}  // namespace
}  // namespace slipstream
