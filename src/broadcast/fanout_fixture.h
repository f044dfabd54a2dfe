#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broadcast/testing.h"

namespace slipstream::broadcast_testing {

/// A fan-out whose reads and publishes are answered by the test.
class FanoutTest : public testing::Test {
 protected:
  struct Read {
    StoredRollupsQuery query;
    StoredRollupsTaker taker;
  };
  struct EventRead {
    Channel channel;
    StoredEventsQuery query;
    StoredEventsTaker taker;
  };
  struct Published {
    std::string points;
    std::string key;
    PublishAnswered answered;
    std::string traceparent;
  };

  void open(FanoutOptions options = {}) {
    fanout_ = std::make_unique<Fanout>(
        options,
        FanoutParts{
            .fields = schema_.fields(),
            .windows = {.stored = {"sector", "second"}, .unstored = {"bucket"}},
            .identity = {"meta_time", "track", "chassis", "lap", "sector", "tags"},
            .read_rollups =
                [this](StoredRollupsQuery query, StoredRollupsTaker taker) {
                  reads_.push_back({std::move(query), std::move(taker)});
                },
            .read_events =
                [this](Channel channel, const StoredEventsQuery& query, StoredEventsTaker taker) {
                  event_reads_.push_back({channel, query, std::move(taker)});
                },
            .publish =
                [this](PublishRequest request, PublishAnswered answered) {
                  published_.push_back(
                      {request.points, request.key, std::move(answered), request.traceparent});
                },
            .warn = [this](const std::string& text) { warnings_.push_back(text); }},
        stats_);
  }
  Moment now() const { return {.wall = {now_ns_}, .steady = {now_ns_}}; }
  struct Client {
    std::shared_ptr<FakeSession> session = std::make_shared<FakeSession>();
    std::uint64_t id = 0;
    FakeSession* operator->() const { return session.get(); }
  };
  Client join() {
    Client client;
    client.id = fanout_->add(client.session);
    return client;
  }
  /// The answer.
  std::string say(const Client& client, std::string_view text) {
    client->got.clear();
    fanout_->hear(client.id, text, now());
    return client->got.empty() ? "" : client->take().back();
  }
  Client join(std::string_view subscription) {
    Client client = join();
    EXPECT_THAT(say(client, subscription), testing::HasSubstr(R"("type":"subscribed")"));
    return client;
  }
  /// One point, sent at once.
  void send(std::string_view chassis, int number, std::string_view track = "cota") {
    now_ns_ += kNsPerSecond;
    fanout_->take(point(chassis, number, track), now());
    fanout_->send_due(now());
  }
  /// A conflating client that does not read, sent points of this car until one is left out.
  Client join_conflating_and_behind(std::string_view chassis, int& sent) {
    open({.delivery = {.max_sample_bytes = 1'000}});
    Client client = join(R"({"type":"subscribe","policy":"conflate"})");
    client->is_reading = false;
    while (skipped(Policy::kConflate) == 0) send(chassis, ++sent);
    return client;
  }
  void pass(std::int64_t ns) {
    now_ns_ += ns;
    fanout_->send_due(now());
  }
  std::uint64_t skipped(Policy policy) { return stats_.messages_skipped[index(policy)].value(); }
  RollupPtr rollup(int number, std::string window = "sector", std::string chassis = "a") {
    auto r = std::make_shared<Rollup>();
    r->window = std::move(window);
    r->window_id[0] = static_cast<std::uint8_t>(number);
    r->track = "cota";
    r->chassis = std::move(chassis);
    r->lap = number;
    r->stored = r->window != "bucket";
    r->fields = {{.field = field::kSpeedKmh,
                  .count = 1,
                  .avg = 1,
                  .min = 1,
                  .max = 1,
                  .std = 0,
                  .first = 1,
                  .last = 1},
                 {.field = field::kRpm,
                  .count = 1,
                  .avg = 2,
                  .min = 2,
                  .max = 2,
                  .std = 0,
                  .first = 2,
                  .last = 2}};
    return r;
  }
  /// Commits rollups; stored ones get the next rows.
  void commit(const RollupBatch& batch) {
    CommittedRollups committed{.rollups = batch, .rows = {}, .before = newest_, .after = {}};
    for (const auto& r : batch) {
      if (r->stored) newest_ = {newest_.row + 1, RollupCursor::check_of(r->window_id)};
      committed.rows.push_back(r->stored ? newest_.row : 0);
    }
    committed.after = newest_;
    fanout_->take(committed);
  }
  void answer_read(StoredRollups page) {
    ASSERT_FALSE(reads_.empty());
    const auto read = std::move(reads_.front());
    reads_.erase(reads_.begin());
    read.taker(std::move(page));
  }

  Schema schema_;
  HubStats stats_;
  std::int64_t now_ns_ = 1'000 * kNsPerSecond;
  RollupCursor newest_;
  std::vector<Read> reads_;
  std::vector<EventRead> event_reads_;
  std::vector<Published> published_;
  std::vector<std::string> warnings_;
  std::unique_ptr<Fanout> fanout_;
};

}  // namespace slipstream::broadcast_testing
