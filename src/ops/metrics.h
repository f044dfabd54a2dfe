#pragma once
#include <prometheus/metric_family.h>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/counters.h"
#include "ops/open_metrics.h"

namespace slipstream {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// A counter's value as Prometheus takes it.
double real(std::integral auto value) {
  return static_cast<double>(value);
}

/// A moment's figures, gathered by whoever is asked for /metrics, as Prometheus text. Names are
/// given without the "slipstream_" that all of them get. One thread.
class MetricsPage {
 public:
  void counter(std::string_view name, std::string_view help, double value, Labels labels = {});
  void gauge(std::string_view name, std::string_view help, double value, Labels labels = {});
  void histogram(std::string_view name, std::string_view help, const LatencyHistogram& histogram,
                 Labels labels = {});
  /// Text format 0.0.4; families in order of first mention, a family's metrics together.
  std::string text() const;
  /// OpenMetrics 1.0.0, in the same order, with the histograms' exemplars.
  std::string open_metrics() const { return open_metrics_text(families_, exemplars_); }

 private:
  prometheus::MetricFamily& family(std::string_view name, std::string_view help,
                                   prometheus::MetricType type);

  std::vector<prometheus::MetricFamily> families_;
  ExemplarsByMetric exemplars_;
};

}  // namespace slipstream
