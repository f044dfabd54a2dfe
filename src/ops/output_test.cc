#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ops/log_format.h"
#include "ops/metrics.h"

namespace slipstream {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kNow = 1'757'032'100'593'000'000;

TEST(LogLine, TextIsOneCalmLine) {
  EXPECT_EQ(
      text_log_line(kNow, LogLevel::kInfo, "serving {}", {{"port", "80"}, {"why", "a \"b\"\n"}}),
      R"(2025-09-05T00:28:20.593Z info  serving {}  port=80  why="a \"b\"\n")");
}

TEST(LogLine, JsonEscapesWhatSendersSent) {
  EXPECT_EQ(
      json_log_line(kNow, LogLevel::kWarn, "refused", {{"sample", "\xff\"\t"}}),
      R"({"time":"2025-09-05T00:28:20.593Z","level":"warn","message":"refused","sample":"\ufffd\"\t"})");
}

TEST(MetricsPage, IsPrometheusText) {
  MetricsPage page;
  page.counter("points_total", "Points", 3, {{"source", "udp"}});
  page.gauge("clients", "Clients", 2);
  page.counter("points_total", "Points", 4, {{"source", "http"}});
  LatencyHistogram latency;
  latency.observe_ns(200'000, 2);
  latency.observe_ns(10 * 1'000'000'000LL);
  page.histogram("wait_seconds", "Wait", latency);
  const auto text = page.text();
  EXPECT_THAT(text, testing::StartsWith("# HELP slipstream_points_total Points\n"
                                        "# TYPE slipstream_points_total counter\n"
                                        "slipstream_points_total{source=\"udp\"} 3\n"
                                        "slipstream_points_total{source=\"http\"} 4\n"
                                        "# HELP slipstream_clients Clients\n"));
  EXPECT_THAT(text, HasSubstr("slipstream_wait_seconds_count 3\n"));
  EXPECT_THAT(text, HasSubstr("slipstream_wait_seconds_bucket{le=\"0.0001\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("slipstream_wait_seconds_bucket{le=\"0.00025\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("slipstream_wait_seconds_bucket{le=\"+Inf\"} 3\n"));
}

}  // namespace
}  // namespace slipstream
