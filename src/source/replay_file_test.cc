#include "source/replay_file.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "net/packed_testing.h"

namespace slipstream {
namespace {

using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

class ReplayFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "slipstream-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Result<Recording> read(const std::string& text, const std::string& track = "") {
    std::ofstream(folder_ / "recording", std::ios::binary) << text;
    return read_recording(folder_ / "recording", track, {});
  }

  std::filesystem::path folder_;
};

const std::string kTable =
    "# from a logger\nTimestamp;Car;Track;Speed\n2025-09-04T15:33:20Z;A;cota;90,5\n"
    "2025-09-04T15:33:21Z;A;cota\n2025-09-04T15:33:22Z;A;cota;fast\n;;cota;1\n";

TEST_F(ReplayFile, IsReadPackedOrNotAndTellsWhatItRefusedByReason) {
  for (const auto& text : {kTable, harness::gzip(kTable), harness::zstd(kTable)}) {
    const auto recording = read(text);
    ASSERT_TRUE(recording) << recording.error().message;
    ASSERT_EQ(recording->points.size(), 1u);
    EXPECT_EQ(recording->points[0].event_ns, 1'757'000'000'000'000'000);
    EXPECT_THAT(recording->points[0].json, HasSubstr(R"("speed_kmh":90.5)"));
    EXPECT_THAT(recording->reasons,
                UnorderedElementsAre(Pair("malformed_csv", 1u), Pair("bad_number", 1u),
                                     Pair("missing_dimension", 1u)));
  }
}

TEST_F(ReplayFile, CutOrOfNoUseIsAnErrorThatSaysSo) {
  const auto packed = harness::gzip(kTable);
  const std::pair<std::string, std::string> cases[] = {
      {packed.substr(0, packed.size() / 2), "begins like gzip, but is cut or damaged"},
      {"speed,rpm\n1,2\n", "no column for 'track' (or circuit, venue, track_name), and none for"},
      {"", "holds no valid point"},
  };
  for (const auto& [text, message] : cases) {
    const auto recording = read(text);
    ASSERT_FALSE(recording);
    EXPECT_THAT(recording.error().message, HasSubstr(message));
  }
}

TEST_F(ReplayFile, TheTrackOfATableWithoutOneIsGiven) {
  const auto recording = read("time,driver,speed\n2025-09-04T15:33:20Z,A,90\n", "barber");
  ASSERT_TRUE(recording) << recording.error().message;
  EXPECT_THAT(recording->points.at(0).json, HasSubstr(R"("track":"barber")"));
}

TEST_F(ReplayFile, ChannelsOfAnExportAreKnownInAnyCase) {
  const auto recording = read(
      "expire_at,lap,Meta_Event,meta_session,meta_source,meta_time,original_vehicle_id,outing,"
      "telemetry_name,telemetry_value,timestamp,vehicle_id,vehicle_number\n"
      ",1,barber,R1,kafka,2025-09-04T00:28:20.593Z,GR86-1,0,Speed,91.5,2025-09-04T00:25:45Z,A,1\n"
      ",1,barber,R1,kafka,2025-09-04T00:28:20.593Z,GR86-1,0,NMOT,5000,2025-09-04T00:25:45Z,A,1\n"
      ",1,barber,R1,kafka,2025-09-04T00:28:20.593Z,GR86-1,0,steering_angle,3,2025-09-04T00:25:45Z,"
      "A,1\n");
  ASSERT_TRUE(recording) << recording.error().message;
  ASSERT_EQ(recording->points.size(), 1u);
  EXPECT_THAT(recording->points[0].json,
              HasSubstr(R"("speed_kmh":91.5,"rpm":5000,"Steering_Angle":3)"));
}

}  // namespace
}  // namespace slipstream
