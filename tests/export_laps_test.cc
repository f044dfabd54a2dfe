// Exports of a lap or a session, of a race of a game with a flashback: what the formats have of it
// is the same, and what MoTeC's logs have follows from it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <set>

#include "cli/motec_testing.h"
#include "codec/games_testing.h"
#include "codec/json_scan.h"
#include "harness.h"
#include "program.h"
#include "recorded.h"
#include "store/sqlite.h"

namespace slipstream {
namespace {

using harness::http;
using harness::lines;
using harness::run;
using harness::Server;
using harness::TemporaryDirectory;
using motec_testing::attributes_of;
using motec_testing::read_motec;
using motec_testing::ReadLog;
using testing::HasSubstr;

std::string text_of(std::string_view json, std::string_view member) {
  return std::string(json_string_body(json_member(json, member)));
}
double number_of(std::string_view json, std::string_view member) {
  const std::string text(json_member(json, member));
  return text.empty() || text == "null" ? std::nan("") : std::stod(text);
}
std::int64_t time_of(std::string_view json, std::string_view member) {
  return parse_iso_time(text_of(json, member)).value();
}
bool is_mark(std::string_view line) {
  return line.starts_with(R"({"type":"mark")");
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A race that was recorded, and its laps as the server told them.
class ExportedRace : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory;
    const auto capture = games_testing::read_kept_reference("f1_2025_race.cap");
    ASSERT_TRUE(capture);
    std::ofstream(path("race.cap"), std::ios::binary) << *capture;
    const auto start = [] {
      return std::make_unique<Server>(
          std::map<std::string, std::string>{{"DATA_DIR", path("data").string()}});
    };
    auto server = start();
    const auto replayed = run(*directory_, {"replay", "race.cap", "--speed", "max", "--to",
                                            fmt::format("http://127.0.0.1:{}", server->port())});
    ASSERT_EQ(replayed.code, 0) << replayed.output;
    ASSERT_TRUE(server->stop());
    server.reset();
    server = start();
    const auto page = http(server->port(), "GET", "/api/laps?limit=1000").body;
    JsonScan laps(json_member(page, "laps"));
    while (const auto lap = laps.next()) laps_.emplace_back(lap->value);
    const auto sessions = http(server->port(), "GET", "/api/sessions").body;
    JsonScan all(json_member(sessions, "sessions"));
    while (const auto session = all.next()) sessions_.emplace_back(session->value);
    ASSERT_TRUE(server->stop());
    ASSERT_GT(laps_.size(), 20u);
    ASSERT_EQ(sessions_.size(), 1u);
  }
  static void TearDownTestSuite() {
    delete directory_;
    directory_ = nullptr;
    laps_.clear();
    sessions_.clear();
  }

  static std::filesystem::path path(const std::string& name) { return directory_->path() / name; }
  static harness::Ran exported(std::vector<std::string> more) {
    more.insert(more.begin(), {"export", "--data", "data"});
    return run(*directory_, std::move(more));
  }
  /// The lines of an export as NDJSON.
  static std::vector<std::string> lines_of(std::vector<std::string> more) {
    more.insert(more.end(), {"--output", "lines.ndjson"});
    const auto ran = exported(std::move(more));
    EXPECT_EQ(ran.code, 0) << ran.output;
    return lines(path("lines.ndjson"));
  }
  static std::string rewound_lap() {
    for (const auto& lap : laps_) {
      if (json_member(lap, "rewound") == "true") return lap;
    }
    ADD_FAILURE() << "no lap was driven twice";
    return {};
  }
  static std::string session_id() { return text_of(sessions_[0], "id"); }

  static inline TemporaryDirectory* directory_ = nullptr;
  static inline std::vector<std::string> laps_;
  static inline std::vector<std::string> sessions_;
};

TEST_F(ExportedRace, EachLapHasThePointsThatCount) {
  for (const auto& lap : laps_) {
    std::size_t points = 0;
    for (const auto& line : lines_of({"--lap", text_of(lap, "id")})) {
      EXPECT_GE(time_of(line, is_mark(line) ? "time" : "meta_time"), time_of(lap, "started"));
      EXPECT_LE(time_of(line, is_mark(line) ? "time" : "meta_time"), time_of(lap, "ended"));
      if (is_mark(line)) continue;
      EXPECT_EQ(text_of(line, "chassis"), text_of(lap, "chassis"));
      ++points;
    }
    // Of a game points are frames, missing ones among them.
    EXPECT_EQ(static_cast<double>(points), number_of(lap, "points") - number_of(lap, "missing"))
        << lap;
  }
}

TEST_F(ExportedRace, WhatAFlashbackTookBackIsLeftOut) {
  const auto lap = rewound_lap();
  double last = -1;
  for (const auto& line : lines_of({"--lap", text_of(lap, "id")})) {
    if (is_mark(line)) continue;
    const double session_time = number_of(line, "session_time_s");
    EXPECT_GT(session_time, last) << "each moment was driven once";
    last = session_time;
  }
}

TEST_F(ExportedRace, TheFormatsHaveTheSame) {
  const auto id = text_of(rewound_lap(), "id");
  const auto points = lines_of({"--lap", id});
  const auto marks = std::ranges::count_if(points, is_mark);
  ASSERT_EQ(exported({"--lap", id, "--format", "csv", "--output", "lap.csv"}).code, 0);
  const auto table = lines(path("lap.csv"));
  ASSERT_EQ(table.size(), points.size() - static_cast<std::size_t>(marks) + 1);
  const auto mcap = exported({"--lap", id, "--format", "mcap", "--output", "lap.mcap"});
  EXPECT_THAT(mcap.output,
              HasSubstr(fmt::format("{} points and {} marks exported",
                                    points.size() - static_cast<std::size_t>(marks), marks)));
}

/// All that is in the log but for what the flashbacks in it took back.
std::vector<std::string> kept_of(const std::vector<std::string>& all) {
  std::vector<std::string> kept;
  for (const auto& line : all) {
    const double to = is_mark(line) ? number_of(line, "to_session_time_s") : std::nan("");
    if (!std::isnan(to)) {
      std::erase_if(kept, [&](const std::string& before) {
        return !is_mark(before) && text_of(before, "session") == text_of(line, "session") &&
               number_of(before, "session_time_s") >= to;
      });
    }
    kept.push_back(line);
  }
  return kept;
}

TEST_F(ExportedRace, ASessionHasAllMachinesAndPartsAndItsMarks) {
  const auto expected = kept_of(lines_of({}));
  const auto all = lines_of({"--session", session_id()});
  ASSERT_GT(expected.size(), 1'000u);
  EXPECT_LT(expected.size(), lines_of({}).size());
  EXPECT_EQ(all, expected);
  const auto chassis = text_of(laps_[0], "chassis");
  for (const auto& line : lines_of({"--session", session_id(), "--chassis", chassis})) {
    if (is_mark(line)) continue;
    EXPECT_EQ(text_of(line, "chassis"), chassis);
  }
}

/// Readings of a field by the lap's own clock: of one that was driven twice in part the session's
/// time, which a flashback sets back.
struct Readings {
  std::vector<double> times;
  std::vector<double> values;
};
Readings readings_of(const std::vector<std::string>& points, const std::string& lap,
                     const std::string& field) {
  Readings readings;
  const bool is_rewound = json_member(lap, "rewound") == "true";
  double begin = std::nan("");
  for (const auto& line : points) {
    if (is_mark(line)) continue;
    const double since =
        static_cast<double>(time_of(line, "meta_time") - time_of(lap, "started")) / 1e9;
    const double clock = is_rewound ? number_of(line, "session_time_s") : since;
    if (std::isnan(begin)) begin = clock - since;
    const double value = number_of(line, field);
    if (std::isnan(value)) continue;
    readings.times.push_back(clock - begin);
    readings.values.push_back(value);
  }
  return readings;
}

void expect_sampled(const ReadLog& log, const std::string& name, const Readings& readings,
                    double factor, bool is_held) {
  const auto* const channel = log.find(name);
  ASSERT_NE(channel, nullptr) << name;
  EXPECT_EQ(channel->rate_hz, 20) << name;
  const auto [least, most] = std::ranges::minmax(readings.values);
  for (std::size_t i = 0; i < channel->values.size(); ++i) {
    const double time = static_cast<double>(i) / channel->rate_hz;
    const auto next = static_cast<std::size_t>(
        std::ranges::upper_bound(readings.times, time + 1e-9) - readings.times.begin());
    const std::size_t before = next == 0 ? 0 : next - 1;
    double expected = readings.values[before];
    if (next > 0 && next < readings.times.size() && !is_held) {
      const double step = readings.values[next] - expected;
      const double between = readings.times[next] - readings.times[before];
      if (between <= 0.15 && std::abs(step) <= (most - least) / 2) {
        expected += step * (time - readings.times[before]) / between;
      }
    }
    EXPECT_NEAR(channel->values[i], expected * factor, 1e-3) << name << " at " << time;
  }
}

TEST_F(ExportedRace, AMotecLogOfALapIsItsPointsAtAnEvenRate) {
  for (const auto& lap : {rewound_lap(), laps_[0]}) {
    const auto id = text_of(lap, "id");
    const auto ran = exported({"--lap", id, "--format", "motec", "--output", "lap.ld"});
    ASSERT_EQ(ran.code, 0) << ran.output;
    const auto log = read_motec(bytes_of(path("lap.ld")));
    EXPECT_EQ(log.venue, "silverstone");
    EXPECT_EQ(log.session, session_id());
    EXPECT_THAT(log.description, HasSubstr(id));
    EXPECT_THAT(log.description, HasSubstr(text_of(lap, "started")));
    const auto began = text_of(lap, "started");
    EXPECT_EQ(log.date, began.substr(8, 2) + "/" + began.substr(5, 2) + "/" + began.substr(0, 4));
    EXPECT_EQ(log.time, began.substr(11, 8));
    EXPECT_EQ(log.channel_count, log.channels.size());
    const auto points = lines_of({"--lap", id});
    std::set<std::string> names;
    for (const auto& channel : log.channels) {
      EXPECT_EQ(channel.kind, 7);
      EXPECT_EQ(channel.value_bytes, 4);
      EXPECT_TRUE(names.insert(channel.name).second) << channel.name;
      const double lasts = static_cast<double>(channel.values.size()) / channel.rate_hz;
      EXPECT_NEAR(lasts, number_of(lap, "lap_time_s"), 1.0 / channel.rate_hz) << channel.name;
    }
    expect_sampled(log, "Lap Distance", readings_of(points, lap, "lapdist_m"), 1, false);
    expect_sampled(log, "Running Lap Time", readings_of(points, lap, "lap_time_s"), 1, false);
    expect_sampled(log, "position", readings_of(points, lap, "position"), 1, true);
    const auto xml = bytes_of(path("lap.ldx"));
    EXPECT_THAT(attributes_of(xml, "Marker", "Time"),
                testing::ElementsAre(
                    "0", fmt::format("{}", std::llround(number_of(lap, "lap_time_s") * 1e6))));
  }
}

TEST_F(ExportedRace, AMotecLogOfASessionHasAllLapsOfAMachineAsBeacons) {
  const auto ran =
      exported({"--session", session_id(), "--format", "motec", "--output", "session"});
  ASSERT_EQ(ran.code, 0) << ran.output;
  std::map<std::string, std::string> files;  // by the machine's ASCII name
  for (const auto& entry : std::filesystem::directory_iterator(path("session"))) {
    if (entry.path().extension() != ".ld") continue;
    files[read_motec(bytes_of(entry.path())).vehicle] = entry.path();
  }
  ASSERT_EQ(files.size(), static_cast<std::size_t>(number_of(sessions_[0], "machines")));
  std::size_t timed = 0;
  for (const auto& [vehicle, file] : files) {
    const auto xml = bytes_of(std::filesystem::path(file).replace_extension(".ldx"));
    std::vector<std::int64_t> crossings;
    for (const auto& time : attributes_of(xml, "Marker", "Time")) {
      crossings.push_back(std::stoll(time));
    }
    EXPECT_TRUE(std::ranges::is_sorted(crossings));
    double fastest = 1e9;
    std::size_t count = 0;
    for (const auto& lap : laps_) {
      std::string ascii;
      for (const char c : text_of(lap, "chassis")) {
        if ((c & 0xC0) != 0x80) ascii += c >= ' ' ? c : '?';
      }
      if (ascii != vehicle) continue;
      ++count;
      if (json_member(lap, "complete") != "true") continue;
      const double lap_time = number_of(lap, "lap_time_s");
      if (json_member(lap, "valid") != "false") fastest = std::min(fastest, lap_time);
      // A save was loaded in the middle of it: its first part is in the lap before.
      if (json_member(lap, "begun_here") != "true") continue;
      ++timed;
      const auto is_lap = [&](std::size_t i) {
        return std::abs(static_cast<double>(crossings[i + 1] - crossings[i]) - lap_time * 1e6) < 2;
      };
      bool is_there = false;
      for (std::size_t i = 0; i + 1 < crossings.size(); ++i) is_there = is_there || is_lap(i);
      EXPECT_TRUE(is_there) << lap;
    }
    const auto details = attributes_of(xml, "String", "Value");
    ASSERT_GE(details.size(), 1u);
    EXPECT_EQ(details[0], fmt::format("{}", count));
    if (fastest < 1e9) {
      ASSERT_EQ(details.size(), 3u);
      EXPECT_EQ(details[1], fmt::format("0:{:06.3f}", fastest));
    }
  }
  EXPECT_GT(timed, 10u);
}

TEST_F(ExportedRace, ThatTheLogHasNotAllPointsOfALapAnyMoreIsSaid) {
  const auto id = text_of(laps_[0], "id");
  const std::string note = "the others went with the log's retention";
  for (const bool is_whole : {true, false}) {
    const auto data = path(is_whole ? "whole" : "less");
    std::filesystem::copy(path("data"), data, std::filesystem::copy_options::recursive);
    if (!is_whole) {
      auto database =
          Database::open((data / "slipstream.db").string(), SQLITE_OPEN_READWRITE).value();
      ASSERT_TRUE(database.execute("UPDATE stored_laps SET points = points + missing + 1"));
    }
    for (const auto* const format : {"ndjson", "motec"}) {
      const auto ran = run(*directory_, {"export", "--data", data.string(), "--lap", id, "--format",
                                         format, "--output", "x.ld"});
      EXPECT_EQ(ran.code, 0) << ran.output;
      EXPECT_EQ(ran.output.find(note) == std::string::npos, is_whole) << ran.output;
    }
  }
}

TEST_F(ExportedRace, WhatIsNotThereOrDoesNotFitIsSaid) {
  const auto id = text_of(laps_[0], "id");
  const struct {
    std::vector<std::string> arguments;
    int code;
    const char* says;
  } cases[] = {
      {{"--lap", "s0000000000000000-00000000-1"}, 1, "there is no lap s0000000000000000-0000000"},
      {{"--lap", "nonsense"}, 1, "there is no lap nonsense: GET /api/laps"},
      {{"--session", "s0000000000000000"}, 1, "there is no session s0000000000000000: GET"},
      {{"--lap", id, "--session", session_id()}, 2, "excludes"},
      {{"--lap", id, "--what", "rollups"}, 2, "go with --what points"},
      {{"--format", "motec", "--output", "x.ld"}, 2, "--lap or --session"},
      {{"--format", "motec", "--lap", id}, 2, "--output names FILE.ld"},
      {{"--format", "motec", "--lap", id, "--output", "x.bin"}, 2, "does not end with .ld"},
      {{"--format", "motec", "--lap", id, "--output", "x.ld", "--from", "0"}, 2, "whole laps"},
      {{"--format", "motec", "--session", session_id(), "--chassis", "nobody", "--output", "y"},
       1,
       "has no points of it"}};
  for (const auto& one : cases) {
    const auto ran = exported(one.arguments);
    EXPECT_EQ(ran.code, one.code) << one.says << ": " << ran.output;
    EXPECT_THAT(ran.output, HasSubstr(one.says));
  }
}

TEST(ExportOfLaps, APointAtTheLineIsOfTheLapThatBeginsThere) {
  TemporaryDirectory directory;
  std::string body;
  for (int i = 0; i < 320; ++i) {
    body +=
        fmt::format(R"({{"meta_time":{},"track":"oval","chassis":"a","lap":{},"lapdist_m":{}}})",
                    1'757'000'000'000 + i * 100, 1 + i / 100, i % 100 * 10) +
        "\n";
  }
  {
    Server server({{"DATA_DIR", (directory.path() / "data").string()}});
    ASSERT_EQ(
        http(server.port(), "POST", "/api/ingest", body, {{"Content-Type", "application/x-ndjson"}})
            .status,
        200u);
    ASSERT_TRUE(server.stop());
  }
  std::string id;
  {
    Server server({{"DATA_DIR", (directory.path() / "data").string()}});
    const auto page = http(server.port(), "GET", "/api/laps?lap=2").body;
    id = text_of(JsonScan(json_member(page, "laps")).next()->value, "id");
  }
  const auto ran =
      run(directory, {"export", "--data", "data", "--lap", id, "--output", "lap.ndjson"});
  ASSERT_EQ(ran.code, 0) << ran.output;
  const auto points = lines(directory.path() / "lap.ndjson");
  EXPECT_EQ(points.size(), 100u);
  for (const auto& point : points) EXPECT_EQ(number_of(point, "lap"), 2) << point;
}

TEST(ExportOfLaps, WithRedisAsTheLogThereIsNothingAndItIsSaid) {
  TemporaryDirectory directory;
  harness::Program program(directory, {"export", "--data", "data", "--lap", "x"},
                           {"DURABLE_LOG=redis", "REDIS_URL=redis://127.0.0.1:1"});
  EXPECT_EQ(program.exit_code(), 1);
  EXPECT_THAT(program.output(), HasSubstr("with DURABLE_LOG=redis no laps, sessions or points"));
}

}  // namespace
}  // namespace slipstream
