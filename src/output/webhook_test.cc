#include "output/webhook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <mutex>
#include <vector>

#include "model/outbox_alert.h"
#include "net/http_server.h"
#include "net/io_thread.h"
#include "output/outbox_sender.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kHookBegin = 1'757'000'000 * kNsPerSecond;

/// One destination's rows, by alert.
class AlertRows final : public RollupOutbox {
 public:
  void put(const std::string& alert, const std::string& id, ArrivalTime now) {
    rows_[alert].push_back(
        {.id = ++last_,
         .count = 1,
         .rollups = outbox_row_of({.id = id, .queued = now, .body = "{\"id\":\"" + id + "\"}"})});
  }
  const std::string& writer() const override { return writer_; }
  std::vector<std::string> shards() const override {
    std::vector<std::string> names;
    for (const auto& [name, rows] : rows_) {
      if (!rows.empty()) names.push_back(name);
    }
    return names;
  }
  Result<std::vector<OutboxRow>> read(const std::string& shard, std::size_t max_bytes) override {
    EXPECT_EQ(max_bytes, 1u) << "one after the other";
    return std::vector{rows_[shard].front()};
  }
  Result<void> remove(const std::string& shard, std::uint64_t up_to) override {
    std::erase_if(rows_[shard], [&](const OutboxRow& row) { return row.id <= up_to; });
    return {};
  }
  const OutboxStats& stats() const override { return stats_; }

 private:
  const std::string writer_ = "w";
  std::map<std::string, std::vector<OutboxRow>> rows_;
  std::uint64_t last_ = 0;
  OutboxStats stats_;
};

class WebhookTest : public testing::Test {
 protected:
  WebhookTest() {
    server_ = std::move(*HttpServer::open(io_, {.port = 0}));
    server_->route("POST", "/hook",
                   [this](const HttpRequest& request, const HttpResponder& respond) {
                     const std::lock_guard lock(mutex_);
                     const std::string id(request.header("Slipstream-Id"));
                     got_.push_back(id + " " + request.body);
                     signatures_.emplace_back(request.header("Slipstream-Signature"));
                     types_.emplace_back(request.header("Content-Type"));
                     const auto answer = answers_.find(id);
                     respond({.status = answer == answers_.end() ? 202 : answer->second});
                   });
    server_->start();
    io_.start();
    auto webhook =
        Webhook::make({.name = "pit",
                       .url = "http://127.0.0.1:" + std::to_string(server_->port()) + "/hook",
                       .secret = "hush",
                       .alerts = {"hot"}},
                      clock_);
    EXPECT_EQ((*webhook)->destination().alerts, (std::vector<std::string>{"hot"}));
    sender_ = std::make_unique<OutboxSender>(rows_, std::move(*webhook), clock_,
                                             [](const std::string&) {});
  }
  ~WebhookTest() override { io_.stop(); }
  /// Polls as the thread does, until nothing is left that is due.
  void poll() {
    while (sender_->poll(1) > 0) {
    }
  }
  std::vector<std::string> got() {
    const std::lock_guard lock(mutex_);
    return std::exchange(got_, {});
  }

  ManualClock clock_{kHookBegin};
  AlertRows rows_;
  IoThread io_{"hook"};
  std::mutex mutex_;  // guards the next four
  std::vector<std::string> got_;
  std::vector<std::string> signatures_;
  std::vector<std::string> types_;
  std::map<std::string, unsigned> answers_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<OutboxSender> sender_;
};

TEST(WebhookSignature, IsAnHmacOfTheTimeAndTheBody) {
  // openssl dgst -sha256 -hmac hush <<< '1757000000.{"a":1}', without the line's end
  EXPECT_EQ(webhook_signature("hush", {kHookBegin + 5}, R"({"a":1})"),
            "t=1757000000,v1=46a75453775ae21e459c5f262c1b132d09f5c998010296c58f0740af5a3e00cf");
}

TEST(OutboxAlertRow, IsReadBackOrRefused) {
  const std::string row =
      outbox_row_of({.id = "ab-raised", .queued = {12}, .body = R"({"text":"a\nb"})"});
  const auto alert = outbox_alert_of(row);
  ASSERT_TRUE(alert.has_value());
  EXPECT_EQ(alert->id, "ab-raised");
  EXPECT_EQ(alert->queued.ns, 12);
  EXPECT_EQ(alert->body, R"({"text":"a\nb"})");
  for (const char* const bad : {"", "ab", "ab 1", "ab 1\n", "ab x\n{}\n", "ab\n{}\n", "ab 1\n{}"}) {
    EXPECT_FALSE(outbox_alert_of(bad).has_value()) << bad;
  }
}

TEST_F(WebhookTest, PostsEachSignedAndForgetsIt) {
  rows_.put("hot", "1-raised", clock_.now());
  rows_.put("hot", "1-cleared", clock_.now());
  poll();
  EXPECT_THAT(got(),
              ElementsAre(R"(1-raised {"id":"1-raised"})", R"(1-cleared {"id":"1-cleared"})"));
  EXPECT_EQ(signatures_.front(), webhook_signature("hush", clock_.now(), R"({"id":"1-raised"})"));
  EXPECT_EQ(types_.front(), "application/json");
  EXPECT_EQ(sender_->stats().sent.value(), 2u);
  EXPECT_THAT(rows_.shards(), ElementsAre());
}

TEST_F(WebhookTest, WhatIsNotTakenIsTriedAgainAfterASecondUpToFiveMinutes) {
  answers_["1-raised"] = 302;
  rows_.put("hot", "1-raised", clock_.now());
  poll();
  EXPECT_EQ(got().size(), 1u);
  EXPECT_THAT(sender_->last_error(), HasSubstr("answered 302"));
  // Waits are drawn from the upper half of each step, the first is a second.
  for (std::int64_t step_s = 1; step_s <= 512; step_s *= 2) {
    const std::int64_t most_s = std::min<std::int64_t>(step_s, 300);
    clock_.advance(std::max<std::int64_t>(step_s == 1 ? 999 : most_s * 500 - 1, 0) * kNsPerMs);
    poll();
    EXPECT_EQ(got().size(), 0u) << step_s;
    clock_.advance(most_s * kNsPerSecond);
    poll();
    EXPECT_EQ(got().size(), 1u) << step_s;
  }
  answers_.clear();
  clock_.advance(300 * kNsPerSecond);
  poll();
  EXPECT_EQ(got().size(), 1u);
  EXPECT_EQ(sender_->stats().sent.value(), 1u);
}

TEST_F(WebhookTest, OneThatIsRefusedHoldsUpNoOtherAlert) {
  answers_["1-raised"] = 500;
  rows_.put("hot", "1-raised", clock_.now());
  rows_.put("wet", "2-raised", clock_.now());
  poll();
  poll();
  EXPECT_THAT(got(), testing::Contains(R"(2-raised {"id":"2-raised"})"));
}

TEST_F(WebhookTest, AfterADayItIsDroppedAndCounted) {
  answers_["1-raised"] = 400;
  rows_.put("hot", "1-raised", clock_.now());
  poll();
  clock_.advance(Webhook::kKeptNs - 1);
  poll();
  EXPECT_EQ(got().size(), 2u);
  clock_.advance(300 * kNsPerSecond);
  poll();
  EXPECT_EQ(got().size(), 0u);
  EXPECT_EQ(sender_->stats().expired.value(), 1u);
  EXPECT_EQ(sender_->stats().sent.value(), 0u);
  EXPECT_THAT(rows_.shards(), ElementsAre());
}

TEST(WebhookName, IsTheSameForTheSameUrl) {
  EXPECT_EQ(webhook_name("http://a/x"), webhook_name("http://a/x"));
  EXPECT_NE(webhook_name("http://a/x"), webhook_name("http://a/y"));
  EXPECT_LE(webhook_name("http://a/x").size(), 13u);
}

}  // namespace
}  // namespace slipstream
