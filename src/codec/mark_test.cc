// Marks: to JSON and back; and those that somebody writes by hand.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codec/games_testing.h"
#include "codec/json_decoder.h"
#include "codec/mark_decoder.h"
#include "codec/mark_json.h"

namespace slipstream {
namespace {

constexpr ArrivalTime kArrival{1'757'000'000'123'456'789};

bool is_same(const Mark& a, const Mark& b) {
  return a.time == b.time && a.arrival == b.arrival && a.track == b.track &&
         a.session == b.session && a.chassis == b.chassis && a.kind == b.kind && a.text == b.text &&
         a.session_time_s == b.session_time_s && a.frame == b.frame &&
         a.to_session_time_s == b.to_session_time_s && a.goes_on_from == b.goes_on_from;
}

std::string json_of(const Mark& mark) {
  std::string json;
  append_mark_json(json, mark);
  return json;
}

TEST(MarkJson, SaysWhatTheMarkHasAndNothingElse) {
  EXPECT_EQ(json_of({.time = {1'757'000'000'000'000'000},
                     .arrival = kArrival,
                     .track = "spa",
                     .session = "",
                     .chassis = "",
                     .kind = "red_flag",
                     .text = ""}),
            R"({"type":"mark","track":"spa","time":"2025-09-04T15:33:20Z","kind":"red_flag"})");
  EXPECT_EQ(json_of({.time = {1'757'000'000'123'000'000},
                     .arrival = kArrival,
                     .track = "spa",
                     .session = "17",
                     .chassis = "A\"B",
                     .kind = "flashback",
                     .text = "back",
                     .session_time_s = 12.5,
                     .frame = 18'446'744'073'709'551'615u,
                     .to_session_time_s = std::nan(""),
                     .goes_on_from = "16"}),
            R"({"type":"mark","track":"spa","session":"17","time":"2025-09-04T15:33:20.123Z",)"
            R"("kind":"flashback","chassis":"A\"B","text":"back","session_time_s":12.5,)"
            R"("frame":18446744073709551615,"goes_on_from":"16"})");
}

RC_GTEST_PROP(MarkJson, WhateverAMarkSaysComesBack, ()) {
  const auto text = rc::gen::element<std::string>("", "a", "Nürburgring", "鈴鹿", "b\"\\\n\x01",
                                                  "…", std::string(512, 'x'));
  const auto number = rc::gen::map(rc::gen::arbitrary<double>(), [](double v) {
    return std::abs(v) <= 1e15 ? std::optional(v) : std::nullopt;
  });
  const Mark mark{.time = {*rc::gen::arbitrary<std::int64_t>()},
                  .arrival = {*rc::gen::arbitrary<std::int64_t>()},
                  .track = *text,
                  .session = *text,
                  .chassis = *text,
                  .kind = *text,
                  .text = *text,
                  .session_time_s = *number,
                  .frame = *rc::gen::maybe(rc::gen::arbitrary<std::uint64_t>()) ? std::optional(7u)
                                                                                : std::nullopt,
                  .to_session_time_s = *number,
                  .goes_on_from = *text};
  const auto back = parse_mark_json(json_of(mark), mark.arrival);
  RC_ASSERT(back.has_value());
  RC_ASSERT(is_same(*back, mark));
}

TEST(MarkJson, WhatIsNoMarkIsNone) {
  for (const char* text : {"", "{}", "[]", R"({"type":"mark"})", R"({"type":"mark","time":"now"})",
                           R"({"time":"2025-09-04T15:33:20Z"})", R"({"type":"mark",)"}) {
    EXPECT_FALSE(parse_mark_json(text, kArrival)) << text;
  }
}

class MarkDecoderTest : public testing::Test, protected RejectionSink, protected MarkSink {
 protected:
  MarkDecoderTest() { builder_.send_marks_to(*this); }

  std::size_t take(std::string text) {
    marks_.clear();
    refused_.reset();
    const std::size_t size = text.size();
    text.append(Decoder::kPadding, '\0');
    return decoder_.decode({text.data(), size},
                           {.source = SourceKind::kHttp, .arrival = kArrival, .is_body = true},
                           *this);
  }
  void accept(const Mark& mark) override { marks_.push_back(mark); }
  void rejected(std::size_t, const Rejection& rejection, std::string_view) override {
    refused_ = rejection;
  }

  Schema schema_;
  IngestStats stats_;
  BatchPool pool_;
  BatchWriter writer_{1, pool_};
  PointBuilder builder_{schema_, stats_, writer_};
  DraftFiller filler_{builder_};
  MarkDecoder decoder_{filler_};
  std::vector<Mark> marks_;
  std::optional<Rejection> refused_;
};

TEST_F(MarkDecoderTest, OutOfALogItsTimeIsNoReasonAndWhatIsReadAgainIsNotCountedAgain) {
  const auto take_as = [&](std::string text, const TextOrigin& origin) {
    const std::size_t size = text.size();
    text.append(Decoder::kPadding, '\0');
    return decoder_.decode({text.data(), size}, origin, *this);
  };
  const std::string future =
      fmt::format(R"({{"track":"spa","text":"rain","time":{}}})",
                  kArrival.ns / kNsPerSecond + schema_.options().future_skew_ms);
  EXPECT_EQ(take_as(future, {.arrival = kArrival}), 1u);
  EXPECT_EQ(stats_.marks_refused.value(), 1u);
  EXPECT_EQ(take_as(future, {.arrival = kArrival, .is_counted = false}), 1u);
  EXPECT_EQ(stats_.marks_refused.value(), 1u);
  EXPECT_EQ(take_as(future, {.arrival = kArrival, .is_admitted = true}), 0u);
  EXPECT_EQ(
      take_as(R"({"track":"spa","text":"dry"})", {.arrival = kArrival, .written = EventTime{5}}),
      0u);
  ASSERT_EQ(marks_.size(), 2u);
  EXPECT_EQ(marks_[1].time.ns, 5);
}

/// As an instance writes them into a stream, and another one reads them there.
TEST_F(MarkDecoderTest, ThoseOfGamesAreTakenOutOfALogAsTheyWere) {
  for (const char* name : {"f1_2023", "f1_2024", "f1_2025", "f1_2026", "f1_2025_race"}) {
    const auto capture = games_testing::read_kept_reference(std::string(name) + ".cap");
    ASSERT_TRUE(capture) << name;
    games_testing::Decoding decoding;
    decoding.take_all(games_testing::datagrams_of(*capture));
    ASSERT_FALSE(decoding.marks().empty()) << name;
    for (const Mark& mark : decoding.marks()) {
      std::string text = json_of(mark);
      const std::size_t size = text.size();
      text.append(Decoder::kPadding, '\0');
      marks_.clear();
      decoder_.decode({text.data(), size}, {.arrival = mark.arrival, .is_admitted = true}, *this);
      ASSERT_EQ(marks_.size(), 1u) << text << ": " << refused_->message;
      EXPECT_TRUE(is_same(marks_[0], mark)) << text;
    }
  }
}

TEST_F(MarkDecoderTest, ANoteNeedsATrackAndATextAlone) {
  EXPECT_EQ(take("\xEF\xBB\xBF {\"track\":\"spa\",\"text\":\"rain\"}\n"), 0u);
  EXPECT_TRUE(decoder_.kept_last());
  ASSERT_EQ(marks_.size(), 1u);
  EXPECT_TRUE(is_same(marks_[0], {.time = {kArrival.ns},
                                  .arrival = kArrival,
                                  .track = "spa",
                                  .session = "",
                                  .chassis = "",
                                  .kind = "note",
                                  .text = "rain"}));
}

TEST_F(MarkDecoderTest, SaysAllThatItMay) {
  for (const std::string time : {R"("2025-09-04T15:33:20.000000001Z")", "1757000000000000001"}) {
    for (const std::string car : {"car", "chassis"}) {
      ASSERT_EQ(
          take(R"({"type":"mark","time":)" + time + R"(,"track":"spa","session":"s","kind":)" +
               R"("pit_call","text":null,")" + car + R"(":"A"})"),
          0u);
      ASSERT_EQ(marks_.size(), 1u) << refused_->message;
      EXPECT_TRUE(is_same(marks_[0], {.time = {1'757'000'000'000'000'001},
                                      .arrival = kArrival,
                                      .track = "spa",
                                      .session = "s",
                                      .chassis = "A",
                                      .kind = "pit_call",
                                      .text = ""}));
    }
  }
  EXPECT_EQ(take(" \r\n"), 0u);
  EXPECT_FALSE(decoder_.kept_last());
}

TEST_F(MarkDecoderTest, RefusesWhatItDoesNotUnderstand) {
  const std::string good = R"("track":"spa","text":"rain")";
  const std::pair<std::string, RejectReason> refused[] = {
      {"{" + good, RejectReason::kMalformedJson},
      {"[{" + good + "}]", RejectReason::kNotAnObject},
      {R"({"text":"rain"})", RejectReason::kMissingDimension},
      {R"({"track":"","text":"rain"})", RejectReason::kMissingDimension},
      {R"({"track":"spa"})", RejectReason::kEmpty},
      {R"({"track":7,"text":"rain"})", RejectReason::kOutOfRange},
      {"{" + good + R"(,"lap":7})", RejectReason::kOutOfRange},
      {"{" + good + R"(,"car":"A","chassis":"B"})", RejectReason::kOutOfRange},
      {"{" + good + R"(,"type":"point"})", RejectReason::kOutOfRange},
      {"{" + good + R"(,"kind":"Red Flag"})", RejectReason::kOutOfRange},
      {"{" + good + R"(,"session":"a\nb"})", RejectReason::kOutOfRange},
      {"{" + good + R"(,"session":"a\u007f"})", RejectReason::kOutOfRange},
      {"{" + good + R"(,"time":"now"})", RejectReason::kBadTime},
      {"{" + good + R"(,"time":true})", RejectReason::kBadTime},
      {"{" + good + R"(,"time":"2099-01-01"})", RejectReason::kFutureTime},
      {R"({"track":"spa","text":")" + std::string(513, 'x') + "\"}", RejectReason::kTooLarge},
      {R"({"text":"rain","track":")" + std::string(129, 'x') + "\"}", RejectReason::kTooLarge},
      {"{" + good + R"(,"kind":")" + std::string(65, 'x') + "\"}", RejectReason::kTooLarge},
  };
  for (const auto& [text, reason] : refused) {
    EXPECT_EQ(take(text), 1u) << text;
    EXPECT_TRUE(marks_.empty()) << text;
    ASSERT_TRUE(refused_) << text;
    EXPECT_EQ(refused_->reason, reason) << text << ": " << refused_->message;
    EXPECT_FALSE(refused_->message.empty());
  }
  EXPECT_EQ(stats_.marks_refused.value(), std::size(refused));
}

TEST_F(MarkDecoderTest, OnlyWhatGoesBackSaysWhereTo) {
  for (const char* kind : {"note", "penalty", ""}) {
    EXPECT_EQ(take(fmt::format(R"({{"session":"s","kind":"{}","text":"t","to_session_time_s":5}})",
                               kind)),
              1u)
        << kind;
    EXPECT_EQ(refused_->reason, RejectReason::kOutOfRange);
  }
  for (const char* kind : {"flashback", "save_reload"}) {
    EXPECT_EQ(take(fmt::format(R"({{"session":"s","kind":"{}","to_session_time_s":5}})", kind)),
              0u);
  }
}

TEST_F(MarkDecoderTest, SaysWhatGamesTellBeside) {
  ASSERT_EQ(
      take(
          R"({"session":"s","kind":"flashback","session_time_s":61.5,"frame":18446744073709551615,)"
          R"("to_session_time_s":58,"goes_on_from":"r"})"),
      0u);
  ASSERT_EQ(marks_.size(), 1u);
  EXPECT_EQ(marks_[0].session_time_s, 61.5);
  EXPECT_EQ(marks_[0].frame, 18'446'744'073'709'551'615u);
  EXPECT_EQ(marks_[0].to_session_time_s, 58);
  EXPECT_EQ(marks_[0].goes_on_from, "r");
  for (const char* bad : {R"("frame":-1)", R"("frame":1.5)", R"("session_time_s":"1")"}) {
    EXPECT_EQ(take(fmt::format(R"({{"session":"s","kind":"flashback",{}}})", bad)), 1u) << bad;
    EXPECT_EQ(refused_->reason, RejectReason::kBadNumber) << bad;
  }
}

/// Points and marks of a text as JSON decodes it: "p" and a mark's text, in their order.
class MarksAmongPointsTest : public MarkDecoderTest {
 protected:
  std::size_t decode(std::string text) {
    told_.clear();
    refused_.reset();
    writer_.discard();
    points_ = 0;
    const std::size_t size = text.size();
    text.append(Decoder::kPadding, '\0');
    const std::size_t held =
        json_.decode({text.data(), size},
                     {.source = SourceKind::kHttp, .arrival = kArrival, .is_body = true}, *this);
    count_points();
    return held;
  }
  void accept(const Mark& mark) override {
    count_points();
    told_ += mark.text + ' ';
  }
  void count_points() {
    std::size_t points = 0;
    for (const auto& batch : writer_.open()) points += batch ? batch->points.size() : 0;
    for (; points_ < points; ++points_) told_ += "p ";
  }

  JsonDecoder json_{filler_};
  std::string told_;
  std::size_t points_ = 0;
};

TEST_F(MarksAmongPointsTest, AreTakenInTheirPlace) {
  const std::string point = R"({"track":"spa","chassis":"a","lap":1})";
  const std::string mark = R"({"track":"spa","text":"m","type":"mark"})";
  const std::string spaced = R"({ "track":"spa","chassis":"b" })";
  const std::pair<std::string, std::string> texts[] = {
      {mark, "m "},
      {point + '\n' + mark + '\n' + point, "p m p "},
      {mark + '\n' + mark + "\n" + point + "\r\n" + spaced, "m m p p "},
      {"[" + point + "," + mark + "," + point + ", " + spaced + "]", "p m p p "},
      {"[" + mark + "]", "m "},
      {"[" + spaced + "," + mark + "," + mark + "," + point + "," + point + "]", "p m m p p "},
  };
  for (const auto& [text, told] : texts) {
    const std::size_t points = static_cast<std::size_t>(std::ranges::count(told, 'p'));
    EXPECT_EQ(decode(text), points) << text;
    EXPECT_EQ(told_, told) << text;
    EXPECT_FALSE(refused_) << text;
    EXPECT_EQ(json_.kept_last(), told.contains('m')) << text;
  }
}

TEST_F(MarksAmongPointsTest, OneThatIsRefusedCostsNoNeighbour) {
  const std::string point = R"({"track":"spa","chassis":"a","lap":1})";
  EXPECT_EQ(
      decode("[" + point + R"(,{"type":"mark","track":"spa","kind":"Red Flag"},)" + point + "]"),
      3u);
  EXPECT_EQ(told_, "p p ");
  ASSERT_TRUE(refused_);
  EXPECT_EQ(refused_->message, "'kind' of a mark has small letters, digits and _");
  EXPECT_EQ(stats_.marks_refused.value(), 1u);
}

TEST_F(MarksAmongPointsTest, AnArrayThatIsNotClosedIsToldOnce) {
  const std::string point = R"({"track":"spa","chassis":"a","lap":1})";
  EXPECT_EQ(decode(R"([{"type":"mark","track":"spa","text":"m"},)" + point), 2u);
  EXPECT_EQ(told_, "m p ");
  ASSERT_TRUE(refused_);
  EXPECT_THAT(refused_->message, testing::HasSubstr("the array is not closed"));
}

TEST(MarkJson, NothingIsNoMark) {
  EXPECT_FALSE(parse_mark_json({}, ArrivalTime{}));
}

}  // namespace
}  // namespace slipstream
