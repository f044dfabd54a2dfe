// What an instance has sent and given up, done by Redis long after.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness.h"
#include "redis_server.h"
#include "relay.h"
#include "stream_feed.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::RedisServer;
using streams::kBegin;

/// A commit is kept back from Redis; its session has ended, the next one of the same owner goes on.
class StreamsStall : public testing::Test {
 protected:
  void SetUp() override {
    SLIPSTREAM_NEEDS_REDIS();
    redis_ = std::make_unique<RedisServer>();
    relay_ = std::make_unique<harness::Relay>(redis_->address().port);
    server_ = std::make_unique<harness::Server>(std::map<std::string, std::string>{
        {"REDIS_URL", fmt::format("redis://127.0.0.1:{}", relay_->port())},
        {"INGEST_FROM", "0"},
        {"STREAM_PARTITIONS", "2"}});
    ASSERT_TRUE(eventually([&] { return !streams::lease(*redis_, stream_).empty(); }));
  }
  /// At once, so that whatever is committed of them has closed windows.
  void feed(std::size_t from, std::size_t to) {
    redis_->call({"MULTI"});
    for (std::size_t i = from; i < to; ++i) {
      const std::string json = points_[i].json();
      redis_->call({"XADD", stream_, "*", "data", json});
    }
    redis_->call({"EXEC"});
  }
  bool drained() {
    return eventually([&] { return streams::all_acknowledged(streams::caller(*redis_), 2); });
  }
  void expect_exactly_once() {
    feed(1'000, 2'000);
    ASSERT_TRUE(drained());
    server_->stop();
    streams::expect_exactly_once(streams::caller(*redis_), 2);
  }

  const std::string stream_ = streams::telemetry_stream(0);
  const std::vector<streams::FedPoint> points_ = streams::drive(41, 2'000, 5, 1'757'032'100'000);
  std::unique_ptr<RedisServer> redis_;
  std::unique_ptr<harness::Relay> relay_;
  std::unique_ptr<harness::Server> server_;
};

TEST_F(StreamsStall, ACommitDoneAfterTheNextSessionsChangesNothing) {
  relay_->keep_back("XACK");
  feed(0, 1'000);
  ASSERT_TRUE(eventually([&] { return relay_->has_kept(); }));
  ASSERT_TRUE(drained());
  relay_->let_go();
  expect_exactly_once();
}

TEST_F(StreamsStall, ACommitDoneWhileTheNextSessionBeginsChangesNothing) {
  relay_->keep_back("XACK");
  relay_->let_go_before("CONSUMERS");  // it has loaded the windows, and looks what is pending
  feed(0, 1'000);
  ASSERT_TRUE(eventually([&] { return relay_->has_let_go(); }));
  expect_exactly_once();
}

}  // namespace
}  // namespace slipstream
