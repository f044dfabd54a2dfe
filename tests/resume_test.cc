// A client that is cut off again and again misses no rollup, and gets none twice.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "app/store_component.h"
#include "app/store_writer_component.h"
#include "codec/json_scan.h"
#include "harness.h"
#include "source/udp_sender.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::Server;
using harness::WebSocketClient;

/// The window_ids of all rollups in a message.
void append_ids(std::vector<std::string>& ids, std::string_view message) {
  JsonScan rollups(json_member(message, "data"));
  while (const auto rollup = rollups.next()) {
    ids.emplace_back(json_string_body(json_member(rollup->value, "window_id")));
  }
}

/// All that the store has, in the order of its rows.
std::vector<std::string> stored_ids(const RollupStore& store) {
  std::vector<std::string> ids;
  StoredRollupsQuery query{.upto = store.newest()->row};
  while (query.after.row < query.upto) {
    const auto page = store.read_stored(query).value();
    for (const auto& rollup : page.rollups) {
      ids.emplace_back(json_string_body(json_member(rollup, "window_id")));
    }
    query.after = page.to;
  }
  return ids;
}

/// Cars that change sectors all the time, until stopped.
class Traffic {
 public:
  explicit Traffic(const Server& server) : thread_([this, &server] { run(server); }) {}
  ~Traffic() { stop(); }
  void stop() {
    stopping_.store(true);
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run(const Server& server) {
    auto sender = UdpSender::open("127.0.0.1", server.udp_port());
    for (int i = 0; !stopping_.load(); ++i) {
      const int car = i % 20;
      const int step = i / 20;
      ASSERT_TRUE(sender->send(fmt::format(
          R"({{"track":"cota","chassis":"car {}","lap":{},"lapdist_m":{},"speed_kmh":{}}})", car,
          step / 3 % 30'000, step % 3 * 1'700 + 10, 100 + car)));
      // Each point ends a window: no more of them than a slow machine stores as they come.
      if (i % 10 != 0) continue;
      do {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      } while (server.component<StoreWriterComponent>().writer().stats().waiting.value() >
                   kMostWaiting &&
               !stopping_.load());
    }
  }
  static constexpr std::int64_t kMostWaiting = 100;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

TEST(Resume, ClientCutOffAHundredTimesEndsWithEveryRollupOnceInOrder) {
  Server server;
  Traffic traffic(server);
  std::vector<std::string> ids;
  std::string cursor = "0";
  std::mt19937 random(5);
  for (int life = 0; life < 100; ++life) {
    WebSocketClient client(server.port(), "/ws/realtime");
    // Sometimes as a client does that first says what it wants. On a busy machine the two may be
    // heard so far apart that rollups come in between: they are no place to resume from.
    if (life % 2 == 0) client.send(R"({"type":"subscribe","channels":["rollups"]})");
    client.send(
        fmt::format(R"({{"type":"resume","channel":"rollups","after":"{}","id":"r"}})", cursor));
    ASSERT_NE(client.read_until(R"("id":"r")").find(R"("type":"subscribed")"), std::string::npos);
    auto messages = std::uniform_int_distribution<int>(0, 4)(random);
    while (messages > 0) {
      const auto message = client.read(std::chrono::seconds(60));
      ASSERT_TRUE(message) << "life " << life << ", closed with " << client.closed_with();
      ASSERT_EQ(message->find(R"("type":"error")"), std::string::npos) << *message;
      ASSERT_EQ(message->find(R"("type":"gap")"), std::string::npos) << *message;
      if (!message->starts_with(R"({"type":"rollup_update")")) continue;
      append_ids(ids, *message);
      cursor = json_string_body(json_member(*message, "cursor"));
      --messages;
    }
  }
  traffic.stop();
  const auto& store = server.component<StoreComponent>().store();
  const auto& writer = server.component<StoreWriterComponent>().writer();
  // Seconds close as event time goes on, which it no longer does: what is stored is all there is,
  // once the store has taken what waits, of which a slow machine has much.
  std::vector<std::string> stored;
  ASSERT_TRUE(eventually(
      [&] {
        const auto before = stored.size();
        stored = stored_ids(store);
        return stored.size() == before && writer.stats().waiting.value() == 0;
      },
      std::chrono::minutes(2)));
  WebSocketClient last(server.port(), "/ws/realtime");
  last.send(fmt::format(R"({{"type":"resume","channel":"rollups","after":"{}"}})", cursor));
  while (ids.size() < stored.size()) {
    const auto message = last.read();
    ASSERT_TRUE(message) << ids.size() << " of " << stored.size();
    if (message->starts_with(R"({"type":"rollup_update")")) append_ids(ids, *message);
  }
  EXPECT_GT(stored.size(), 200u);
  const auto now = stored_ids(store);
  ASSERT_GE(now.size(), ids.size());
  EXPECT_EQ(ids, std::vector<std::string>(now.begin(), now.begin() + std::ssize(ids)));
}

TEST(Resume, CursorOutlivesARestart) {
  harness::TemporaryDirectory directory;
  // Of one second, whose window closes with the stop.
  const auto point = [](int lap) {
    return fmt::format(
        R"({{"track":"cota","chassis":"a","lap":{0},"lapdist_m":10,"meta_time":1757000000{0}00}})",
        lap);
  };
  std::string cursor;
  {
    Server server({{"DATA_DIR", directory.path().string()}}, harness::kWithoutIdleness);
    WebSocketClient client(server.port(), "/ws/realtime");
    client.send(R"({"type":"subscribe","channels":["rollups"]})");
    cursor = json_string_body(json_member(client.read_until("subscribed"), "cursor"));
    EXPECT_EQ(cursor, "0");
    for (const int lap : {1, 2}) {
      ASSERT_EQ(harness::http(server.port(), "POST", "/api/ingest", point(lap)).status, 200u);
    }
    const auto update = client.read_until("rollup_update");
    EXPECT_NE(update.find(R"("lap":1,)"), std::string::npos);
    cursor = json_string_body(json_member(update, "cursor"));
  }
  Server server({{"DATA_DIR", directory.path().string()}}, harness::kWithoutIdleness);
  WebSocketClient client(server.port(), "/ws/realtime");
  client.send(fmt::format(R"({{"type":"resume","channel":"rollups","after":"{}"}})", cursor));
  const auto missed = client.read_until("rollup_update");
  EXPECT_EQ(missed.find(R"("lap":1,)"), std::string::npos) << "it had that one";
  EXPECT_NE(missed.find(R"("lap":2,)"), std::string::npos) << "closed by the stop";
  client.send(R"({"type":"resume","channel":"rollups","after":"1.1"})");
  EXPECT_NE(client.read_until("error").find("bad_cursor"), std::string::npos);
}

}  // namespace
}  // namespace slipstream
