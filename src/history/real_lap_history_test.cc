// Traces of a lap that was really driven equal the file that it is in, read by other means.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/iso_time.h"
#include "codec/testing.h"
#include "history/history_fixture.h"
#include "history/lap_history.h"

namespace slipstream {
namespace {

using history_testing::HistoryLog;
using history_testing::kStartNs;
using history_testing::TestPoint;

std::optional<std::filesystem::path> real_file() {
  const char* const given = std::getenv("SLIPSTREAM_TEST_DATA");
  const std::filesystem::path folder =
      given != nullptr ? given : SLIPSTREAM_SOURCE_DIR "/../shared/data";
  const auto file = folder / "gr86_barber_r1.csv";
  if (!std::filesystem::exists(file)) return std::nullopt;
  return file;
}

/// By the car's clock, ns: each channel's value that stands last in the file, of one lap.
using FileLap = std::map<std::int64_t, std::map<std::string, double>>;

FileLap read_file(const std::filesystem::path& file, const std::string& lap) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  FileLap found;
  while (std::getline(in, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
    if (cells.at(1) != lap) continue;
    found[parse_iso_time(cells.at(10)).value()][cells.at(8)] = std::stod(cells.at(9));
  }
  return found;
}

class RealLapHistory : public testing::Test {
 protected:
  void SetUp() override {
    const auto file = real_file();
    if (!file) {
      GTEST_SKIP() << "gr86_barber_r1.csv is not in SLIPSTREAM_TEST_DATA (default ../shared/data)";
    }
    truth_ = read_file(*file, "2");
    ASSERT_GT(truth_.size(), 900u);
    codec_testing::Points points;
    points.add_export(file->string(), 1'000'000);
    const auto batch = points.take();
    ASSERT_NE(batch, nullptr);
    std::vector<TestPoint> block;
    for (const Point& p : batch->points) {
      TestPoint& point = block.emplace_back();
      point.chassis = batch->chassis(p);
      point.track = batch->track(p);
      point.time_s = static_cast<double>(p.event_time.ns - kStartNs) * 1e-9;
      point.lap = p.lap;
      for (auto v = batch->values_begin(p); v != batch->values_end(p); ++v) {
        point.values.emplace_back(points.schema().fields().name(v->field), v->value);
      }
      if (block.size() == 40) {
        log_.add(block);
        block.clear();
      }
    }
    log_.add(block);
    auto lap = std::make_shared<Lap>();
    lap->activity = {.track = std::string(batch->track(batch->points[0])),
                     .chassis = std::string(batch->chassis(batch->points[0]))};
    lap->lap = 2;
    lap->revision = 1;
    lap->began = {truth_.begin()->first};
    lap->ended = {truth_.rbegin()->first};
    lap_ = {.id = "lap-2", .session = "s", .lap = lap};
  }
  Trace trace(std::vector<std::string> fields, TraceBy by) {
    const auto answer =
        history_.trace({.lap = lap_, .fields = std::move(fields), .by = by, .points = 0}, {}, {});
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? answer->trace : Trace{};
  }

  FileLap truth_;
  HistoryLog log_;
  LapHistory history_{log_.reader(), {}, [](const std::string&, const std::string&) {}};
  StoredLap lap_;
};

TEST_F(RealLapHistory, ByTimeEqualsTheFile) {
  const Trace found = trace({"speed_kmh", "accx_can"}, TraceBy::kTime);
  EXPECT_EQ(found.of, truth_.size());
  std::map<std::int64_t, std::size_t> rows;
  for (std::size_t i = 0; i < found.x.size(); ++i) {
    rows[std::llround(found.x[i] * 1e3)] = i;
  }
  for (const auto& [time, values] : truth_) {
    const auto row = rows.find((time - truth_.begin()->first) / kNsPerMs);
    ASSERT_NE(row, rows.end());
    for (const auto& [channel, field] : {std::pair("speed", 0), std::pair("accx_can", 1)}) {
      const double value = found.fields[static_cast<std::size_t>(field)].values[row->second];
      const auto told = values.find(channel);
      if (told == values.end()) {
        EXPECT_TRUE(std::isnan(value));
      } else {
        EXPECT_EQ(value, told->second);
      }
    }
  }
}

TEST_F(RealLapHistory, ByDistanceEqualsTheFile) {
  const Trace found = trace({"lapdist_m", "speed_kmh"}, TraceBy::kDistance);
  std::size_t told = 0;
  std::vector<std::pair<double, double>> rows;
  for (std::size_t i = 0; i < found.x.size(); ++i) {
    if (std::isnan(found.fields[0].values[i])) continue;
    EXPECT_EQ(found.x[i], found.fields[0].values[i]);
    if (!std::isnan(found.fields[1].values[i]))
      rows.emplace_back(found.x[i], found.fields[1].values[i]);
  }
  std::vector<std::pair<double, double>> expected;
  for (const auto& [time, values] : truth_) {
    const auto distance = values.find("Laptrigger_lapdist_dls");
    if (distance == values.end()) continue;
    ++told;
    const auto speed = values.find("speed");
    if (speed != values.end()) expected.emplace_back(distance->second, speed->second);
  }
  EXPECT_GT(told, 150u);
  EXPECT_EQ(rows, expected);
}

TEST_F(RealLapHistory, ThePathByGpsIsAsLongAsTheDistanceSays) {
  const Trace found = trace({"lapdist_m", "VBOX_Lat_Min", "VBOX_Long_Minutes"}, TraceBy::kTime);
  double path = 0;
  std::optional<GeoPoint> last;
  std::optional<double> first_distance;
  double last_distance = 0;
  for (std::size_t i = 0; i < found.x.size(); ++i) {
    const double distance = found.fields[0].values[i];
    if (!std::isnan(distance)) {
      if (!first_distance) first_distance = distance;
      last_distance = distance;
    }
    const GeoPoint here{found.fields[1].values[i], found.fields[2].values[i]};
    if (std::isnan(here.latitude) || std::isnan(here.longitude)) continue;
    if (last) {
      const PlanePoint step = in_plane_of(*last, here);
      path += std::hypot(step.x_m, step.y_m);
    }
    last = here;
  }
  ASSERT_TRUE(first_distance);
  EXPECT_NEAR(last_distance - *first_distance, 1'088, 1);
  EXPECT_NEAR(path / (last_distance - *first_distance), 1, 0.02);
}

}  // namespace
}  // namespace slipstream
