#include "ops/open_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ops/metrics.h"

namespace slipstream {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST(OpenMetrics, HasUnitsAnEndAndCountersWithoutTotalInTheirFamilysName) {
  MetricsPage page;
  page.counter("points_total", "Points \"in\"", 3, {{"source", "u\"d\\p"}});
  page.gauge("wal_bytes", "Of a file", 2.5);
  const auto text = page.open_metrics();
  EXPECT_THAT(text, StartsWith("# TYPE slipstream_points counter\n"
                               "# HELP slipstream_points Points \\\"in\\\"\n"
                               "slipstream_points_total{source=\"u\\\"d\\\\p\"} 3\n"
                               "# TYPE slipstream_wal_bytes gauge\n"
                               "# UNIT slipstream_wal_bytes bytes\n"));
  EXPECT_THAT(text, EndsWith("\nslipstream_wal_bytes 2.5\n# EOF\n"));
}

TEST(OpenMetrics, ABucketHasItsNewestExemplar) {
  LatencyHistogram latency;
  latency.observe_ns(200'000, 2);
  latency.exemplify(150'000, "11", 1'700'000'000'000'000'000);
  latency.exemplify(200'000, "22", 1'700'000'001'500'000'000);
  latency.observe_ns(10 * 1'000'000'000LL);
  latency.exemplify(10 * 1'000'000'000LL, "33", 1'700'000'002'000'000'000);
  MetricsPage page;
  page.histogram("wait_seconds", "Wait", latency, {{"to", "a"}});
  const auto text = page.open_metrics();
  EXPECT_THAT(text, HasSubstr("slipstream_wait_seconds_bucket{to=\"a\",le=\"0.0001\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("slipstream_wait_seconds_bucket{to=\"a\",le=\"0.00025\"} 2 "
                              "# {trace_id=\"22\"} 0.0002 1700000001.500\n"));
  EXPECT_THAT(text, HasSubstr("slipstream_wait_seconds_bucket{to=\"a\",le=\"1.0\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("slipstream_wait_seconds_bucket{to=\"a\",le=\"+Inf\"} 3 "
                              "# {trace_id=\"33\"} 10 1700000002.000\n"));
  EXPECT_THAT(text, HasSubstr("slipstream_wait_seconds_count{to=\"a\"} 3\n"));
  EXPECT_THAT(page.text(), testing::Not(HasSubstr("trace_id")));
}

TEST(OpenMetrics, IsGivenToWhoWouldRatherHaveIt) {
  const char* const wanted[] = {
      "application/openmetrics-text; version=1.0.0",
      "application/openmetrics-text",
      "Application/OpenMetrics-Text;Version=1.0.0;q=0.5, text/plain;q=0.3, */*;q=0.1",
      "text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0;q=0.5",
  };
  for (const auto* const accept : wanted) EXPECT_TRUE(accepts_open_metrics(accept)) << accept;
  const char* const not_wanted[] = {
      "",
      "*/*",
      "text/plain;version=0.0.4",
      "application/openmetrics-text;version=0.0.1",
      "application/openmetrics-text;version=1.0.0;q=0",
      "text/plain,application/openmetrics-text;version=1.0.0;q=0.5",
  };
  for (const auto* const accept : not_wanted) EXPECT_FALSE(accepts_open_metrics(accept)) << accept;
}

}  // namespace
}  // namespace slipstream
