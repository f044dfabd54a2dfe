// A lap that was really driven, through the whole program: replay -> UDP -> rollups equal those of
// a recomputation from the file that shares no code with the program.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "app/pipeline_component.h"
#include "app/store_component.h"
#include "cli/commands.h"
#include "harness.h"

namespace slipstream {
namespace {

struct Reading {
  std::string timestamp;  ///< ISO, milliseconds, Z: sorts as text
  std::string receipt;
  int lap = 0;
  int sector = 0;
  std::map<std::string, double> fields;
  std::int64_t ms() const {
    int y, mo, d, h, mi, s, f;
    EXPECT_EQ(std::sscanf(timestamp.c_str(), "%d-%d-%dT%d:%d:%d.%dZ", &y, &mo, &d, &h, &mi, &s, &f),
              7);
    return ((((d * 24LL) + h) * 60 + mi) * 60 + s) * 1'000 + f;  // all of one month
  }
};

std::vector<Reading> read_lap(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  std::vector<std::string> names;
  std::istringstream header(line);
  for (std::string name; std::getline(header, name, ',');) names.push_back(name);
  std::map<std::string, Reading> by_timestamp;
  std::vector<std::string> order;  // of first rows in the file
  while (std::getline(in, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    std::map<std::string, std::string> row;
    std::istringstream cells(line);
    std::size_t i = 0;
    for (std::string cell; std::getline(cells, cell, ',');) row[names.at(i++)] = cell;
    auto [found, is_new] = by_timestamp.try_emplace(row["timestamp"]);
    if (is_new) order.push_back(row["timestamp"]);
    Reading& r = found->second;
    r.timestamp = row["timestamp"];
    r.receipt = std::max(r.receipt, row["meta_time"]);
    r.lap = std::stoi(row["lap"]);
    std::string name = row["telemetry_name"];
    if (name == "Laptrigger_lapdist_dls") name = "lapdist_m";
    if (name == "speed") name = "speed_kmh";
    if (name == "nmot") name = "rpm";
    r.fields[name] = std::stod(row["telemetry_value"]);
  }
  std::vector<Reading> readings;
  for (const auto& timestamp : order) readings.push_back(by_timestamp[timestamp]);
  std::ranges::stable_sort(readings, {}, &Reading::receipt);

  int last_sector = 0;
  int sector_lap = -1;
  for (auto& r : readings) {
    if (const auto d = r.fields.find("lapdist_m"); d != r.fields.end()) {
      r.sector = d->second < 1'000 ? 0 : d->second < 2'400 ? 1 : 2;
    } else {
      r.sector = sector_lap == r.lap ? last_sector : 0;
    }
    last_sector = r.sector;
    sector_lap = r.lap;
  }
  return readings;
}

constexpr const char* kSectors = R"({"barber":{"total_m":3830,"sectors":[
  {"name":"a","start_m":0,"end_m":1000},{"name":"b","start_m":1000,"end_m":2400},
  {"name":"c","start_m":2400,"end_m":3830}]}})";

/// A rollup for comparison: figures rounded to nine digits, since sums may be made in another
/// order.
using Figures = std::map<std::string, double>;

Figures figures_of(const std::vector<const Reading*>& window) {
  Figures f;
  f["count"] = static_cast<double>(window.size());
  std::map<std::string, std::vector<const Reading*>> carriers;
  for (const auto* r : window) {
    for (const auto& [name, value] : r->fields) carriers[name].push_back(r);
  }
  for (const auto& [name, readings] : carriers) {
    double sum = 0, squares = 0, min = INFINITY, max = -INFINITY;
    for (const auto* r : readings) {
      const double v = r->fields.at(name);
      sum += v;
      min = std::min(min, v);
      max = std::max(max, v);
    }
    const double n = static_cast<double>(readings.size());
    for (const auto* r : readings) squares += std::pow(r->fields.at(name) - sum / n, 2);
    const auto last =
        std::ranges::max_element(readings, {}, [](const Reading* r) { return r->timestamp; });
    f["avg_" + name] = sum / n;
    f["min_" + name] = min;
    f["max_" + name] = max;
    f["std_" + name] = std::sqrt(squares / n);
    f["last_" + name] = (*last)->fields.at(name);
  }
  return f;
}

struct Expected {
  std::vector<Figures> rollups;
  std::size_t late = 0;
};

/// Closes on a change of place, and at `limit` points (0: not).
Expected places(const std::vector<Reading>& readings, std::size_t limit, bool late_rollups) {
  Expected out;
  std::vector<const Reading*> open;
  std::vector<const Reading*> late;
  std::pair<int, int> at{-1, -1}, left{-1, -1};
  std::string left_at;
  const auto close = [&] {
    if (!open.empty()) out.rollups.push_back(figures_of(open));
    open.clear();
  };
  for (const auto& r : readings) {
    const std::pair place{r.lap, r.sector};
    if (place != at) {
      if (place == left && r.timestamp < left_at) {  // it was overtaken by the point that moved on
        late.push_back(&r);
        ++out.late;
        continue;
      }
      close();
      left = at;
      left_at = r.timestamp;
      at = place;
    }
    open.push_back(&r);
    if (open.size() == limit) close();
  }
  close();
  if (late_rollups && !late.empty()) {
    ADD_FAILURE() << "the lap has late points: say here what rollups they make";
  }
  return out;
}

Expected seconds(const std::vector<Reading>& readings) {
  Expected out;
  std::map<std::int64_t, std::vector<const Reading*>> open;
  std::int64_t newest = 0;
  for (const auto& r : readings) {
    const std::int64_t second = r.ms() / 1'000;
    if ((second + 1) * 1'000 <= (newest - 1'000) / 1'000 * 1'000) {
      ++out.late;
      continue;
    }
    open[second].push_back(&r);
    newest = std::max(newest, r.ms());
  }
  for (const auto& [second, window] : open) out.rollups.push_back(figures_of(window));
  return out;
}

std::vector<Figures> figures_of(const RollupPage& page) {
  std::vector<Figures> all;
  simdjson::dom::parser parser;
  for (auto it = page.rollups.rbegin(); it != page.rollups.rend(); ++it) {
    Figures f;
    simdjson::dom::element root = parser.parse(*it);
    for (const auto member : root.get_object()) {
      const std::string name(member.key);
      double number;
      if (name == "lap" || name == "sector" || member.value.get(number) != simdjson::SUCCESS)
        continue;
      f[name] = number;
    }
    all.push_back(f);
  }
  return all;
}

/// As a bag: the order of rollups is looked at elsewhere.
std::multiset<std::string> bag(const std::vector<Figures>& rollups) {
  std::multiset<std::string> out;
  for (const auto& rollup : rollups) {
    std::string text;
    for (const auto& [name, value] : rollup) {
      text += fmt::format("{}={:.6f} ", name, std::abs(value) < 5e-7 ? 0.0 : value);
    }
    out.insert(text);
  }
  return out;
}

TEST(RealLap, RollupsEqualARecomputationFromTheFile) {
  const auto file = harness::test_data("gr86_barber_r1.csv");
  if (!file)
    GTEST_SKIP() << "gr86_barber_r1.csv is not in SLIPSTREAM_TEST_DATA (default ../shared/data)";
  const auto readings = read_lap(*file);
  ASSERT_GT(readings.size(), 1'000u);

  harness::TemporaryDirectory directory;
  std::ofstream(directory.path() / "tracks.json") << kSectors;
  harness::Server server({{"TRACK_SECTORS_PATH", (directory.path() / "tracks.json").string()}},
                         harness::kWithoutIdleness);
  ASSERT_EQ(run_replay({.source = file->string(),
                        .to = fmt::format("udp://127.0.0.1:{}", server.udp_port()),
                        .speed = "100",
                        .check = fmt::format("http://127.0.0.1:{}", server.port()),
                        .track = "barber"}),
            0);
  const auto& udp = server.ingest().of(SourceKind::kUdp);
  ASSERT_TRUE(harness::eventually([&] { return udp.accepted.value() == readings.size(); }))
      << udp.received.value() << " of " << readings.size() << " points came, "
      << udp.accepted.value() << " were accepted";
  server.stop();

  const auto& store = server.component<StoreComponent>();
  const auto& windows = server.component<PipelineComponent>().stats().windows;
  const auto in_memory = [&](const char* window) {
    const auto page = store.memory().query({.window = window, .limit = 5'000});
    return bag(figures_of(page.value()));
  };
  const auto in_store = [&](const char* window) {
    const auto page = store.store().query({.window = window, .limit = 5'000});
    return bag(figures_of(page.value()));
  };
  const Expected buckets = places(readings, 10, true);
  const Expected sectors = places(readings, 0, false);
  const Expected by_second = seconds(readings);
  EXPECT_EQ(in_memory("bucket"), bag(buckets.rollups));
  EXPECT_EQ(in_store("sector"), bag(sectors.rollups));
  EXPECT_EQ(in_store("second"), bag(by_second.rollups));
  EXPECT_EQ(windows[0].late_points.value(), buckets.late);
  EXPECT_EQ(windows[1].late_points.value(), sectors.late);
  EXPECT_EQ(windows[2].late_points.value(), by_second.late);
  EXPECT_GT(buckets.rollups.size(), 100u);
}

}  // namespace
}  // namespace slipstream
