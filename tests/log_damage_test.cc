// What a server says of damage in its log: all of it, each part once, at every start.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <regex>

#include "recorded.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::in_payload;
using harness::kFreePorts;
using harness::lost_to;
using harness::metric;
using harness::Program;
using harness::Recorded;
using harness::run;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
namespace fs = std::filesystem;

using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

/// Of all matches of an expression with two numbers.
Ranges ranges_in(const std::string& text, const std::regex& expression) {
  Ranges found;
  for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at) {
    found.emplace_back(std::stoull((*at)[1]), std::stoull((*at)[2]));
  }
  return found;
}

struct Told {
  Ranges health;
  double metric = 0;
  Ranges log;
};

class LogDamage : public testing::Test {
 protected:
  Program serve(std::vector<std::string> environment = {}) const {
    environment.insert(environment.end(), kFreePorts.begin(), kFreePorts.end());
    environment.push_back("DATA_DIR=" + session_.data().string());
    environment.emplace_back("SEGMENT_BYTES=65536");
    return {session_.directory(), {"serve", "--log-format", "text"}, std::move(environment)};
  }

  /// What a server has told when it has gone through its log.
  static Told told_by(Program& server) {
    const auto port = server.port();
    EXPECT_NE(port, 0) << server.output();
    std::string health;
    EXPECT_TRUE(eventually([&] {
      health = http(port, "GET", "/api/health").body;
      return health.find(R"("checking":false)") != std::string::npos;
    })) << health;
    static const std::regex in_health(R"re(\{"from":(\d+),"to":(\d+),"file":)re");
    static const std::regex in_log(R"(a part of the log cannot be read.*from=(\d+)\s+to=(\d+))");
    Told told{ranges_in(health, in_health), metric(port, "slipstream_log_lost_entries"),
              ranges_in(server.output(), in_log)};
    double entries = 0;
    for (const auto& [from, to] : told.health) entries += static_cast<double>(to - from);
    EXPECT_EQ(told.metric, entries);
    EXPECT_THAT(health, HasSubstr(fmt::format(R"("lostEntries":{},)", entries)));
    // What is damaged stays as it is; what is whole may have been rewritten by now.
    static const std::regex rewriting(
        R"("rewriting":\{"segments":(\d+),"bytesBefore":\d+,"bytesAfter":\d+,"failing":false)");
    std::smatch rewritten;
    EXPECT_TRUE(std::regex_search(health, rewritten, rewriting)) << health;
    EXPECT_TRUE(told.health.empty() || rewritten[1] == "0") << health;
    return told;
  }
  /// At a start and a stop.
  Told told_at_a_start(const std::vector<std::string>& environment = {}) const {
    Program server = serve(environment);
    Told told = told_by(server);
    server.signal(SIGTERM);
    EXPECT_EQ(server.exit_code(), 0) << server.output();
    return told;
  }
  void expect_told_at_each_start(const Ranges& ranges) const {
    for (int start = 0; start < 3; ++start) {
      SCOPED_TRACE(start);
      const Told told = told_at_a_start();
      EXPECT_EQ(told.health, ranges);
      EXPECT_EQ(told.log, ranges);
    }
  }

  Recorded session_;
};

TEST_F(LogDamage, BehindTheCheckpointIsToldAtEachStart) {
  session_.fill_segments();
  const auto segments = session_.segments();
  ASSERT_GE(segments.size(), 4u);
  const auto& segment = segments[1];
  const auto blocks = session_.blocks(segments[0]);
  const auto& block = blocks.at(2);
  const auto file = session_.log() / segment.name;
  const auto kept = session_.directory().path() / "kept";
  fs::copy(session_.log(), kept);
  const std::uint64_t end = segments[2].base_offset;
  const std::vector<std::pair<std::function<void()>, Ranges>> cases = {
      {[&] { session_.flip(segments[0], in_payload(block)); },
       {{block.from, lost_to(blocks, block)}}},
      {[&] { fs::remove(file); }, {{segment.base_offset, end}}},
      {[&] { fs::resize_file(file, 20); }, {{segment.base_offset, end}}},
      {[&] {
         session_.overwrite(
             segment, 0, encode_segment_header({.version = 7, .base_offset = segment.base_offset}));
       },
       {{segment.base_offset, end}}},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    cases[i].first();
    expect_told_at_each_start(cases[i].second);
    for (const auto* const damaged : {&segments[0], &segment}) {
      fs::copy_file(kept / damaged->name, session_.log() / damaged->name,
                    fs::copy_options::overwrite_existing);
    }
  }
  expect_told_at_each_start({});
}

TEST_F(LogDamage, OfTheLastSegmentThatTheStartFindsIsCountedOnce) {
  const auto segment = session_.segments().back();
  const auto blocks = session_.blocks(segment);
  const auto& block = blocks.at(1);
  session_.flip(segment, in_payload(block));
  for (int start = 0; start < 2; ++start) {
    EXPECT_EQ(told_at_a_start().health, (Ranges{{block.from, lost_to(blocks, block)}}));
  }
}

/// A server that was killed before anything was in the store.
class LogDamageAfterAKill : public LogDamage {
 protected:
  void SetUp() override {
    fs::remove_all(session_.data());
    Program server = serve({"CHECKPOINT_INTERVAL_MS=3600000"});
    const auto port = server.port();
    ASSERT_NE(port, 0) << server.output();
    for (int body = 0; body < 5; ++body) {
      ASSERT_EQ(http(port, "POST", "/api/ingest", harness::point(body) + "\n" + harness::point(7),
                     {{"Content-Type", "application/x-ndjson"}})
                    .status,
                200u);
    }
    server.signal(SIGKILL);
    ASSERT_EQ(server.exit_code(), 1'000 + SIGKILL);
    const auto segment = session_.segments().front();
    const auto blocks = session_.blocks(segment);
    const Piece& block = blocks.at(blocks.size() / 2);
    lost_ = {block.from, lost_to(blocks, block)};
    session_.flip(segment, in_payload(block));
  }
  void expect_counted_once(const std::vector<std::string>& environment) const {
    const Ranges ranges = {lost_};
    const Told first = told_at_a_start(environment);
    EXPECT_EQ(first.health, ranges);
    EXPECT_EQ(first.log, ranges);
    EXPECT_EQ(told_at_a_start(environment).health, ranges);
  }

  Ranges::value_type lost_;
};

TEST_F(LogDamageAfterAKill, IsCountedOnce) {
  expect_counted_once({});
}

TEST_F(LogDamageAfterAKill, IsCountedOnceWhereTheLayoutHasChanged) {
  expect_counted_once({"PARTITIONS=3"});
}

TEST_F(LogDamage, OfALastFileCutToNothingIsToldByAll) {
  session_.fill_segments();
  const auto segments = session_.segments();
  const auto& last = segments.back();
  const auto end = *session_.blocks(last).back().to;
  fs::resize_file(session_.log() / last.name, 0);
  const Ranges ranges = {{last.base_offset, end}};
  {
    Program server = serve();
    EXPECT_EQ(told_by(server).health, ranges);
    EXPECT_EQ(http(server.port(), "POST", "/api/ingest", harness::point(1),
                   {{"Content-Type", "application/json"}})
                  .status,
              200u);
    server.signal(SIGTERM);
    EXPECT_EQ(server.exit_code(), 0) << server.output();
  }
  EXPECT_EQ(session_.segments().back().base_offset, end);
  const auto verified = run(session_.directory(), {"log", "verify", "data"});
  EXPECT_EQ(verified.code, 1);
  EXPECT_THAT(verified.output, HasSubstr(fmt::format("{}: byte 0: offsets [{}, {}): truncated file",
                                                     last.name, last.base_offset, end)));
  const auto exported =
      run(session_.directory(), {"export", "--data", "data", "--output", "points.ndjson"});
  EXPECT_EQ(exported.code, 1);
  EXPECT_THAT(exported.output,
              HasSubstr(fmt::format("lost: offsets [{}, {})", last.base_offset, end)));
  expect_told_at_each_start(ranges);
}

TEST_F(LogDamage, IsNoneWhereAWriteWasTorn) {
  const auto segment = session_.segments().back();
  {
    // Behind the last checkpoint, as a kill leaves it.
    std::ofstream out(session_.log() / segment.name, std::ios::app | std::ios::binary);
    out << std::string(40, 'x');
  }
  expect_told_at_each_start({});
  EXPECT_EQ(run(session_.directory(), {"log", "verify", "data"}).code, 0);
}

}  // namespace
}  // namespace slipstream
