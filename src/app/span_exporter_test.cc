#include "app/span_exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <deque>
#include <string>
#include <vector>

#include "net/http_server.h"
#include "net/io_thread.h"

namespace slipstream {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// An exporter whose steps the test does, and a collector that answers as it says.
class SpanExporterTest : public testing::Test {
 protected:
  void SetUp() override {
    HttpServerOptions options;
    options.port = 0;
    server_ = HttpServer::open(io_, std::move(options)).value();
    server_->route("POST", "/v1/traces",
                   [this](const HttpRequest& request, const HttpResponder& respond) {
                     const std::lock_guard lock(mutex_);
                     bodies_.emplace_back(request.body);
                     if (never_answers_) {
                       unanswered_.push_back(respond);
                     } else if (answers_.empty()) {
                       respond({.body = "{}"});
                     } else {
                       respond(answers_.front());
                       answers_.pop_front();
                     }
                   },
                   {.scope = Scope::kOpen});
    server_->start();
    io_.start();
    send_to(server_->port());
  }
  void send_to(std::uint16_t port) {
    const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/v1/traces";
    exporter_ = SpanExporter::make(tracer_, {.url = HttpUrl::parse(url).value()}, clock_,
                                   [this](const std::string& text) { warnings_.push_back(text); })
                    .value();
  }
  void TearDown() override {
    exporter_.reset();
    io_.stop();
  }
  void record(int spans = 1) {
    const auto sampled = tracer_.begin(kParent);
    for (int i = 0; i < spans; ++i) sampled->child(kFoldSpan, {1, 2});
  }
  void answer(unsigned status, std::string body = "", const std::string& retry_after = "") {
    HttpResponse response{.status = status, .body = std::move(body)};
    if (!retry_after.empty()) response.headers.emplace_back("Retry-After", retry_after);
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(response));
  }
  std::size_t asked() {
    const std::lock_guard lock(mutex_);
    return bodies_.size();
  }
  const SpanExporterStats& stats() const { return exporter_->stats(); }

  ManualClock clock_{1'757'000'000 * kNsPerSecond};
  Tracer tracer_{SamplerOptions::parse("always_on", "").value(), clock_};
  IoThread io_{"test"};
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<SpanExporter> exporter_;
  std::mutex mutex_;  // guards what the collector has and does
  std::vector<std::string> bodies_;
  std::deque<HttpResponse> answers_;
  std::vector<HttpResponder> unanswered_;
  bool never_answers_ = false;
  std::vector<std::string> warnings_;
};

TEST_F(SpanExporterTest, WhatWaitsGoesInOneRequestAndNothingInNone) {
  exporter_->poll(1);
  EXPECT_EQ(asked(), 0u);
  record(3);
  exporter_->poll(1);
  EXPECT_EQ(asked(), 1u);
  EXPECT_THAT(bodies_.front(), HasSubstr(R"("traceId":"0af7651916cd43dd8448eb211c80319c")"));
  EXPECT_EQ(stats().exported.value(), 3u);
  EXPECT_EQ(tracer_.waiting(), 0u);
}

TEST_F(SpanExporterTest, WhatIsMoreThanABatchIsNotSleptOn) {
  for (std::size_t i = 0; i < 2 * SpanExporter::kBatchSpans / SampledTrace::kMostSpans; ++i) {
    record(SampledTrace::kMostSpans);
  }
  record(1);
  EXPECT_EQ(exporter_->poll(7), 7u);
  EXPECT_EQ(exporter_->poll(7), 0u) << "the one that is left waits for others";
  EXPECT_EQ(tracer_.waiting(), 1u);
}

TEST_F(SpanExporterTest, RetryAfterIsWaitedForAndTheSameSpansGoAgain) {
  answer(503, "busy", "30");
  record();
  exporter_->poll(1);
  EXPECT_EQ(stats().failing.value(), 1);
  EXPECT_THAT(exporter_->last_error(), HasSubstr("503: busy"));
  clock_.advance(29 * kNsPerSecond);
  exporter_->poll(1);
  EXPECT_EQ(asked(), 1u);
  clock_.advance(kNsPerSecond);
  exporter_->poll(1);
  ASSERT_EQ(asked(), 2u);
  EXPECT_EQ(bodies_[0], bodies_[1]);
  EXPECT_EQ(stats().exported.value(), 1u);
  EXPECT_EQ(stats().failing.value(), 0);
  EXPECT_THAT(warnings_, SizeIs(2)) << "that it fails, and that it does no more";
}

TEST_F(SpanExporterTest, NoRetryAfterHoldsItUpForMoreThanAMinute) {
  answer(429, "", "86400");
  record();
  exporter_->poll(1);
  clock_.advance(60 * kNsPerSecond);
  exporter_->poll(1);
  EXPECT_EQ(stats().exported.value(), 1u);
}

TEST_F(SpanExporterTest, AfterSomeTriesABatchIsGivenUpAndTheNextOneGoes) {
  for (int i = 0; i < SpanExporter::kMostTries; ++i) answer(502);
  record(2);
  for (int i = 0; i < SpanExporter::kMostTries; ++i) {
    exporter_->poll(1);
    clock_.advance(60 * kNsPerSecond);
  }
  EXPECT_EQ(stats().dropped_unreachable.value(), 2u);
  record();
  exporter_->poll(1);
  EXPECT_EQ(stats().exported.value(), 1u);
}

TEST_F(SpanExporterTest, WhatTheCollectorWillNeverTakeIsNotSentAgain) {
  for (const unsigned status : {400u, 401u, 404u, 413u, 500u}) {
    answer(status);
    record();
    exporter_->poll(1);
    clock_.advance(60 * kNsPerSecond);
    exporter_->poll(1);
  }
  EXPECT_EQ(asked(), 5u);
  EXPECT_EQ(stats().dropped_refused.value(), 5u);
}

TEST_F(SpanExporterTest, OfABatchThatIsTakenInPartTheRestIsCounted) {
  const char* const partial[] = {
      R"({"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}})",
      R"({"partialSuccess":{"rejectedSpans":2,"errorMessage":"too old"}})",
      R"({"partialSuccess":{"rejectedSpans":"99","errorMessage":"too old"}})",
  };
  for (const auto* const body : partial) {
    answer(200, body);
    record(3);
    exporter_->poll(1);
    EXPECT_THAT(exporter_->last_error(), HasSubstr("too old"));
  }
  EXPECT_EQ(stats().exported.value(), 2u);
  EXPECT_EQ(stats().dropped_refused.value(), 7u);
  answer(200, "no JSON");
  record();
  exporter_->poll(1);
  EXPECT_EQ(stats().exported.value(), 3u);
}

TEST_F(SpanExporterTest, AStopSendsWhatWaits) {
  exporter_->start();
  record(5);
  exporter_->stop(std::chrono::minutes(1));
  EXPECT_EQ(stats().exported.value(), 5u);
}

TEST_F(SpanExporterTest, AStopWaitsForNoAnswerThatDoesNotCome) {
  never_answers_ = true;
  record(5);
  exporter_->start();
  exporter_->stop(std::chrono::milliseconds(50));
  EXPECT_EQ(stats().exported.value(), 0u);
  EXPECT_EQ(stats().dropped_unreachable.value(), 5u);
  EXPECT_EQ(tracer_.waiting(), 0u);
}

TEST_F(SpanExporterTest, WhoIsGoneIsSparedByABreakerAndNobodyElseIsHeldUp) {
  {
    boost::asio::io_context context;
    const boost::asio::ip::tcp::acceptor nobody(context,
                                                {boost::asio::ip::address_v4::loopback(), 0});
    send_to(nobody.local_endpoint().port());
  }
  for (int i = 0; i < 20; ++i) {
    record();
    exporter_->poll(1);
    clock_.advance(11 * kNsPerSecond);
  }
  EXPECT_EQ(stats().exported.value(), 0u);
  EXPECT_GE(stats().dropped_unreachable.value(), 5u);
  EXPECT_GE(exporter_->breaker().times(CircuitBreaker::State::kOpen), 1u);
}

}  // namespace
}  // namespace slipstream
