#include "history/open_segment_index.h"

#include <gmock/gmock.h>

#include "history/history_fixture.h"
#include "racing/random.h"

namespace slipstream {
namespace {

using history_testing::at;
using history_testing::HistoryLog;
using history_testing::kLogFolder;
using history_testing::TestPoint;

constexpr int kCars = 4;
constexpr int kBlockPoints = 200;

/// A race whose points are larger than they need be, so that a group is soon full.
class OpenSegmentIndexTest : public testing::Test {
 protected:
  void drive(int blocks) {
    for (int block = 0; block < blocks; ++block) {
      std::vector<TestPoint> points;
      for (int i = 0; i < kBlockPoints; ++i, ++points_) {
        TestPoint& point = points.emplace_back();
        point.chassis = chassis(points_ % kCars);
        point.time_s = points_;
        for (const char* name : {"a", "b", "c", "d", "e"}) {
          point.values.emplace_back(name, random_.uniform());
        }
      }
      log_.add(points);
    }
  }
  static std::string chassis(int car) { return "car-" + std::to_string(car); }
  static PointQuery query_of(int car, int from, int to) {
    PointQuery query;
    query.track = TestPoint().track;
    query.chassis = chassis(car);
    query.from = at(from);
    query.to = at(to);
    return query;
  }
  std::vector<EventTime> expected(int car, int from, int to) const {
    std::vector<EventTime> times;
    for (int i = std::max(0, from); i <= to && i < points_; ++i) {
      if (i % kCars == car) times.push_back(at(i));
    }
    return times;
  }
  std::size_t groups() {
    OpenSegmentIndex index;
    const auto read = index.read_on(log_.files, kLogFolder, log_.log->synced_segments().back(), {});
    return read && *read != nullptr ? (*read)->groups().size() : 0;
  }

  HistoryLog log_;
  Random random_{1};
  int points_ = 0;
};

TEST_F(OpenSegmentIndexTest, TellsAllThatIsThereAsItGrows) {
  PointReader reader = log_.reader();
  for (int round = 0; round < 60; ++round) {
    drive(static_cast<int>(random_.next() % 3));
    const int car = static_cast<int>(random_.next() % kCars);
    const int from = static_cast<int>(random_.next() % static_cast<unsigned>(points_ + 1));
    const int to = from + static_cast<int>(random_.next() % 1'000);
    const auto read = reader.read(query_of(car, from, to));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->times, expected(car, from, to)) << round;
    EXPECT_EQ(read->lost, 0u);
  }
  EXPECT_GT(groups(), 5u);
}

TEST_F(OpenSegmentIndexTest, OnlyWhatCanMatterIsReadAgain) {
  drive(40);
  ASSERT_GT(groups(), 3u);
  PointReader reader = log_.reader();
  ASSERT_TRUE(reader.read(query_of(0, 0, points_)));
  // What is not read cannot be missed.
  const auto path = FileSystem::Path(kLogFolder) / log_.log->synced_segments().back().name;
  log_.files.flip(path, 300);
  const auto late = reader.read(query_of(0, points_ - 100, points_));
  ASSERT_TRUE(late);
  EXPECT_EQ(late->times, expected(0, points_ - 100, points_));
  EXPECT_EQ(late->lost, 0u);
  const auto early = log_.reader().read(query_of(0, 0, 100));
  ASSERT_TRUE(early);
  EXPECT_GT(early->lost, 0u);
}

TEST_F(OpenSegmentIndexTest, WhatWasKeptUpWithNeedNotBeReadByTheNextQuestion) {
  drive(40);
  PointReader reader = log_.reader();
  reader.keep_up({});
  log_.files.flip(FileSystem::Path(kLogFolder) / log_.log->synced_segments().back().name, 300);
  const auto late = reader.read(query_of(0, points_ - 100, points_));
  ASSERT_TRUE(late);
  EXPECT_EQ(late->lost, 0u);
}

TEST_F(OpenSegmentIndexTest, WhatIsDamagedIsCountedWithOneToo) {
  drive(40);
  const auto path = FileSystem::Path(kLogFolder) / log_.log->synced_segments().back().name;
  log_.files.flip(path, log_.log->synced_segments().back().bytes / 2);
  PointReader reader = log_.reader();
  for (int time = 0; time < 2; ++time) {
    const auto read = reader.read(query_of(1, 0, points_));
    ASSERT_TRUE(read);
    EXPECT_GT(read->lost, 0u);
    EXPECT_LT(read->times.size(), expected(1, 0, points_).size());
    EXPECT_GT(read->times.size(), expected(1, 0, points_).size() / 2);
    drive(1);
  }
}

TEST_F(OpenSegmentIndexTest, GoesOnInTheNextSegment) {
  HistoryLog small({.segment_bytes = 100'000});
  PointReader reader = small.reader();
  int points = 0;
  for (int block = 0; block < 30; ++block) {
    std::vector<TestPoint> added;
    for (int i = 0; i < kBlockPoints; ++i, ++points) {
      TestPoint& point = added.emplace_back();
      point.chassis = chassis(0);
      point.time_s = points;
      for (const char* name : {"a", "b", "c"}) point.values.emplace_back(name, random_.uniform());
    }
    small.add(added);
    const auto read = reader.read(query_of(0, 0, points));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->times.size(), static_cast<std::size_t>(points)) << block;
  }
  EXPECT_GT(small.log->segments(), 1u);
}

}  // namespace
}  // namespace slipstream
