#pragma once
#include <prometheus/metric_family.h>

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/counters.h"

namespace slipstream {

/// The exemplars of a histogram's buckets.
using BucketExemplars =
    std::array<std::optional<Exemplar>, LatencyHistogram::kBoundsSeconds.size() + 1>;
/// By the family's name and the number of the metric in it.
using ExemplarsByMetric = std::map<std::pair<std::string, std::size_t>, BucketExemplars>;

/// Families as OpenMetrics 1.0.0 writes them: units, `# EOF`, and of histograms the exemplars,
/// which Prometheus's own text has no place for.
std::string open_metrics_text(const std::vector<prometheus::MetricFamily>& families,
                              const ExemplarsByMetric& exemplars);

inline constexpr std::string_view kOpenMetricsType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Whether who sends that Accept would rather have OpenMetrics than Prometheus's text.
bool accepts_open_metrics(std::string_view accept);

}  // namespace slipstream
