#include "source/ingest_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http.h"
#include "source/http_ingest.h"
#include "source/testing.h"
#include "tracing/testing.h"

namespace slipstream {
namespace {

using source_testing::good_point;
using source_testing::KeptPoints;
using testing::HasSubstr;
using testing::SizeIs;

class IngestServiceTest : public testing::Test {
 protected:
  /// The test is the service's thread.
  IngestAnswer take(IngestRequest request) {
    request.body.reserve(request.body.size() + HttpRequest::kBodyPadding);
    std::optional<IngestAnswer> answer;
    service_.submit(std::move(request), [&](IngestAnswer given) { answer = std::move(given); });
    service_.poll(1);
    EXPECT_TRUE(answer);
    return answer.value_or(IngestAnswer{});
  }
  HttpResponse take_http(HttpRequest request) {
    request.body.reserve(request.body.size() + HttpRequest::kBodyPadding);
    std::optional<HttpResponse> response;
    take_ingest(service_, std::move(request), [&](HttpResponse given) { response = given; });
    service_.poll(1);
    EXPECT_TRUE(response);
    return response.value_or(HttpResponse{});
  }
  std::uint64_t received(SourceKind kind) { return stats_.of(kind).received.value(); }

  Schema schema_{source_testing::strict_schema()};
  IngestStats stats_;
  SystemClock clock_;
  KeptPoints sink_{stats_};
  BatchPool pool_;
  RejectionLog log_{{}, stats_.errors_not_logged};
  IngestService service_{{}, schema_, stats_, clock_, sink_, pool_, log_};
};

TEST_F(IngestServiceTest, TakesABodyByItsDecodersName) {
  const std::pair<std::string, std::string> bodies[] = {
      {"json", "[" + good_point("a") + "]"},
      {"ndjson", good_point("b") + "\n"},
      {"line", "cota,chassis=c speed_kmh=1\n"},
      {"table", "track,chassis\ncota,d\n"},
  };
  for (const auto& [decoder, body] : bodies) {
    const auto answer = take({.body = body, .decoder = decoder});
    EXPECT_EQ(answer.status, 200u) << decoder;
    EXPECT_EQ(answer.body, R"({"ok":true,"accepted":1,"rejected":0,"errors":[]})") << decoder;
    EXPECT_EQ(answer.refusal, "") << decoder;
  }
  EXPECT_THAT(sink_.chassis, testing::ElementsAre("a", "b", "c", "d"));
}

TEST_F(IngestServiceTest, EachFormIsAnsweredInItsOwnWay) {
  const std::string body = "cota,chassis=c speed_kmh=1\nnothing\n";
  const auto json = take({.body = body, .decoder = "line"});
  EXPECT_EQ(json.status, 200u);
  EXPECT_THAT(json.body, HasSubstr(R"("accepted":1,"rejected":1,"errors":[{"index":1,)"));
  const auto influx = take({.form = &influx_answers(), .body = body, .decoder = "line"});
  EXPECT_EQ(influx.status, 400u);
  EXPECT_THAT(influx.body, HasSubstr("partial write: 1 of 2 points refused; point 1: "));
  const auto good =
      take({.form = &influx_answers(), .body = "cota,chassis=c speed_kmh=1\n", .decoder = "line"});
  EXPECT_EQ(good.status, 204u);
  EXPECT_EQ(good.body, "");
}

TEST_F(IngestServiceTest, AKeyIsAnsweredAsBeforeToClientsOfItsForm) {
  const IngestRequest request{
      .body = "cota,chassis=c speed_kmh=1\n", .decoder = "line", .key = "k"};
  EXPECT_FALSE(take(request).is_replayed);
  const auto again = take(request);
  EXPECT_TRUE(again.is_replayed);
  EXPECT_THAT(again.body, HasSubstr(R"("accepted":1)"));
  EXPECT_THAT(sink_.chassis, SizeIs(1));
  IngestRequest other = request;
  other.form = &influx_answers();
  EXPECT_FALSE(take(other).is_replayed);
  EXPECT_THAT(sink_.chassis, SizeIs(2));
}

TEST_F(IngestServiceTest, WhatIsRefusedSaysWhyOnceAndCounts) {
  const auto denied = take(
      {.source = SourceKind::kWebSocket, .body = good_point("a"), .denied = Denial::kWrongScope});
  EXPECT_EQ(denied.status, 403u);
  EXPECT_EQ(denied.refusal, "unauthorized");
  EXPECT_NE(denied.why, "");
  EXPECT_EQ(received(SourceKind::kWebSocket), 1u);

  sink_.full = true;
  const auto full = take({.source = SourceKind::kWebSocket, .body = good_point("a")});
  EXPECT_EQ(full.status, 503u);
  EXPECT_EQ(full.refusal, "overloaded");
  EXPECT_EQ(full.retry_after, "1");
  sink_.full = false;

  service_.close();
  const auto late = take({.body = good_point("a")});
  EXPECT_EQ(late.status, 503u);
  EXPECT_EQ(late.refusal, "overloaded");
  EXPECT_THAT(late.body, HasSubstr(R"("accepted":0,"rejected":1,"errors":[{"index":0,)"));
  EXPECT_TRUE(sink_.chassis.empty());
}

class TracedIngestTest : public IngestServiceTest {
 protected:
  HttpResponse take_traced(HttpRequest request) {
    request.body.reserve(request.body.size() + HttpRequest::kBodyPadding);
    std::optional<HttpResponse> response;
    take_ingest(traced_, std::move(request), [&](HttpResponse given) { response = given; });
    traced_.poll(1);
    return response.value_or(HttpResponse{});
  }

  tracing_testing::RecordedSpans recorded_{clock_};
  IngestService traced_{
      {.tracer = &recorded_.tracer()}, schema_, stats_, clock_, sink_, pool_, log_};
};

TEST_F(TracedIngestTest, ReceiveIsTheParentOfDecodeAndAChildOfWhatTheHeaderSays) {
  HttpRequest request;
  request.body = good_point("a");
  request.headers = {{"Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}};
  EXPECT_EQ(take_traced(request).status, 200u);
  ASSERT_THAT(recorded_.names(), testing::ElementsAre("decode", "receive"));
  const auto& spans = recorded_.spans();
  EXPECT_EQ(spans[0].parent, spans[1].id);
  EXPECT_EQ(spans[1].parent.text(), "b7ad6b7169203331");
  EXPECT_EQ(spans[0].error + spans[1].error, "");
}

TEST_F(TracedIngestTest, WhatIsNotTakenSaysWhy) {
  HttpRequest request;
  request.body = "{";
  EXPECT_EQ(take_traced(request).status, 400u);
  sink_.full = true;
  request.body = good_point("a");
  EXPECT_EQ(take_traced(request).status, 503u);
  ASSERT_THAT(recorded_.names(), testing::ElementsAre("decode", "receive", "decode", "receive"));
  const auto& spans = recorded_.spans();
  EXPECT_EQ(spans[1].error, "") << "that is its sender's fault";
  EXPECT_EQ(spans[2].error, "");
  EXPECT_THAT(spans[3].error, HasSubstr("nothing was taken"));
}

TEST_F(TracedIngestTest, OfTwoHeadersNobodyKnowsWhichIsMeant) {
  HttpRequest request;
  request.body = good_point("a");
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  request.headers = {{"traceparent", parent}, {"traceparent", parent}};
  EXPECT_EQ(take_traced(request).status, 200u);
  EXPECT_EQ(recorded_.tracer().stats().bad_parents.value(), 1u);
  EXPECT_FALSE(recorded_.spans().back().parent.is_valid());
}

TEST_F(IngestServiceTest, TheDoorOfHttpTranslatesWhatItIsAsked) {
  HttpRequest request;
  request.method = "POST";
  request.body = "track,chassis\ncota,d\n";
  request.headers = {{"Content-Type", "Text/CSV; charset=utf-8"}};
  EXPECT_EQ(take_http(request).status, 200u);
  EXPECT_THAT(sink_.chassis, testing::ElementsAre("d"));

  request.query = {{"durability", "carved"}};
  const auto level = take_http(request);
  EXPECT_EQ(level.status, 400u);
  EXPECT_THAT(level.body, HasSubstr("durability 'carved' is not offered"));
  EXPECT_EQ(received(SourceKind::kHttp), 2u);

  request.query = {};
  request.headers = {{"Content-Type", "text/html"}};
  EXPECT_EQ(take_http(request).status, 415u);
  EXPECT_EQ(received(SourceKind::kHttp), 2u) << "what is not understood holds no points";

  request.headers = {{"Idempotency-Key", "a"}, {"Idempotency-Key", "b"}};
  EXPECT_THAT(take_http(request).body, HasSubstr("Idempotency-Key is there twice"));
  request.headers = {{"Idempotency-Key", std::string(256, 'k')}};
  EXPECT_THAT(take_http(request).body, HasSubstr("longer than 255 bytes"));
}

}  // namespace
}  // namespace slipstream
