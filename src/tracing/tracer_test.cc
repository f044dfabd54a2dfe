#include "tracing/tracer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <set>
#include <string>
#include <vector>

#include "tracing/otlp_json.h"

namespace slipstream {
namespace {

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr std::string_view kUnsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

class TracerTest : public testing::Test {
 protected:
  std::vector<TraceSpan> taken(std::size_t limit = Tracer::kMostWaiting) {
    std::vector<TraceSpan> spans;
    tracer_.take(spans, limit);
    return spans;
  }

  ManualClock clock_{1'000'000'000'000};
  Tracer tracer_{SamplerOptions::parse("parentbased_always_off", "").value(), clock_};
};

TEST_F(TracerTest, OfASampledParentTheRootIsAChildAndAllOthersAreTheRoots) {
  const auto sampled = tracer_.begin(kParent);
  ASSERT_TRUE(sampled);
  const SteadyTime begun = clock_.steady();
  clock_.advance(1'500);
  sampled->child(kFoldSpan, sampled->since(begun), {{kPointsAttribute, attribute_of(3)}});
  sampled->root(kReceiveSpan, SpanKind::kServer, {1, 2}, {}, "why");
  const auto spans = taken();
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0].parent, spans[1].id);
  EXPECT_EQ(spans[1].parent.text(), "b7ad6b7169203331");
  for (const auto& span : spans) EXPECT_EQ(span.trace.text(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(spans[0].times.start_ns, 1'000'000'000'000);
  EXPECT_EQ(spans[0].times.end_ns, 1'000'000'001'500);
  EXPECT_EQ(spans[1].error, "why");
}

TEST_F(TracerTest, WhatIsToldOnIsTheRoot) {
  const auto sampled = tracer_.begin(kParent);
  const auto told = parse_traceparent(sampled->traceparent());
  ASSERT_TRUE(told && told->is_sampled);
  sampled->root(kReceiveSpan, SpanKind::kServer, {});
  EXPECT_EQ(told->span, taken().front().id);
  EXPECT_EQ(sampled->id(), "0af7651916cd43dd8448eb211c80319c");
}

TEST_F(TracerTest, WhatAnotherInstanceHasBegunGoesOnUnderItsRoot) {
  const auto sampled = tracer_.go_on(kParent);
  ASSERT_TRUE(sampled);
  sampled->child(kFoldSpan, {});
  EXPECT_EQ(taken().front().parent.text(), "b7ad6b7169203331");
  EXPECT_EQ(sampled->traceparent(), kParent);
  EXPECT_FALSE(tracer_.go_on(kUnsampled));
  EXPECT_FALSE(tracer_.go_on(""));
  EXPECT_EQ(tracer_.stats().bad_parents.value(), 0u);
}

TEST_F(TracerTest, ABadParentIsCountedAndTheSamplerAskedAsWithoutOne) {
  EXPECT_FALSE(tracer_.begin("nonsense"));
  EXPECT_FALSE(tracer_.begin(kUnsampled));
  EXPECT_FALSE(tracer_.begin());
  EXPECT_EQ(tracer_.stats().bad_parents.value(), 1u);
  Tracer always(SamplerOptions::parse("always_on", "").value(), clock_);
  const auto sampled = always.begin("nonsense");
  ASSERT_TRUE(sampled);
  sampled->root(kReceiveSpan, SpanKind::kServer, {});
  std::vector<TraceSpan> spans;
  always.take(spans, 1);
  EXPECT_FALSE(spans.front().parent.is_valid());
}

TEST_F(TracerTest, EachTraceAndSpanHasAnIdOfItsOwn) {
  Tracer always(SamplerOptions::parse("always_on", "").value(), clock_);
  std::set<std::string> ids;
  for (int i = 0; i < 1'000; ++i) ids.insert(always.begin()->traceparent());
  EXPECT_EQ(ids.size(), 1'000u);
}

TEST_F(TracerTest, WhatATraceHasTooManyOfIsDroppedAndCounted) {
  const auto sampled = tracer_.begin(kParent);
  for (int i = 0; i < SampledTrace::kMostSpans + 5; ++i) sampled->child(kFoldSpan, {});
  sampled->root(kReceiveSpan, SpanKind::kServer, {});
  EXPECT_EQ(taken().size(), std::size_t{SampledTrace::kMostSpans} + 1);
  EXPECT_EQ(tracer_.stats().dropped_too_many.value(), 5u);
}

TEST_F(TracerTest, WhatTooManyWaitForIsDroppedAndCounted) {
  int woken = 0;
  tracer_.when_many_wait([&] { ++woken; });
  for (std::size_t i = 0; i < Tracer::kMostWaiting + 7; ++i)
    tracer_.record({.trace = {}, .id = {}, .name = kFoldSpan, .times = {}});
  EXPECT_EQ(tracer_.waiting(), Tracer::kMostWaiting);
  EXPECT_EQ(tracer_.stats().dropped_queue_full.value(), 7u);
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(taken(100).size(), 100u);
  EXPECT_EQ(tracer_.waiting(), Tracer::kMostWaiting - 100);
}

TEST(OtlpJson, IsWhatItsSpecificationSays) {
  const TraceSpan root{.trace = {1, 2},
                       .id = {3},
                       .name = kReceiveSpan,
                       .kind = SpanKind::kServer,
                       .times = {1'700'000'000'123'456'789, 1'700'000'000'123'456'790}};
  const TraceSpan child{.trace = {1, 2},
                        .id = {4},
                        .parent = {3},
                        .name = kLogSpan,
                        .times = {5, 6},
                        .attributes = {{kPointsAttribute, attribute_of(7)},
                                       {kSourceAttribute, std::string("a \"quoted\" one")}},
                        .error = "full"};
  EXPECT_EQ(
      otlp_json({{"service.name", "pit"}}, std::vector{root, child}),
      R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"pit"}}]},)"
      R"("scopeSpans":[{"scope":{"name":"slipstream"},"spans":[)"
      R"({"traceId":"00000000000000010000000000000002","spanId":"0000000000000003",)"
      R"("name":"receive","kind":2,"startTimeUnixNano":"1700000000123456789",)"
      R"("endTimeUnixNano":"1700000000123456790","attributes":[]},)"
      R"({"traceId":"00000000000000010000000000000002","spanId":"0000000000000004",)"
      R"("parentSpanId":"0000000000000003","name":"log","kind":1,"startTimeUnixNano":"5",)"
      R"("endTimeUnixNano":"6","attributes":[{"key":"slipstream.points","value":{"intValue":"7"}},)"
      R"({"key":"slipstream.source","value":{"stringValue":"a \"quoted\" one"}}],)"
      R"("status":{"code":2,"message":"full"}}]}]}]})");
}

TEST(OtlpJson, IsJsonWhateverAMessageHolds) {
  simdjson::dom::parser parser;
  std::string error = "\xff\x01\"\\\n";
  const auto text = otlp_json(
      {},
      std::vector{TraceSpan{.trace = {}, .id = {}, .name = kLogSpan, .times = {}, .error = error}});
  EXPECT_EQ(parser.parse(text).error(), simdjson::SUCCESS);
}

}  // namespace
}  // namespace slipstream
