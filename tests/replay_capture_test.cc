// Captures, replayed into whole servers.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <fstream>

#include "codec/games_expected.h"
#include "exported_points.h"
#include "harness.h"
#include "net/packed_testing.h"
#include "program.h"
#include "source/capture_testing.h"

namespace slipstream {
namespace {

using games_testing::Datagram;
using games_testing::datagrams_of;
using games_testing::read_kept_reference;
using games_testing::Told;
using harness::eventually;
using harness::Program;
using harness::Server;
using harness::TemporaryDirectory;
using testing::HasSubstr;

const std::string kKept = SLIPSTREAM_SOURCE_DIR "/tests/data/games/";

struct Ran {
  int code;
  std::string output;
};

class ReplayCapture : public testing::Test {
 protected:
  Ran replay(const std::string& file, const std::string& to,
             const std::vector<std::string>& more = {"--speed", "max"}) {
    std::vector<std::string> arguments{"replay", file, "--to", to};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Program program(directory_, arguments);
    const int code = program.exit_code(std::chrono::seconds(120));
    return {code, program.output()};
  }
  std::string write(const std::string& name, const std::string& bytes) {
    std::ofstream(directory_.path() / name, std::ios::binary) << bytes;
    return name;
  }
  std::string http() const { return fmt::format("http://127.0.0.1:{}", server_->port()); }
  std::string udp() const { return fmt::format("udp://127.0.0.1:{}", server_->udp_port()); }
  /// What is in the log once the server has stopped, in its order.
  std::vector<Told> stop_and_export() {
    EXPECT_TRUE(server_->stop());
    server_.reset();
    return harness::exported_points(directory_);
  }
  void expect_one_car(const std::string& name, const std::vector<Datagram>& datagrams,
                      const std::vector<Told>& points) {
    const auto expected = read_kept_reference(name + ".expected.ndjson");
    ASSERT_TRUE(expected);
    games_testing::Decoding decoding;
    std::map<std::size_t, const Told*> of_datagram;
    std::size_t told = 0;
    for (std::size_t n = 0; n < datagrams.size(); ++n) {
      decoding.take(datagrams[n]);
      if (decoding.items().empty()) continue;
      decoding.items().clear();
      ASSERT_LT(told, points.size());
      of_datagram[n] = &points[told++];
    }
    EXPECT_EQ(told, points.size());
    games_testing::expect_one_car(name, datagrams.size(), *expected, [&](std::size_t n) {
      const auto at = of_datagram.find(n);
      return at == of_datagram.end() ? nullptr : at->second;
    });
  }

  const TemporaryDirectory directory_;
  std::unique_ptr<Server> server_ = std::make_unique<Server>(std::map<std::string, std::string>{
      {"DATA_DIR", (directory_.path() / "data").string()}, {"PARTITIONS", "1"}});
};

class F1ByHttp : public ReplayCapture, public testing::WithParamInterface<const char*> {};

TEST_P(F1ByHttp, EveryValueIsInTheLogOnTheCapturesClock) {
  const std::string name = GetParam();
  const auto datagrams = datagrams_of(read_kept_reference(name + ".cap").value_or(""));
  const auto expected = read_kept_reference(name + ".expected.ndjson");
  ASSERT_TRUE(expected);
  const auto ran = replay(kKept + name + ".cap.gz", http());
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr(" sent to " + http()));
  const auto points = stop_and_export();
  games_testing::expect_f1(points, datagrams, *expected);
  std::set<std::int64_t> received;
  for (const auto& datagram : datagrams) received.insert(datagram.arrival.ns);
  for (const auto& point : points) {
    const auto time = parse_iso_time(point.text("meta_time"));
    ASSERT_TRUE(time) << point.text("meta_time");
    EXPECT_TRUE(received.contains(*time)) << "of the frame's first datagram";
  }
}

INSTANTIATE_TEST_SUITE_P(Captures, F1ByHttp,
                         testing::Values("f1_2023", "f1_2024", "f1_2025", "f1_2026"),
                         [](const auto& tested) { return std::string(tested.param); });

class OneCarReplayed : public ReplayCapture, public testing::WithParamInterface<const char*> {};

TEST_P(OneCarReplayed, EveryValueIsInTheLog) {
  const std::string name = GetParam();
  const auto datagrams = datagrams_of(read_kept_reference(name + ".cap").value_or(""));
  const bool by_udp = name.ends_with("h") || name.starts_with("gt7");
  const auto ran =
      by_udp ? replay(kKept + name + ".cap.gz", udp(), {"--speed", "max", "--check", http()})
             : replay(kKept + name + ".cap.gz", http());
  EXPECT_EQ(ran.code, 0) << ran.output;
  if (by_udp) {
    EXPECT_THAT(ran.output, HasSubstr(fmt::format("{} datagrams sent to", datagrams.size())));
    EXPECT_THAT(ran.output, HasSubstr("0 did not come"));
  }
  expect_one_car(name, datagrams, stop_and_export());
}

INSTANTIATE_TEST_SUITE_P(Captures, OneCarReplayed,
                         testing::Values("forza_dash", "forza_sled", "forza_horizon",
                                         "forza_motorsport", "gt7_a", "gt7_b", "gt7_tilde",
                                         "gt7_c"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_F(ReplayCapture, PcapAndPcapngGiveWhatTheRecordsGive) {
  const auto datagrams = datagrams_of(read_kept_reference("forza_dash.cap").value_or(""));
  ASSERT_FALSE(datagrams.empty());
  std::vector<capture_testing::Packet> packets;
  std::string blocks = capture_testing::section() + capture_testing::interface(1);
  for (const auto& [arrival, bytes] : datagrams) {
    const auto packet = capture_testing::datagram(bytes);
    packets.push_back({static_cast<std::uint64_t>(arrival.ns), packet});
    blocks += capture_testing::enhanced(0, static_cast<std::uint64_t>(arrival.ns / 1'000), packet);
    // What else goes on beside it.
    packets.push_back({static_cast<std::uint64_t>(arrival.ns),
                       capture_testing::datagram("\xff\xfe\x01", 5'353, 5'353)});
  }
  const auto classic = write("race", harness::zstd(capture_testing::pcap(packets)));
  EXPECT_NE(replay(classic, http()).code, 0) << "packed, nothing tells what it is";
  const auto named = write("race.pcap.zst", harness::zstd(capture_testing::pcap(packets)));
  const auto first = replay(named, http(), {"--speed", "max", "--port", "20777"});
  EXPECT_EQ(first.code, 0) << first.output;
  EXPECT_THAT(first.output,
              HasSubstr(fmt::format("{} datagrams to other ports", datagrams.size())));
  const auto all = replay(named, http());
  EXPECT_EQ(all.code, 1);
  EXPECT_THAT(all.output, HasSubstr("unknown_format"));
  EXPECT_THAT(all.output, HasSubstr("several ports: "));
  const auto second = replay(write("race.any", blocks), http());
  EXPECT_EQ(second.code, 0) << second.output;
  const auto points = stop_and_export();
  ASSERT_EQ(points.size() % 3, 0u);
  const std::size_t each = points.size() / 3;
  expect_one_car("forza_dash", datagrams, {points.begin(), points.begin() + std::ptrdiff_t(each)});
  expect_one_car("forza_dash", datagrams, {points.end() - std::ptrdiff_t(each), points.end()});
}

TEST_F(ReplayCapture, WhatIsWholeOfADamagedOneIsSentAndTheRestTold) {
  const std::string whole =
      capture_testing::record(1'760'000'000, R"({"track":"a","chassis":"b"})") +
      capture_testing::record(1'760'000'001, R"({"track":"a","chassis":"c"})");
  const auto cut = replay(write("cut.cap", whole.substr(0, whole.size() - 1)), http());
  EXPECT_EQ(cut.code, 1);
  EXPECT_THAT(cut.output, HasSubstr("1 points sent to"));
  EXPECT_THAT(cut.output, HasSubstr("cut.cap: byte 39: the file ends within a datagram"));
  const auto packed = harness::gzip(whole);
  const auto short_one = replay(write("short.cap.gz", packed.substr(0, packed.size() - 9)), http());
  EXPECT_EQ(short_one.code, 1);
  EXPECT_THAT(short_one.output, HasSubstr("is cut or damaged: what stands before was sent"));
  const auto nothing = replay(write("none.cap", "short"), http());
  EXPECT_EQ(nothing.code, 1);
  EXPECT_THAT(nothing.output, HasSubstr("holds no datagram"));
  const auto not_one = replay(write("not.pcap", "track,chassis\n"), http());
  EXPECT_EQ(not_one.code, 1);
  EXPECT_THAT(not_one.output, HasSubstr("is no capture"));
  EXPECT_EQ(replay("cut.cap", http(), {"--port", "1"}).code, 1) << "it has no ports";
  write("points.json", R"({"track":"a","chassis":"b"})");
  EXPECT_EQ(replay("points.json", http(), {"--port", "1"}).code, 2);
}

TEST_F(ReplayCapture, SendersKeepPortsOfTheirOwnAndTheOrderStays) {
  const int listener = socket(AF_INET, SOCK_DGRAM, 0);
  ASSERT_GE(listener, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  socklen_t size = sizeof address;
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const timeval limit{20, 0};
  setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::vector<capture_testing::Packet> packets;
  for (std::uint16_t n = 0; n < 20; ++n) {
    packets.push_back(
        {1'760'000'000'000'000'000u + n * 1'000'000u,
         capture_testing::datagram(std::to_string(n), static_cast<std::uint16_t>(40'000 + n % 2))});
  }
  const auto file = write("two.pcap", capture_testing::pcap(packets));
  const auto ran =
      replay(file, fmt::format("udp://127.0.0.1:{}", ntohs(address.sin_port)), {"--speed", "1"});
  EXPECT_EQ(ran.code, 0) << ran.output;
  std::uint16_t ports[2] = {};
  for (int n = 0; n < 20; ++n) {
    char bytes[64];
    sockaddr_in from{};
    size = sizeof from;
    const auto got =
        recvfrom(listener, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &size);
    ASSERT_GT(got, 0);
    EXPECT_EQ(std::string(bytes, static_cast<std::size_t>(got)), std::to_string(n));
    if (n < 2) ports[n] = from.sin_port;
    EXPECT_EQ(from.sin_port, ports[n % 2]);
  }
  EXPECT_NE(ports[0], ports[1]);
  close(listener);
}

}  // namespace
}  // namespace slipstream
