#include "racing/track_sectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>
#include <vector>

namespace slipstream {
namespace {

using ::testing::HasSubstr;

class TrackSectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "sectors-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string file(std::string_view text, std::string_view name = "tracks.json") {
    const auto path = directory_ / name;
    std::ofstream(path) << text;
    return path.string();
  }

  std::filesystem::path directory_;
};

constexpr std::string_view kTwoSectors = R"({"oval":{"total_m":1000,"sectors":[
  {"name":"front","start_m":0,"end_m":400},{"name":"back","start_m":500.5,"end_m":1000}]}})";

TEST_F(TrackSectorsTest, KnowsSevenCircuitsWithoutAFile) {
  const TrackSectors tracks;
  const std::vector<std::pair<std::string, double>> lengths = {
      {"barber", 3830},  {"cota", 5514},   {"indianapolis", 3930}, {"road_america", 6515},
      {"sebring", 6020}, {"sonoma", 3200}, {"virginia", 6760}};
  for (const auto& [track, metres] : lengths) {
    EXPECT_EQ(tracks.total_m(track), metres) << track;
    EXPECT_EQ(tracks.sector_count(track), 3) << track;
    EXPECT_EQ(tracks.sector_at(track, 0), 0) << track;
    EXPECT_EQ(tracks.sector_at(track, metres / 2), 1) << track;
    EXPECT_EQ(tracks.sector_at(track, metres - 1), 2) << track;
  }
}

TEST_F(TrackSectorsTest, ASectorStartsAtItsBoundAndEndsBeforeTheNext) {
  const TrackSectors tracks;
  EXPECT_EQ(tracks.sector_at("barber", 1276.999), 0);
  EXPECT_EQ(tracks.sector_at("barber", 1277), 1);
  EXPECT_EQ(tracks.sector_at("barber", 2553.999), 1);
  EXPECT_EQ(tracks.sector_at("barber", 2554), 2);
}

TEST_F(TrackSectorsTest, AnUnlistedTrackIsFiveKilometresInThirds) {
  const TrackSectors tracks;
  EXPECT_EQ(tracks.total_m("nowhere"), 5000);
  EXPECT_EQ(tracks.sector_at("nowhere", 1666), 0);
  EXPECT_EQ(tracks.sector_at("nowhere", 1667), 1);
  EXPECT_EQ(tracks.sector_at("nowhere", 3333), 1);
  EXPECT_EQ(tracks.sector_at("nowhere", 3334), 2);
  EXPECT_EQ(tracks.sector_at("", 10), 0);
}

TEST_F(TrackSectorsTest, ADistanceInNoSectorBelongsToTheLast) {
  const auto tracks = TrackSectors::open(file(kTwoSectors));
  ASSERT_TRUE(tracks) << tracks.error().message;
  for (const double metres :
       {450.0, 1000.0, 99999.0, -1.0, -0.001, std::numeric_limits<double>::quiet_NaN(),
        std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ((*tracks)->sector_at("oval", metres), 1) << metres;
  }
  EXPECT_EQ((*tracks)->sector_at("oval", 399.9), 0);
}

TEST_F(TrackSectorsTest, AFileReplacesTheBuiltInCircuits) {
  const auto tracks = TrackSectors::open(file(kTwoSectors));
  ASSERT_TRUE(tracks) << tracks.error().message;
  EXPECT_EQ((*tracks)->sector_count("oval"), 2);
  EXPECT_EQ((*tracks)->total_m("oval"), 1000);
  EXPECT_EQ((*tracks)->total_m("barber"), 5000);
}

TEST_F(TrackSectorsTest, AnEmptyPathMeansTheBuiltInCircuits) {
  const auto tracks = TrackSectors::open("");
  ASSERT_TRUE(tracks);
  EXPECT_EQ((*tracks)->total_m("cota"), 5514);
}

TEST_F(TrackSectorsTest, EveryFaultIsNamedWithFileAndPlace) {
  struct Case {
    std::string_view text;
    std::vector<std::string_view> parts;
  };
  const std::vector<Case> cases = {
      {"", {"is no valid JSON"}},
      {"{\"oval\":", {"is no valid JSON"}},
      {"[]", {"at the top"}},
      {R"({"":{}})", {"track \"\"", "name"}},
      {R"({"oval":7})", {"track \"oval\"", "expected an object"}},
      {R"({"oval":{"sectors":[]}})", {"track \"oval\"", "\"total_m\" is missing"}},
      {R"({"oval":{"total_m":"9","sectors":[]}})", {"track \"oval\".total_m", "found \"9\""}},
      {R"({"oval":{"total_m":-1,"sectors":[]}})", {"total_m", "-1 m"}},
      {R"({"oval":{"total_m":0,"sectors":[]}})", {"total_m", "length"}},
      {R"({"oval":{"total_m":9}})", {"\"sectors\" is missing"}},
      {R"({"oval":{"total_m":9,"sectors":[]}})", {"sectors", "at least one"}},
      {R"({"oval":{"total_m":9,"sectors":[3]}})", {"sectors[0]", "expected an object"}},
      {R"({"oval":{"total_m":9,"sectors":[{"start_m":0}]}})", {"sectors[0]", "\"end_m\""}},
      {R"({"oval":{"total_m":9,"sectors":[{"start_m":4,"end_m":4}]}})", {"sectors[0]", "ends at"}},
      {R"({"oval":{"total_m":9,"sectors":[{"start_m":0,"end_m":10}]}})", {"beyond total_m"}},
      {R"({"oval":{"total_m":9,"sectors":[{"start_m":0,"end_m":5},{"start_m":4,"end_m":9}]}})",
       {"sectors[1]", "before the end"}},
      {R"({"a":{"total_m":9,"sectors":[{"start_m":0,"end_m":9}]},
           "a":{"total_m":9,"sectors":[{"start_m":0,"end_m":9}]}})",
       {"track \"a\"", "twice"}},
  };
  for (const auto& [text, parts] : cases) {
    const auto path = file(text);
    const auto tracks = TrackSectors::open(path);
    ASSERT_FALSE(tracks) << text;
    EXPECT_THAT(tracks.error().message, HasSubstr(path)) << text;
    for (const auto part : parts) {
      EXPECT_THAT(tracks.error().message, HasSubstr(std::string(part))) << text;
    }
  }
}

TEST_F(TrackSectorsTest, AMissingFileIsAnError) {
  const auto tracks = TrackSectors::open((directory_ / "absent.json").string());
  ASSERT_FALSE(tracks);
  EXPECT_THAT(tracks.error().message, HasSubstr("absent.json"));
}

TEST_F(TrackSectorsTest, ABadReloadLeavesTheOldTable) {
  const auto tracks = TrackSectors::open(file(kTwoSectors));
  ASSERT_TRUE(tracks);
  EXPECT_FALSE((*tracks)->reload(file("{", "bad.json")));
  EXPECT_EQ((*tracks)->sector_count("oval"), 2);
  EXPECT_TRUE((*tracks)->reload(""));
  EXPECT_EQ((*tracks)->sector_count("barber"), 3);
}

TEST_F(TrackSectorsTest, TwoMapsInOneThreadDoNotMixUp) {
  const TrackSectors built_in;
  const auto own = TrackSectors::open(file(kTwoSectors));
  ASSERT_TRUE(own);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(built_in.sector_count("oval"), 3);
    EXPECT_EQ((*own)->sector_count("oval"), 2);
  }
}

TEST_F(TrackSectorsTest, ReloadsWhileManyThreadsLookUp) {
  const auto one = file(R"({"oval":{"total_m":100,"sectors":[{"start_m":0,"end_m":100}]}})", "one");
  const auto two = file(kTwoSectors, "two");
  const auto tracks = TrackSectors::open(one);
  ASSERT_TRUE(tracks);
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const auto sector = (*tracks)->sector_at("oval", 700);
        if (sector != 0 && sector != 1) ++wrong;
      }
    });
  }
  for (int i = 0; i < 200; ++i) ASSERT_TRUE((*tracks)->reload(i % 2 ? one : two));
  stop = true;
  readers.clear();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace slipstream
