// Captures of games, sent by UDP to a whole server: every value that they say is in its log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "codec/games_expected.h"
#include "exported_points.h"
#include "harness.h"
#include "program.h"
#include "source/udp_sender.h"

namespace slipstream {
namespace {

using games_testing::Datagram;
using games_testing::datagrams_of;
using games_testing::read_kept_reference;
using games_testing::Told;
using harness::metric;
using harness::Server;
using testing::HasSubstr;

using Steady = std::chrono::steady_clock;

std::uint32_t f1_frame_of(const Datagram& datagram) {
  std::uint32_t frame;
  std::memcpy(&frame, datagram.bytes.data() + 23, sizeof frame);
  return frame;
}

/// A server that keeps its log where export finds it.
class GamesTest : public testing::Test {
 protected:
  /// No more are on their way than the kernel's smallest buffer holds.
  void send(UdpSender& sender, const Datagram& datagram) {
    constexpr std::uint64_t kOnTheirWay = 60;
    const auto& taken = server_->ingest().udp_datagrams;
    const auto deadline = Steady::now() + std::chrono::seconds(60);
    while (sent_ - taken.value() >= kOnTheirWay && Steady::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
    ASSERT_TRUE(sender.send(datagram.bytes));
    ++sent_;
  }
  /// Sends all; tells the frames that came more slowly than the server waits for them.
  std::set<std::uint32_t> send_all(const std::vector<Datagram>& datagrams, bool has_frames) {
    constexpr auto kHeldUp = std::chrono::milliseconds(50);
    auto sender = UdpSender::open("127.0.0.1", server_->udp_port()).value();
    std::map<std::uint32_t, Steady::time_point> begun;
    std::set<std::uint32_t> held_up;
    for (const auto& datagram : datagrams) {
      if (!has_frames) {
        send(sender, datagram);
        continue;
      }
      const auto frame = f1_frame_of(datagram);
      const auto first = begun.emplace(frame, Steady::now()).first->second;
      send(sender, datagram);
      if (Steady::now() - first >= kHeldUp) held_up.insert(frame);
    }
    return held_up;
  }
  /// What is in the log once the server has stopped, in its order.
  std::vector<Told> stop_and_export() {
    EXPECT_TRUE(server_->stop());
    EXPECT_EQ(server_->ingest().udp_datagrams.value(), sent_);
    EXPECT_EQ(server_->ingest().udp_kernel_drops.value(), 0u);
    for (const auto& reason : server_->ingest().of(SourceKind::kUdp).rejected) {
      EXPECT_EQ(reason.value(), 0u);
    }
    server_.reset();
    return harness::exported_points(directory_);
  }

  const harness::TemporaryDirectory directory_;
  std::unique_ptr<Server> server_ = std::make_unique<Server>(std::map<std::string, std::string>{
      {"DATA_DIR", (directory_.path() / "data").string()}, {"PARTITIONS", "1"}});
  std::uint64_t sent_ = 0;
};

class F1ByUdp : public GamesTest, public testing::WithParamInterface<const char*> {};

TEST_P(F1ByUdp, EveryValueIsInTheLog) {
  const std::string name = GetParam();
  const auto capture = read_kept_reference(name + ".cap");
  const auto expected = read_kept_reference(name + ".expected.ndjson");
  ASSERT_TRUE(capture && expected);
  const auto datagrams = datagrams_of(*capture);
  const auto held_up = send_all(datagrams, true);
  const auto points = stop_and_export();
  games_testing::expect_f1(points, datagrams, *expected, held_up);
}

INSTANTIATE_TEST_SUITE_P(Games, F1ByUdp,
                         testing::Values("f1_2023", "f1_2024", "f1_2025", "f1_2026"),
                         [](const auto& tested) { return std::string(tested.param); });

class OneCarByUdp : public GamesTest, public testing::WithParamInterface<const char*> {};

TEST_P(OneCarByUdp, EveryValueIsInTheLog) {
  const std::string name = GetParam();
  const auto capture = read_kept_reference(name + ".cap");
  const auto expected = read_kept_reference(name + ".expected.ndjson");
  ASSERT_TRUE(capture && expected);
  const auto datagrams = datagrams_of(*capture);
  send_all(datagrams, false);
  const auto points = stop_and_export();
  // What came first is first in the log, and one decoder says which datagrams make a point.
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

INSTANTIATE_TEST_SUITE_P(Games, OneCarByUdp,
                         testing::Values("forza_sled", "forza_dash", "forza_horizon",
                                         "forza_motorsport", "gt7_a", "gt7_b", "gt7_tilde",
                                         "gt7_c"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_F(GamesTest, WhatIsInNoPointIsTold) {
  const auto capture = read_kept_reference("f1_2025.cap");
  ASSERT_TRUE(capture);
  auto datagrams = datagrams_of(*capture);
  datagrams.resize(20);
  for (auto& datagram : datagrams) std::memset(datagram.bytes.data() + 7, 0, 8);
  Datagram pause{{}, std::string(232, '\0')};
  datagrams.push_back(pause);
  send_all(datagrams, false);
  const auto left_out = [&](const std::string& reason) {
    return metric(server_->port(), "slipstream_games_left_out_total{reason=\"" + reason + "\"}");
  };
  EXPECT_TRUE(harness::eventually(
      [&] { return left_out("not_racing") == 1 && left_out("in_menu") == 20; }));
  EXPECT_EQ(left_out("late"), 0);
  EXPECT_THAT(
      harness::http(server_->port(), "GET", "/api/health").body,
      HasSubstr(R"("games":{"late":0,"withoutLap":0,"waiting":0,"inMenu":20,"notRacing":1)"));
  EXPECT_TRUE(stop_and_export().empty());
}

}  // namespace
}  // namespace slipstream
