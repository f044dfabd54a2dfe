#include "ops/metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <sstream>

namespace slipstream {
namespace {

prometheus::ClientMetric with_labels(Labels labels) {
  prometheus::ClientMetric metric;
  for (auto& [name, value] : labels) metric.label.push_back({std::move(name), std::move(value)});
  return metric;
}

}  // namespace

prometheus::MetricFamily& MetricsPage::family(std::string_view name, std::string_view help,
                                              prometheus::MetricType type) {
  const std::string full = "slipstream_" + std::string(name);
  const auto known = std::ranges::find(families_, full, &prometheus::MetricFamily::name);
  if (known != families_.end()) return *known;
  prometheus::MetricFamily added;
  added.name = full;
  added.help = help;
  added.type = type;
  return families_.emplace_back(std::move(added));
}

void MetricsPage::counter(std::string_view name, std::string_view help, double value,
                          Labels labels) {
  auto metric = with_labels(std::move(labels));
  metric.counter.value = value;
  family(name, help, prometheus::MetricType::Counter).metric.push_back(std::move(metric));
}

void MetricsPage::gauge(std::string_view name, std::string_view help, double value, Labels labels) {
  auto metric = with_labels(std::move(labels));
  metric.gauge.value = value;
  family(name, help, prometheus::MetricType::Gauge).metric.push_back(std::move(metric));
}

void MetricsPage::histogram(std::string_view name, std::string_view help,
                            const LatencyHistogram& histogram, Labels labels) {
  auto metric = with_labels(std::move(labels));
  BucketExemplars exemplars;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i <= LatencyHistogram::kBoundsSeconds.size(); ++i) {
    cumulative += histogram.bucket_count(i);
    const double bound = i < LatencyHistogram::kBoundsSeconds.size()
                             ? LatencyHistogram::kBoundsSeconds[i]
                             : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, bound});
    exemplars[i] = histogram.exemplar(i);
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = histogram.sum_seconds();
  auto& known = family(name, help, prometheus::MetricType::Histogram);
  if (std::ranges::any_of(exemplars, [](const auto& one) { return one.has_value(); })) {
    exemplars_.emplace(std::pair(known.name, known.metric.size()), std::move(exemplars));
  }
  known.metric.push_back(std::move(metric));
}

std::string MetricsPage::text() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families_);
  return out.str();
}

}  // namespace slipstream
