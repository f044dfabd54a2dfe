#include "history/segment_index.h"

#include <cmath>

#include "history/history_fixture.h"

namespace slipstream {
namespace {

using history_testing::at;
using history_testing::HistoryLog;
using history_testing::kLogFolder;
using history_testing::query_of;
using history_testing::seconds_of;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// A segment a block, of which the last is open.
class SegmentIndexTest : public testing::Test {
 protected:
  SegmentIndexTest() {
    for (int i = 0; i < 4; ++i) {
      log_.add({{.time_s = static_cast<double>(i), .values = {{"speed_kmh", 100}}}});
    }
  }
  std::vector<std::string> index_files() {
    std::vector<std::string> names;
    const auto all = log_.files.list(kLogFolder);
    for (const auto& name : *all) {
      if (name.find(kIndexSuffix) != name.npos) names.push_back(name);
    }
    return names;
  }
  FileSystem::Path index_path(std::size_t segment) {
    return FileSystem::Path(kLogFolder) / segment_index_name(log_.log->synced_segments()[segment]);
  }
  std::vector<double> read() { return seconds_of(log_.read(query_of(0, 9))); }

  HistoryLog log_{{.segment_bytes = 1}};
};

TEST_F(SegmentIndexTest, IsMadeOfSealedSegmentsAlone) {
  EXPECT_EQ(log_.index_all(), 3);
  EXPECT_THAT(index_files(), SizeIs(3));
  EXPECT_EQ(log_.indexes.stats().indexed.value(), 3);
  EXPECT_EQ(log_.indexes.stats().sealed.value(), 3);
  EXPECT_THAT(read(), ElementsAre(0, 1, 2, 3));
}

TEST_F(SegmentIndexTest, OneThatIsDamagedOrCutIsNotBelievedAndMadeAnew) {
  log_.index_all();
  const std::string whole = log_.files.content(index_path(1));
  for (std::size_t byte = 0; byte < whole.size(); byte += 7) {
    std::string damaged = whole;
    damaged[byte] = static_cast<char>(damaged[byte] ^ 0x40);
    EXPECT_FALSE(decode_segment_index(damaged)) << byte;
    EXPECT_FALSE(decode_segment_index(whole.substr(0, byte))) << byte;
  }
  log_.files.flip(index_path(1), 30);
  const auto faults = verify_indexes(log_.files, kLogFolder);
  ASSERT_TRUE(faults);
  EXPECT_THAT(*faults, SizeIs(1));
  SegmentIndexes fresh(log_.files, kLogFolder);
  EXPECT_EQ(fresh.find(log_.log->synced_segments()[1]), nullptr);
  while (fresh.tend(log_.log->synced_segments(), {}).value()) {
  }
  EXPECT_EQ(fresh.stats().untrue.value(), 1u);
  EXPECT_EQ(log_.files.content(index_path(1)), whole);
}

TEST_F(SegmentIndexTest, OneThatIsNotBelievedGoesButNotThatOfAnotherProcess) {
  log_.index_all();
  const SegmentInfo segment = log_.log->synced_segments()[1];
  SegmentIndexes others(log_.files, kLogFolder, SegmentIndexes::Files::kOthers);
  others.distrust(segment);
  EXPECT_EQ(others.stats().untrue.value(), 1u);
  EXPECT_THAT(index_files(), SizeIs(3));
  log_.indexes.distrust(segment);
  EXPECT_THAT(index_files(), SizeIs(2));
}

TEST_F(SegmentIndexTest, OneOfAnotherSegmentIsNotBelieved) {
  log_.index_all();
  log_.files.set_content(index_path(1), log_.files.content(index_path(2)));
  SegmentIndexes fresh(log_.files, kLogFolder);
  EXPECT_EQ(fresh.find(log_.log->synced_segments()[1]), nullptr);
  PointReader reader(
      log_.files, kLogFolder, [this] { return log_.log->synced_segments(); }, fresh,
      system_clock());
  EXPECT_THAT(seconds_of(*reader.read(query_of(0, 9))), ElementsAre(0, 1, 2, 3));
}

TEST_F(SegmentIndexTest, GoesWithItsSegment) {
  log_.index_all();
  log_.files.delete_for_good(FileSystem::Path(kLogFolder) /
                             log_.log->synced_segments().front().name);
  auto segments = log_.log->synced_segments();
  segments.erase(segments.begin());
  ASSERT_TRUE(log_.indexes.tend(segments, {}));
  EXPECT_THAT(index_files(), SizeIs(2));
}

TEST_F(SegmentIndexTest, WhatWasHalfWrittenIsRemoved) {
  const std::string name = index_path(0).filename().string() + ".new";
  log_.files.set_content(FileSystem::Path(kLogFolder) / name, "half");
  log_.index_all();
  EXPECT_THAT(index_files(), SizeIs(3));
  EXPECT_EQ(log_.files.content(FileSystem::Path(kLogFolder) / name), "");
}

TEST_F(SegmentIndexTest, IsNotMadeOfADamagedSegment) {
  const auto segment = log_.log->synced_segments()[1];
  log_.files.flip(FileSystem::Path(kLogFolder) / segment.name, segment.bytes - 1);
  log_.index_all();
  EXPECT_THAT(index_files(), SizeIs(2));
  EXPECT_EQ(log_.indexes.stats().damaged.value(), 1);
  EXPECT_THAT(read(), ElementsAre(0, 2, 3));
}

TEST_F(SegmentIndexTest, WithAnIndexOnlyWhatCanMatterIsRead) {
  log_.index_all();
  // What is not read cannot be missed.
  for (const std::size_t gone : {0u, 2u}) {
    const auto segment = log_.log->synced_segments()[gone];
    log_.files.flip(FileSystem::Path(kLogFolder) / segment.name, segment.bytes - 1);
  }
  const auto points = log_.read(query_of(1, 1));
  EXPECT_THAT(seconds_of(points), ElementsAre(1));
  EXPECT_EQ(points.lost, 0u);
}

TEST_F(SegmentIndexTest, DamageThatCameBehindItIsToldByTheReader) {
  log_.index_all();
  const auto segment = log_.log->synced_segments()[1];
  log_.files.flip(FileSystem::Path(kLogFolder) / segment.name, segment.bytes - 1);
  const auto points = log_.read(query_of(0, 9));
  EXPECT_THAT(seconds_of(points), ElementsAre(0, 2, 3));
  EXPECT_EQ(points.lost, 1u);
}

/// Of twenty cars at 25 Hz in blocks of ten milliseconds, and of a hundred machines in large ones.
TEST(SegmentIndexSize, IsFarBelowAHundredthOfItsSegment) {
  for (const int machines : {20, 100}) {
    HistoryLog log({.segment_bytes = 200'000});
    std::vector<history_testing::TestPoint> block;
    for (int i = 0; log.log->segments() < 2; ++i) {
      const double noise = std::sin(i * 12.9898) * 43'758.5453;
      block.push_back({.chassis = "GR86-" + std::to_string(i % machines),
                       .time_s = i * 0.002,
                       .values = {{"speed_kmh", std::round(noise) / 100},
                                  {"rpm", std::round(noise * 7)},
                                  {"accx_can", std::round(noise / 3) / 1'000}}});
      if (block.size() < (machines == 20 ? 5u : 500u)) continue;
      log.add(block);
      block.clear();
    }
    log.index_all();
    const auto segment = log.log->synced_segments().front();
    const auto index =
        log.files.content(FileSystem::Path(kLogFolder) / segment_index_name(segment));
    ASSERT_FALSE(index.empty());
    // A table of machines is all that a segment of few bytes has too much of.
    const std::size_t table = static_cast<std::size_t>(machines) * sizeof(std::uint64_t);
    EXPECT_LT(index.size() - table, segment.bytes / 100) << machines;
  }
}

TEST_F(SegmentIndexTest, AFailedWriteLeavesNoIndexAndTheNextTurnMakesIt) {
  log_.files.set_faults({.failed_syncs = 100});
  EXPECT_FALSE(log_.indexes.tend(log_.log->synced_segments(), {}));
  log_.files.set_faults({});
  EXPECT_EQ(log_.index_all(), 3);
  EXPECT_THAT(index_files(), SizeIs(3));
}

}  // namespace
}  // namespace slipstream
