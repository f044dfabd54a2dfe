// Clients that come in the middle of a session get all of it, each point once.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <numeric>
#include <thread>

#include "app/pipeline_component.h"
#include "codec/json_scan.h"
#include "harness.h"
#include "source/udp_sender.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::Server;
using harness::WebSocketClient;
using testing::HasSubstr;

constexpr int kDrivingCars = 6;

std::string driving_point(int number) {
  return fmt::format(
      R"({{"track":"cota","chassis":"car {}","lap":1,"lapdist_m":{},"speed_kmh":100,"n":{}}})",
      number % kDrivingCars, number, number / kDrivingCars);
}

/// Points of all cars in turns, 3,000 a second at most, until stopped: the clients are read one
/// after the other, also on a machine that is slow.
class DrivingField {
 public:
  explicit DrivingField(const Server& server) : thread_([this, &server] { run(server); }) {}
  ~DrivingField() { stop(); }
  void stop() {
    stopping_.store(true);
    if (thread_.joinable()) thread_.join();
  }
  int sent() const { return sent_.load(); }

 private:
  void run(const Server& server) {
    for (int number = 0; !stopping_.load(); number += kAtOnce) {
      std::string body;
      for (int i = 0; i < kAtOnce; ++i) body += driving_point(number + i) + '\n';
      const auto answer = http(server.port(), "POST", "/api/ingest", body,
                               {{"Content-Type", "application/x-ndjson"}});
      ASSERT_EQ(answer.status, 200u) << answer.body;
      sent_.store(number + kAtOnce);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  static constexpr int kAtOnce = 60;
  std::atomic<bool> stopping_{false};
  std::atomic<int> sent_{0};
  std::thread thread_;
};

/// What a client has got, in the order in which it came.
struct GotPoints {
  std::map<std::string, std::vector<int>> cars;
  std::size_t points = 0;
  std::size_t recorded = 0;

  void take(std::string_view message) {
    JsonScan all(json_member(message, "data"));
    const bool is_recorded = json_member(message, "recorded") == "true";
    while (const auto one = all.next()) {
      const auto car = std::string(json_string_body(json_member(one->value, "chassis")));
      cars[car].push_back(std::stoi(std::string(json_member(one->value, "n"))));
      ++points;
      if (is_recorded) ++recorded;
    }
  }
};

TEST(LateJoin, ClientThatComesInTheMiddleHasEachPointOnceInOrder) {
  // Those that are live wait while others are read.
  Server server({{"MAX_WS_BUFFER", "100000000"}});
  DrivingField traffic(server);
  ASSERT_TRUE(eventually([&] { return traffic.sent() > 1'500; }));
  std::vector<std::unique_ptr<WebSocketClient>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(std::make_unique<WebSocketClient>(server.port(), "/ws/realtime"));
    clients.back()->send(R"({"type":"subscribe","channels":["telemetry"],"from":"session"})");
    // A new client has the live points until it says what it wants.
    clients.back()->read_until(R"({"type":"subscribed")");
  }
  std::vector<GotPoints> got(clients.size());
  const auto read = [&](std::size_t i) {
    const auto message = clients[i]->read(std::chrono::seconds(60));
    ASSERT_TRUE(message);
    ASSERT_THAT(*message, testing::Not(HasSubstr(R"("type":"gap")")));
    if (message->starts_with(R"({"type":"telemetry_update")")) got[i].take(*message);
  };
  // Each is live before the traffic ends.
  for (std::size_t i = 0; i < clients.size(); ++i) {
    while (got[i].points == got[i].recorded) ASSERT_NO_FATAL_FAILURE(read(i));
  }
  traffic.stop();
  const auto sent = static_cast<std::size_t>(traffic.sent());
  for (std::size_t i = 0; i < clients.size(); ++i) {
    while (got[i].points < sent) ASSERT_NO_FATAL_FAILURE(read(i));
    EXPECT_GE(got[i].recorded, 1'500u);
    for (const auto& [car, numbers] : got[i].cars) {
      std::vector<int> all(sent / kDrivingCars);
      std::iota(all.begin(), all.end(), 0);
      const auto differ = std::ranges::mismatch(numbers, all);
      EXPECT_TRUE(differ.in1 == numbers.end() && differ.in2 == all.end())
          << car << " of client " << i << " has " << numbers.size() << " of " << all.size()
          << " points, and instead of the " << differ.in2 - all.begin() << "th "
          << (differ.in1 == numbers.end() ? -1 : *differ.in1) << "; recorded " << got[i].recorded;
    }
  }
}

TEST(LateJoin, FilterHoldsForWhatWasRecorded) {
  Server server;
  std::string body;
  for (int n = 0; n < 60; ++n) body += driving_point(n) + '\n';
  ASSERT_EQ(
      http(server.port(), "POST", "/api/ingest", body, {{"Content-Type", "application/x-ndjson"}})
          .status,
      200u);
  WebSocketClient client(server.port(), "/ws/realtime");
  client.send(R"({"type":"subscribe","channels":["telemetry"],"from":"session",)"
              R"("where":{"chassis":["car 2"]},"fields":["n"]})");
  const auto message = client.read_until(R"("recorded":true)");
  GotPoints got;
  got.take(message);
  EXPECT_EQ(got.cars.size(), 1u);
  EXPECT_EQ(got.cars["car 2"].size(), 10u);
  EXPECT_THAT(message, testing::Not(HasSubstr("speed_kmh")));
  EXPECT_THAT(message, HasSubstr(R"("lap":1)"));
}

TEST(LateJoin, WithoutALogItIsRefused) {
  Server server({{"DURABLE_LOG", "none"}});
  WebSocketClient client(server.port(), "/ws/realtime");
  client.send(R"({"type":"subscribe","from":"session","id":1})");
  EXPECT_THAT(client.read_until(R"("type":"error")"), HasSubstr(R"("reason":"no_history")"));
}

}  // namespace
}  // namespace slipstream
