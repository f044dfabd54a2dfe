#include "history/session_reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "codec/json_scan.h"
#include "history/history_fixture.h"

namespace slipstream::history_testing {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SessionReaderTest : public testing::Test {
 protected:
  SessionReader reader(SessionReader::Query query = {}) {
    if (!query.wants) query.wants = [](auto, auto, auto) { return true; };
    if (!query.append) {
      query.append = [](std::string& out, std::string_view json) { out += json; };
    }
    return SessionReader(log_.files, kLogFolder, 0, SchemaOptions{}, std::move(query));
  }
  /// All pages below `to`.
  SessionReader::Page read(SessionReader& reader, std::uint64_t to) {
    SessionReader::Page all;
    while (!all.is_last) {
      const auto page = reader.next(to, system_clock(), {});
      if (!page) {
        ADD_FAILURE() << page.error().message;
        break;
      }
      if (all.count > 0 && page->count > 0) all.points += ',';
      all.points += page->points;
      all.count += page->count;
      all.lost += page->lost;
      all.is_last = page->is_last;
    }
    return all;
  }
  static std::vector<std::string> members(const SessionReader::Page& page, std::string_view name) {
    std::vector<std::string> values;
    const std::string list = '[' + page.points + ']';
    JsonScan points(list);
    while (const auto one = points.next()) values.emplace_back(json_member(one->value, name));
    return values;
  }
  /// One car at `hz`, which tells n = 0, 1, ...
  void add_seconds(double from_s, double to_s, double hz, const std::string& track = "barber") {
    std::vector<TestPoint> points;
    for (int i = 0; from_s + i / hz < to_s; ++i) {
      points.push_back(
          {.time_s = from_s + i / hz, .values = {{"n", static_cast<double>(i)}}, .track = track});
    }
    log_.add(points);
  }

  HistoryLog log_;
};

TEST_F(SessionReaderTest, GivesPointsOfEachTrackFromItsTimeOn) {
  log_.add({{.time_s = 1, .values = {{"n", 1}}, .track = "spa"},
            {.time_s = 1, .values = {{"n", 2}}},
            {.time_s = 9, .values = {{"n", 3}}, .track = "spa"},
            {.time_s = 9, .values = {{"n", 4}}},
            {.time_s = 9, .values = {{"n", 5}}, .track = "monza"},
            {.time_s = 20, .values = {{"n", 6}}, .track = "monza"}});
  auto of_tracks = reader({.from = at(10), .tracks = {{"spa", at(0)}, {"barber", at(5)}}});
  EXPECT_THAT(members(read(of_tracks, 6), "n"), ElementsAre("1", "3", "4", "6"));
}

TEST_F(SessionReaderTest, EndsAtItsPlaceAndGoesOnFromThere) {
  add_seconds(0, 1, 10);
  auto all = reader();
  EXPECT_EQ(members(read(all, 4), "n").back(), "3");
  EXPECT_THAT(read(all, 4).points, IsEmpty());
  add_seconds(1, 2, 10);
  EXPECT_EQ(read(all, 20).count, 16u);
}

TEST_F(SessionReaderTest, PointBehindATickAtItsPlaceIsOfTheNextPage) {
  add_seconds(0, 0.1, 10);
  LogRows rows;
  rows.add_tick({at(1).ns});
  log_.append(rows);
  add_seconds(1, 1.1, 10);
  auto all = reader();
  EXPECT_EQ(read(all, 2).count, 1u);
  EXPECT_EQ(read(all, 2).count, 0u);
  EXPECT_EQ(read(all, 3).count, 1u);
}

TEST_F(SessionReaderTest, LargeLogComesInPages) {
  for (int i = 0; i < 20; ++i) add_seconds(i * 100, (i + 1) * 100, 10);
  auto all = reader();
  std::size_t count = 0;
  int pages = 0;
  for (bool is_last = false; !is_last; ++pages) {
    const auto page = all.next(20'000, system_clock(), {});
    ASSERT_TRUE(page);
    EXPECT_LT(page->points.size(), SessionReader::kPageBytes + 1'000);
    count += page->count;
    is_last = page->is_last;
  }
  EXPECT_EQ(count, 20'000u);
  EXPECT_GT(pages, 10);
}

TEST_F(SessionReaderTest, ThinsOutToTheRateOfEachSeries) {
  add_seconds(0, 10, 25);
  add_seconds(0, 10, 25, "spa");
  auto slow = reader({.max_hz = 2});
  EXPECT_EQ(read(slow, 500).count, 40u);
  auto fast = reader({.max_hz = 100});
  EXPECT_EQ(read(fast, 500).count, 500u);
}

TEST_F(SessionReaderTest, PointsAreAsTheyWentOutLive) {
  log_.add({{.time_s = 0, .values = {{"lapdist_m", 10}}, .lap = 4}});
  PointBatch faulty;
  faulty.text = R"({"track":"barber","chassis":"GR86-01","lap":32768,"note":"x"})";
  Point& point = faulty.points.emplace_back();
  point.json = {0, static_cast<std::uint32_t>(faulty.text.size())};
  point.track = {static_cast<std::uint32_t>(faulty.text.find("barber")), 6};
  point.chassis = {static_cast<std::uint32_t>(faulty.text.find("GR86")), 7};
  point.lap_literal = {static_cast<std::uint32_t>(faulty.text.find("32768")), 5};
  point.series_hash = series_hash("barber", "GR86-01");
  point.event_time = at(1);
  point.lap_is_fault = point.has_texts = true;
  log_.add(faulty);
  auto all = reader();
  const auto page = read(all, 2);
  EXPECT_THAT(members(page, "lap"), ElementsAre("4", "4"));
  EXPECT_THAT(members(page, "sector"), ElementsAre("0", "0"));
  EXPECT_THAT(page.points, HasSubstr(R"("note":"x")"));
}

TEST_F(SessionReaderTest, OnlyWhatIsWantedIsGiven) {
  log_.add({{.chassis = "A", .values = {{"n", 1}}}, {.chassis = "B", .values = {{"n", 2}}}});
  auto some = reader(
      {.wants = [](auto, std::string_view chassis, auto) { return chassis == "B"; },
       .append = [](std::string& out, std::string_view json) { out += json_member(json, "n"); }});
  EXPECT_EQ(read(some, 2).points, "2");
}

TEST_F(SessionReaderTest, WhatTheLogHasNotAnyMoreIsCounted) {
  HistoryLog log({.segment_bytes = 1});  // a segment a block
  for (int i = 0; i < 20; ++i) log.add({{.time_s = i * 1.0, .values = {{"n", i}}}});
  const auto segments = log.log->synced_segments();
  ASSERT_GT(segments.size(), 2u);
  ASSERT_TRUE(log.files.remove(FileSystem::Path(kLogFolder) / segments[1].name));
  SessionReader all(log.files, kLogFolder, 0, SchemaOptions{},
                    {.wants = [](auto, auto, auto) { return true; },
                     .append = [](std::string& out, std::string_view json) { out += json; }});
  const auto page = read(all, 20);
  EXPECT_EQ(page.lost, segments[2].base_offset - segments[1].base_offset);
  EXPECT_EQ(page.lost + page.count, 20u);
}

TEST(FirstOffset, IsOfTheNewestSegmentFromBeforeTheTime) {
  std::vector<SegmentInfo> segments(3);
  for (std::size_t i = 0; i < 3; ++i) {
    segments[i].base_offset = 100 * i;
    segments[i].created_ns = at(1'000.0 * static_cast<double>(i)).ns;
  }
  const std::int64_t ahead_ns = 300 * kNsPerSecond;
  EXPECT_EQ(first_offset_for(segments, at(1'200), ahead_ns), 0u);
  EXPECT_EQ(first_offset_for(segments, at(1'300), ahead_ns), 100u);
  EXPECT_EQ(first_offset_for(segments, at(9'000), ahead_ns), 200u);
  EXPECT_EQ(first_offset_for({}, at(9'000), ahead_ns), 0u);
}

}  // namespace
}  // namespace slipstream::history_testing
