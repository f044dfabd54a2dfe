// Marks to WebSocket clients: live, by filters, and resumed; each once and in order.
#include "broadcast/fanout_fixture.h"
#include "broadcast/stored_events.h"
#include "codec/json_scan.h"

namespace slipstream::broadcast_testing {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class EventFanoutTest : public FanoutTest {
 protected:
  EventFanoutTest() { open(); }

  StoredMark stored(MarkRow row, std::string chassis = "a", std::string track = "cota") {
    return {row, std::make_shared<const Mark>(Mark{.time = {row * kNsPerSecond},
                                                   .track = std::move(track),
                                                   .chassis = std::move(chassis),
                                                   .kind = "note",
                                                   .text = std::to_string(row)})};
  }
  void commit_marks(std::vector<StoredMark> marks) {
    const MarkCursor before = newest_mark_;
    newest_mark_ = marks.back().cursor();
    CommittedEvents committed{.events = {}, .before = before};
    for (const StoredMark& mark : marks) committed.events.push_back(event_of(mark));
    fanout_->take(Channel::kMarks, committed);
  }
  /// Of the messages that it got since the last time: the texts of marks, and other messages.
  std::vector<std::string> texts(const Client& client) {
    std::vector<std::string> out;
    for (const auto& message : client->take()) {
      const auto text = json_member(message, "text");
      out.emplace_back(message.starts_with(R"({"type":"mark")") ? json_string_body(text)
                                                                : std::string_view(message));
    }
    client->got.clear();
    return out;
  }
  void answer_mark_read(StoredMarks page) {
    ASSERT_FALSE(event_reads_.empty());
    const auto read = std::move(event_reads_.front());
    event_reads_.erase(event_reads_.begin());
    read.taker(events_of(page));
  }
  /// Subscribed, and long enough ago.
  Client join_live(std::string_view where = "") {
    Client client = join(R"({"type":"subscribe","channels":["marks"])" + std::string(where) + "}");
    pass(ResumableChannel::kHoldNs);
    client->got.clear();
    return client;
  }

  MarkCursor newest_mark_;
};

TEST_F(EventFanoutTest, WhoAsksForMarksGetsThemAsTheyAreCommitted) {
  Client client = join_live();
  Client other = join();
  commit_marks({stored(1), stored(2)});
  const auto messages = client->take();
  ASSERT_THAT(messages, SizeIs(2));
  EXPECT_EQ(messages[0], R"({"type":"mark","track":"cota","time":"1970-01-01T00:00:01Z",)"
                         R"("kind":"note","chassis":"a","text":"1","cursor":")" +
                             stored(1).cursor().to_text() + "\"}");
  EXPECT_THAT(messages[1], HasSubstr(stored(2).cursor().to_text()));
  EXPECT_THAT(other->take(), IsEmpty());
  EXPECT_EQ(stats_.messages_sent[index(Channel::kMarks)].value(), 2u);
}

TEST_F(EventFanoutTest, AFilterPicksTracksAndMachinesAndMarksAboutAll) {
  Client a = join_live(R"(,"where":{"chassis":["a"]})");
  Client spa = join_live(R"(,"where":{"track":"spa"})");
  commit_marks({stored(1, "a"), stored(2, "b"), stored(3, ""), stored(4, "b", "spa")});
  EXPECT_THAT(texts(a), ElementsAre("1", "3"));
  EXPECT_THAT(texts(spa), ElementsAre("4"));
}

TEST_F(EventFanoutTest, AResumptionRightBehindASubscriptionMissesAndRepeatsNothing) {
  commit_marks({stored(1), stored(2)});
  Client client = join(R"({"type":"subscribe","channels":["marks"]})");
  commit_marks({stored(3)});
  client->got.clear();
  fanout_->hear(client.id,
                R"({"type":"resume","channel":"marks","after":")" + stored(1).cursor().to_text() +
                    R"(","id":"r"})",
                now());
  ASSERT_THAT(event_reads_, SizeIs(1));
  EXPECT_EQ(event_reads_[0].query.after, stored(1).cursor());
  EXPECT_EQ(event_reads_[0].query.upto, 3);
  commit_marks({stored(4)});
  pass(ResumableChannel::kHoldNs);
  EXPECT_THAT(texts(client), IsEmpty());
  answer_mark_read({.marks = {stored(2), stored(3)}, .to = stored(3).cursor()});
  const auto got = texts(client);
  ASSERT_THAT(got, SizeIs(3));
  EXPECT_THAT(got[0], HasSubstr(R"("type":"subscribed")"));
  EXPECT_THAT(got[0], HasSubstr(R"("cursors":{"marks":")" + stored(1).cursor().to_text() + "\"}"));
  EXPECT_THAT(got[0], HasSubstr(R"("id":"r")"));
  EXPECT_EQ(got[1] + got[2], "23");
  answer_mark_read({.marks = {stored(4)}, .to = stored(4).cursor()});
  commit_marks({stored(5)});
  EXPECT_THAT(texts(client), ElementsAre("4", "5"));
  EXPECT_THAT(event_reads_, IsEmpty());
}

TEST_F(EventFanoutTest, WhatComesWhileASubscriptionIsHeldIsReadWhenItIsOver) {
  Client client = join(R"({"type":"subscribe","channels":["marks"]})");
  client->got.clear();
  commit_marks({stored(1)});
  EXPECT_THAT(texts(client), IsEmpty());
  pass(ResumableChannel::kHoldNs);
  ASSERT_THAT(event_reads_, SizeIs(1));
  answer_mark_read({.marks = {stored(1)}, .to = stored(1).cursor()});
  commit_marks({stored(2)});
  EXPECT_THAT(texts(client), ElementsAre("1", "2"));
}

TEST_F(EventFanoutTest, CommitsThatDidNotComeAreReadFromTheStore) {
  Client client = join_live();
  commit_marks({stored(1)});
  newest_mark_ = stored(2).cursor();  // the hub's queue was full
  commit_marks({stored(3)});
  EXPECT_THAT(texts(client), ElementsAre("1"));
  answer_mark_read({.marks = {stored(2)}, .to = stored(2).cursor()});
  answer_mark_read({.marks = {stored(3)}, .to = stored(3).cursor()});
  EXPECT_THAT(texts(client), ElementsAre("2", "3"));
}

TEST_F(EventFanoutTest, ACursorOfAnotherStoreIsRefusedAndChangesNothing) {
  commit_marks({stored(1), stored(2)});
  Client client = join();
  for (const std::string cursor : {"9.1", "2.1"}) {
    EXPECT_THAT(say(client, R"({"type":"resume","channel":"marks","after":")" + cursor + "\"}"),
                HasSubstr(R"("reason":"bad_cursor")"));
  }
  EXPECT_THAT(event_reads_, IsEmpty()) << "that can be told at once";
  fanout_->hear(client.id, R"({"type":"resume","channel":"marks","after":"1.1"})", now());
  answer_mark_read({.is_foreign = true});
  EXPECT_THAT(texts(client), ElementsAre(HasSubstr(R"("reason":"bad_cursor")")));
  commit_marks({stored(3)});
  EXPECT_THAT(texts(client), IsEmpty());
  EXPECT_THAT(say(client, R"({"type":"resume","channel":"telemetry","after":"0"})"),
              HasSubstr(R"("reason":"unknown_channel")"));
}

TEST_F(EventFanoutTest, AStoreThatCannotBeReadEndsTheChannelWithAWord) {
  Client client = join(R"({"type":"subscribe","channels":["marks"]})");
  client->got.clear();
  commit_marks({stored(1)});
  pass(ResumableChannel::kHoldNs);
  ASSERT_THAT(event_reads_, SizeIs(1));
  const auto read = std::move(event_reads_.front());
  event_reads_.clear();
  read.taker(fail("it is gone"));
  EXPECT_THAT(texts(client), ElementsAre(HasSubstr(R"("reason":"unavailable")")));
  commit_marks({stored(2)});
  EXPECT_THAT(texts(client), IsEmpty());
}

TEST_F(EventFanoutTest, AnotherSubscriptionHoldsForWhatIsReadToo) {
  Client client = join(R"({"type":"subscribe","channels":["marks"]})");
  commit_marks({stored(1, "a"), stored(2, "b")});
  pass(ResumableChannel::kHoldNs);
  ASSERT_THAT(event_reads_, SizeIs(1));
  say(client, R"({"type":"subscribe","channels":["marks"],"where":{"chassis":"b"}})");
  client->got.clear();
  answer_mark_read({.marks = {stored(1, "a")}, .to = stored(1).cursor()});
  EXPECT_THAT(texts(client), IsEmpty()) << "a page of the old filter";
  answer_mark_read({.marks = {stored(1, "a"), stored(2, "b")}, .to = stored(2, "b").cursor()});
  EXPECT_THAT(texts(client), ElementsAre("2"));
}

TEST_F(EventFanoutTest, EachChannelOfEventsHasCursorsOfItsOwn) {
  fanout_->events(Channel::kLaps).begin({5, 0x55});
  Client client = join(R"({"type":"subscribe","channels":[]})");
  fanout_->hear(client.id, R"({"type":"subscribe","channels":["marks","laps"]})", now());
  EXPECT_THAT(client->take(), ElementsAre(HasSubstr(R"("cursors":{"marks":"0","laps":"5.55"})")));
  pass(ResumableChannel::kHoldNs);
  client->got.clear();
  fanout_->take(Channel::kLaps, {.events = {{.cursor = {6, 0x66},
                                             .track = "cota",
                                             .chassis = "a",
                                             .json = R"({"type":"lap_update"})"}},
                                 .before = {5, 0x55}});
  EXPECT_THAT(client->take(), ElementsAre(R"({"type":"lap_update","cursor":"6.66"})"));
  client->got.clear();
  fanout_->hear(client.id, R"({"type":"resume","channel":"laps","after":"5.55"})", now());
  ASSERT_THAT(event_reads_, SizeIs(1));
  EXPECT_EQ(event_reads_[0].channel, Channel::kLaps);
  EXPECT_EQ(event_reads_[0].query.upto, 6);
}

}  // namespace
}  // namespace slipstream::broadcast_testing
