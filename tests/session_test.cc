// What a server has recorded: looked into, checked, exported.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>

#include "codec/csv_text.h"
#include "log/segment_log.h"
#include "recorded.h"

namespace slipstream {
namespace {

using harness::all_points;
using harness::http;
using harness::kBeginNs;
using harness::kBodies;
using harness::kPointsPerBody;
using harness::lines;
using harness::point;
using harness::Recorded;
using harness::run;
using harness::Server;
using harness::sorted;
using harness::TemporaryDirectory;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::SizeIs;
namespace fs = std::filesystem;

std::string fault(const std::string& file, std::uint64_t at, std::uint64_t from, std::uint64_t to,
                  std::string_view what) {
  return fmt::format("{}: byte {}: offsets [{}, {}): {}", file, at, from, to, what);
}

TEST(Session, InfoSaysWhatIsInTheLog) {
  Recorded session;
  const auto info = run(session.directory(), {"log", "info", "data"});
  EXPECT_EQ(info.code, 0) << info.output;
  EXPECT_THAT(info.output, HasSubstr("segments    1\n"));
  EXPECT_THAT(info.output, HasSubstr("points      240\n"));
  EXPECT_THAT(info.output, HasSubstr(fmt::format("time        {} to {}\n", iso_time(kBeginNs),
                                                 iso_time(kBeginNs + 239 * 50 * kNsPerMs))));
  EXPECT_THAT(info.output, HasSubstr("machines    3\n"));
  EXPECT_THAT(info.output, HasSubstr(fmt::format("cota/GR86-02  80 points, {} to {}\n",
                                                 iso_time(kBeginNs + 50 * kNsPerMs),
                                                 iso_time(kBeginNs + 238 * 50 * kNsPerMs))));
  EXPECT_EQ(run(session.directory(), {"log", "info", "data/log"}).output.substr(20),
            info.output.substr(20));
}

TEST(Session, InfoFailsWhereThereIsNoLog) {
  TemporaryDirectory directory;
  const auto info = run(directory, {"log", "info", "nowhere"});
  EXPECT_EQ(info.code, 1);
  EXPECT_THAT(info.output, HasSubstr("nowhere is no directory"));
  EXPECT_THAT(run(directory, {"log", "info", "."}).output, HasSubstr("holds no log"));
}

TEST(Session, WholeLogHasNoFaultBesideARunningServerToo) {
  Recorded session;
  Server server({{"DATA_DIR", session.data().string()}});
  const auto verified = run(session.directory(), {"log", "verify", "data"});
  EXPECT_EQ(verified.code, 0) << verified.output;
  EXPECT_THAT(verified.output, HasSubstr(" entries, 0 faults\n"));
}

TEST(Session, FlippedByteCostsItsBlockAndWhatLeansOnItAndIsNamed) {
  Recorded session;
  const auto segment = session.segments().front();
  // The largest one: another may hold nothing but a tick.
  const auto blocks = session.blocks(segment);
  const auto block =
      std::ranges::max(blocks, {}, [](const auto& each) { return *each.to - each.from; });
  const std::uint64_t end = harness::lost_to(blocks, block);
  session.flip(segment, harness::in_payload(block));
  const auto verified = run(session.directory(), {"log", "verify", "data"});
  EXPECT_EQ(verified.code, 1);
  EXPECT_THAT(verified.output,
              HasSubstr(fault(segment.name, block.position, block.from, end,
                              "damaged block: the payload does not match its checksum\n")));
  EXPECT_THAT(verified.output, HasSubstr(" entries, 1 faults\n"));

  const auto exported =
      run(session.directory(), {"export", "--data", "data", "--output", "points.ndjson"});
  EXPECT_EQ(exported.code, 1);
  EXPECT_THAT(exported.output,
              HasSubstr(fmt::format("lost: offsets [{}, {}): {}", block.from, end, segment.name)));
  const auto rest = lines(session.directory().path() / "points.ndjson");
  EXPECT_LT(rest.size(), all_points().size());
  EXPECT_GE(rest.size() + (end - block.from), all_points().size());
}

TEST(Session, TruncatedFileIsNamed) {
  Recorded session;
  const auto segment = session.segments().back();
  const auto block = session.blocks(segment).back();
  fs::resize_file(session.log() / segment.name, block.position + block.bytes - 3);
  const auto verified = run(session.directory(), {"log", "verify", "data"});
  EXPECT_EQ(verified.code, 1);
  EXPECT_THAT(verified.output, HasSubstr(fault(segment.name, block.position, block.from, *block.to,
                                               "truncated file: the file ends within the block")));
  EXPECT_THAT(run(session.directory(), {"export", "--data", "data"}).output,
              HasSubstr(fmt::format("lost: offsets [{}, {})", block.from, *block.to)));
}

TEST(Session, MissingSegmentIsNamed) {
  Recorded session;
  session.fill_segments();
  const auto segments = session.segments();
  ASSERT_GE(segments.size(), 3u);
  fs::remove(session.log() / segments[1].name);
  const auto verified = run(session.directory(), {"log", "verify", "data/log"});
  EXPECT_EQ(verified.code, 1);
  EXPECT_THAT(verified.output, HasSubstr(fault(segments[1].name, 0, segments[1].base_offset,
                                               segments[2].base_offset, "missing segment")));
  const auto exported = run(session.directory(), {"export", "--data", "data"});
  EXPECT_EQ(exported.code, 1);
  EXPECT_THAT(exported.output,
              HasSubstr(fmt::format("lost: offsets [{}, {})", segments[1].base_offset,
                                    segments[2].base_offset)));
}

TEST(Session, LostEndIsNamedAsFarAsTheStoreKnows) {
  Recorded session;
  session.fill_segments();
  const auto segments = session.segments();
  ASSERT_GE(segments.size(), 3u);
  const auto end = *session.blocks(segments.back()).back().to;
  fs::remove(session.log() / segments.back().name);
  const auto lost = fault(segments.back().name, 0, segments.back().base_offset, end,
                          "missing segment: the log ends before the offset that it is known to "
                          "have reached\n");
  for (const char* directory : {"data", "data/log"}) {
    const auto verified = run(session.directory(), {"log", "verify", directory});
    EXPECT_EQ(verified.code, 1);
    EXPECT_THAT(verified.output, AllOf(HasSubstr(lost), HasSubstr(" entries, 1 faults\n")));
  }
  for (const auto& segment : segments) fs::remove(session.log() / segment.name);
  EXPECT_THAT(run(session.directory(), {"log", "verify", "data"}).output,
              HasSubstr(fault(segment_name(0), 0, 0, end, "missing segment")));
  fs::resize_file(session.data() / "slipstream.db", 10);
  EXPECT_THAT(run(session.directory(), {"log", "verify", "data"}).output,
              HasSubstr("how far the log had come is not known: "));
}

TEST(Session, SegmentOfAnotherVersionIsNamed) {
  Recorded session;
  const auto segment = session.segments().front();
  session.overwrite(segment, 0,
                    encode_segment_header({.version = 7, .base_offset = segment.base_offset}));
  const auto verified = run(session.directory(), {"log", "verify", "data"});
  EXPECT_EQ(verified.code, 1);
  EXPECT_THAT(verified.output,
              HasSubstr(fault(segment.name, 0, 0, 0,
                              "unknown version: version 7, this program knows 1 to 3\n")));
  EXPECT_EQ(run(session.directory(), {"log", "info", "data"}).code, 1);
  const auto exported = run(session.directory(), {"export", "--data", "data"});
  EXPECT_EQ(exported.code, 1);
  EXPECT_THAT(exported.output, HasSubstr("lost: offsets from 0 on: "));
}

TEST(Session, HeaderThatDoesNotMatchItsChecksumSaysItsVersion) {
  Recorded session;
  const auto segment = session.segments().front();
  session.flip(segment, offsetof(SegmentHeader, version) + 1);
  const auto verified = run(session.directory(), {"log", "verify", "data"});
  EXPECT_EQ(verified.code, 1);
  EXPECT_THAT(verified.output, HasSubstr(fault(segment.name, 0, 0, 0, "damaged header: ")));
  EXPECT_THAT(verified.output,
              ContainsRegex("it says version [0-9]+, this program knows 1 to 3\n"));
}

TEST(Session, PayloadThatDoesNotDecodeIsNamed) {
  TemporaryDirectory directory;
  {
    auto log = SegmentLog::open(posix_file_system(), directory.path() / "log").value();
    ASSERT_TRUE(log->append({.base_offset = 0, .count = 3, .payload = "nonsense"}));
    ASSERT_TRUE(log->sync());
  }
  const auto verified = run(directory, {"log", "verify", "."});
  EXPECT_EQ(verified.code, 1);
  EXPECT_THAT(verified.output, AllOf(HasSubstr("byte 56: offsets [0, 3): damaged block: "),
                                     HasSubstr("0 blocks, 0 entries, 1 faults\n")));
}

TEST(Session, ExportGivesBackWhatWasSent) {
  Recorded session;
  const auto file = session.directory().path() / "points.ndjson";
  const auto all =
      run(session.directory(), {"export", "--data", "data", "--output", "points.ndjson"});
  EXPECT_EQ(all.code, 0) << all.output;
  EXPECT_THAT(all.output, HasSubstr("240 points exported"));
  EXPECT_EQ(sorted(lines(file)), sorted(all_points()));

  EXPECT_EQ(run(session.directory(),
                {"export", "--data", "data", "--output", "points.ndjson", "--track", "cota",
                 "--chassis", "GR86-01", "--from", iso_time(kBeginNs + 150 * kNsPerMs), "--to",
                 std::to_string((kBeginNs + 450 * kNsPerMs) / kNsPerMs)})
                .code,
            0);
  EXPECT_EQ(lines(file), (std::vector{point(3), point(6)}));
}

TEST(Session, ExportAsCsvHasAColumnAMember) {
  Recorded session;
  EXPECT_EQ(run(session.directory(),
                {"export", "--data", "data", "--format", "csv", "--output", "points.csv"})
                .code,
            0);
  std::ifstream in(session.directory().path() / "points.csv", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(text, testing::StartsWith("meta_time,track,chassis,lap,sector,"));
  CsvReader reader(text);
  ASSERT_TRUE(reader.next());
  const std::vector<std::string> header(reader.cells().begin(), reader.cells().end());
  EXPECT_EQ(sorted(header), sorted({"meta_time", "track", "chassis", "lap", "sector", "speed_kmh",
                                    "driver", "gear"}));
  std::vector<std::string> points;
  while (reader.next()) {
    ASSERT_TRUE(reader.well_formed());
    std::map<std::string, std::string> row;
    for (std::size_t i = 0; i < header.size(); ++i) row[header[i]] = reader.cells().at(i);
    std::string rebuilt =
        fmt::format(R"({} {} {} {} {} {} {})", row["meta_time"], row["track"], row["chassis"],
                    row["lap"], row["sector"], row["speed_kmh"], row["gear"]);
    if (!row["driver"].empty()) rebuilt += " " + row["driver"];
    points.push_back(rebuilt);
  }
  const char* const machines[] = {"cota GR86-01", "cota GR86-02", R"(barber rover, "7")"};
  std::vector<std::string> sent;
  for (int n = 0; n < kBodies * kPointsPerBody; ++n) {
    sent.push_back(fmt::format("{} {} {} {} {} {}{}", iso_time(kBeginNs + n * 50 * kNsPerMs),
                               machines[n % 3], 1 + n / 120, n / 60 % 3, 100 + n * 0.25,
                               n % 10 == 0 ? 3 : n % 6,
                               n % 10 == 0 ? fmt::format(R"( Ann "{}", jr)", n) : ""));
  }
  EXPECT_EQ(sorted(points), sorted(sent));
}

TEST(Session, ExportOfCsvThatCameInAndOfAFaultLap) {
  TemporaryDirectory directory;
  {
    Server server({{"DATA_DIR", (directory.path() / "data").string()}});
    ASSERT_EQ(http(server.port(), "POST", "/api/ingest",
                   "meta_time,track,chassis,lap,sector,speed_kmh,crew\r\n"
                   "2025-09-05T00:00:00Z,cota,x,2,1,50,\"a\"\"b\"\r\n"
                   "2025-09-05T00:00:01Z,cota,y,32768,0,60,\r\n",
                   {{"Content-Type", "text/csv"}})
                  .status,
              200u);
    server.stop();
  }
  EXPECT_EQ(
      run(directory, {"export", "--data", "data", "--output", "points.csv", "--format", "csv"})
          .code,
      0);
  EXPECT_EQ(sorted(lines(directory.path() / "points.csv")),
            sorted({"meta_time,track,chassis,lap,sector,speed_kmh,crew,raw_source\r",
                    "2025-09-05T00:00:00Z,cota,x,2,1,50,\"a\"\"b\",http:127.0.0.1\r",
                    "2025-09-05T00:00:01Z,cota,y,32768,0,60,,http:127.0.0.1\r"}));
}

TEST(Session, CsvRunsInNoSpreadsheetAndComesBackAsItWas) {
  TemporaryDirectory directory;
  const auto post = [](const Server& server, const std::string& body, const std::string& type) {
    EXPECT_EQ(http(server.port(), "POST", "/api/ingest", body, {{"Content-Type", type}}).status,
              200u);
  };
  const auto ndjson = [&](const std::string& data) {
    EXPECT_EQ(run(directory, {"export", "--data", data, "--output", "points.ndjson"}).code, 0);
    return lines(directory.path() / "points.ndjson");
  };
  const auto csv = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"export", "--data",   "first",  "--format",
                                          "csv",    "--output", "out.csv"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_EQ(run(directory, arguments).code, 0);
    std::ifstream in(directory.path() / "out.csv", std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  {
    Server server({{"DATA_DIR", (directory.path() / "first").string()}});
    post(
        server,
        R"({"meta_time":"2025-09-05T00:00:00Z","track":"=cota","chassis":"@GR86","lap":1,"sector":0,"=1+1":-5,"note":"+cmd|' /C calc'!A0","crew":"-7","quoted":"'=a"})",
        "application/json");
    EXPECT_TRUE(harness::eventually([&] {
      const auto table =
          http(server.port(), "GET", "/api/rollups?window=bucket", "", {{"Accept", "text/csv"}});
      return table.body.find("\"'=cota\",\"'@GR86\",1,") != std::string::npos &&
             table.body.find(",-5,") != std::string::npos;
    }));
    server.stop();
  }
  const std::string text = csv({});
  for (const auto cell : {"\"'=cota\"", "\"'@GR86\"", "\"'=1+1\"", "\"'+cmd|' /C calc'!A0\"",
                          "\"'-7\"", "\"''=a\"", ",-5,"}) {
    EXPECT_THAT(text, HasSubstr(cell));
  }
  {
    Server server({{"DATA_DIR", (directory.path() / "second").string()}});
    post(server, text, "text/csv");
    server.stop();
  }
  // But for who sent it, and the order of members.
  const auto again = ndjson("second");
  ASSERT_THAT(again, SizeIs(1));
  for (const auto member :
       {R"("track":"=cota")", R"("chassis":"@GR86")", R"("=1+1":-5)", R"("crew":"-7")",
        R"("quoted":"'=a")", R"("note":"+cmd|' /C calc'!A0")"}) {
    EXPECT_THAT(ndjson("first").at(0), HasSubstr(member));
    EXPECT_THAT(again[0], HasSubstr(member));
  }
  const std::string rollups = csv({"--what", "rollups"});
  EXPECT_THAT(rollups, HasSubstr("\r\n\"'=cota\",\"'@GR86\",1,"));
  const std::string raw = csv({"--raw"});
  EXPECT_THAT(raw, HasSubstr("Z,=cota,@GR86,1,0,-5,"));
  EXPECT_THAT(raw, HasSubstr(",-7,"));
}

TEST(Session, ExportOfRollupsIsOldestFirst) {
  Recorded session;
  const auto file = session.directory().path() / "rollups";
  EXPECT_EQ(
      run(session.directory(), {"export", "--what", "rollups", "--window", "second", "--chassis",
                                "GR86-01", "--data", "data", "--output", "rollups"})
          .code,
      0);
  static const std::regex last_ts(R"regex("last_ts":"([^"]+)")regex");
  std::vector<std::string> times;
  for (const auto& line : lines(file)) {
    EXPECT_THAT(line, AllOf(HasSubstr(R"("window":"second")"), HasSubstr("GR86-01")));
    std::smatch match;
    ASSERT_TRUE(std::regex_search(line, match, last_ts));
    times.push_back(match[1]);
  }
  EXPECT_EQ(times.size(), 12u);
  EXPECT_TRUE(std::ranges::is_sorted(times));

  EXPECT_EQ(
      run(session.directory(), {"export", "--what", "rollups", "--window", "second", "--format",
                                "csv", "--from", times[2], "--to", times[5], "--chassis", "GR86-01",
                                "--data", "data", "--output", "rollups"})
          .code,
      0);
  const auto rows = lines(file);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_THAT(rows[0], HasSubstr("track,chassis,lap,sector,count,first_ts,last_ts"));
  EXPECT_THAT(rows[1], HasSubstr(times[2]));
  EXPECT_THAT(rows[3], HasSubstr(times[4]));
}

TEST(Session, ExportOfRollupsCreatesNothing) {
  TemporaryDirectory directory;
  const auto exported = run(directory, {"export", "--what", "rollups"});
  EXPECT_EQ(exported.code, 1);
  EXPECT_THAT(exported.output, HasSubstr("data/slipstream.db"));
  EXPECT_FALSE(fs::exists(directory.path() / "data"));
}

TEST(Session, BadArgumentsAreNamed) {
  TemporaryDirectory directory;
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"log"}, "subcommand"},
      {{"log", "info"}, "directory"},
      {{"log", "verify"}, "directory"},
      {{"log", "mend", "data"}, "subcommand"},
      {{"export", "--format", "xml"}, "--format"},
      {{"export", "--format", "mcap", "--what", "rollups"}, "csv and ndjson"},
      {{"export", "--what", "laps"}, "--what"},
      {{"export", "--from", "yesterday"}, "--from: 'yesterday' is no time: ISO 8601"},
      {{"export", "--to", "-5"}, "--to"},
      {{"export", "--from", "2025-01-02", "--to", "2025-01-01"}, "--from must be before --to"},
      {{"export", "--window", "second"}, "--window goes with --what rollups"},
      {{"export", "--raw"}, "--raw goes with --format csv"},
      {{"store"}, "subcommand"},
      {{"store", "rebuild"}, "directory"},
      {{"export", "--bogus"}, "--bogus"},
      {{"replay", "data"}, "--to"},
      {{"replay", "data", "--to", "ftp://127.0.0.1:1"},
       "udp://HOST:PORT, http://HOST:PORT, ws://HOST:PORT and redis://HOST:PORT/STREAM"},
      {{"replay", "data", "--to", "http://127.0.0.1"}, "a port from 1 to 65535"},
      {{"replay", "data", "--to", "ws:///path"}, "a port from 1 to 65535"},
      {{"replay", "data", "--to", "http://:80"}, "a host is expected"},
      {{"replay", "data", "--to", "udp://127.0.0.1:9", "--speed", "-1"}, "--speed"},
  };
  for (const auto& [arguments, message] : cases) {
    const auto ran = run(directory, arguments);
    EXPECT_EQ(ran.code, 2) << fmt::format("{}", fmt::join(arguments, " "));
    EXPECT_THAT(ran.output, HasSubstr(message));
  }
}

TEST(Session, HelpOfEverySubcommand) {
  TemporaryDirectory directory;
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"log"}, {"log", "info"}, {"log", "verify"}, {"export"}}) {
    auto arguments = command;
    arguments.emplace_back("--help");
    EXPECT_EQ(run(directory, arguments).code, 0);
  }
}

}  // namespace
}  // namespace slipstream
