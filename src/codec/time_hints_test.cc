// Who sends points without a time, but something that looks like one, is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/point_decoder_fixture.h"

namespace slipstream {
namespace {

class TimeHintsTest : public PointDecoderTest {
 protected:
  /// What would be told of points by UDP; empty: nothing.
  std::string hint_of(std::string_view text) {
    IngestStats stats;
    PointDecoder decoder(schema_, stats, writer_);
    for (auto& batch : writer_.open()) batch.reset();
    const std::string copy = padded(text);
    decoder.decode({copy.data(), text.size()}, {.source = SourceKind::kUdp, .arrival = {kNow}},
                   *this);
    EXPECT_THAT(refused_, testing::IsEmpty()) << text;
    EXPECT_FALSE(stats.time_hints.take(SourceKind::kHttp));
    const auto hint = stats.time_hints.take(SourceKind::kUdp);
    EXPECT_FALSE(stats.time_hints.take(SourceKind::kUdp)) << "once";
    if (!hint) return "";
    return (hint->kind == TimeHints::Kind::kIsEarly ? "early " : "like ") + hint->member;
  }
};

TEST_F(TimeHintsTest, AMemberThatLooksLikeATimeIsNamed) {
  EXPECT_EQ(hint_of(R"({"track":"a","chassis":"b","recorded":"2025-09-04T15:33:20Z"})"),
            "like recorded");
  EXPECT_EQ(hint_of(R"({"track":"a", "chassis":"b","UTC":1757000000.5 })"), "like UTC");
  EXPECT_EQ(hint_of(R"({"track":"a","chassis":"b","gpsTimestamp":1757000000123})"),
            "like gpsTimestamp");
  EXPECT_EQ(hint_of("track,chassis,seen\na,b,2025-09-04 15:33:20\n"), "like seen");
}

TEST_F(TimeHintsTest, ANumberOfBefore2000UnderAUsualNameIsToldAsThat) {
  EXPECT_EQ(hint_of(R"({"track":"a","chassis":"b","time":12.5})"), "early time");
  EXPECT_EQ(hint_of("track,chassis,time,x\na,b,12.5,1\n"), "early time");
}

TEST_F(TimeHintsTest, OthersAreNot) {
  for (const auto* const text :
       {R"({"track":"a","chassis":"b","total":8250474496,"lap_time":92.5,"note":"2025 was fine"})",
        R"({"track":"a","chassis":"b","time":"2025-09-04T15:33:20Z","date":"2025-09-04"})",
        R"({"meta_time":"2025-09-04T15:33:20Z","track":"a","chassis":"b","time":12.5})",
        "track,chassis,timestamp,recorded\na,b,2025-09-04 15:33:20,2025-09-04 15:33:20\n"}) {
    EXPECT_EQ(hint_of(text), "") << text;
  }
}

}  // namespace
}  // namespace slipstream
