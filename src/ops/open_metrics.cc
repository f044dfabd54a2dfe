#include "ops/open_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "base/letter_case.h"

namespace slipstream {
namespace {

constexpr std::string_view kTotal = "_total";
constexpr std::string_view kUnits[] = {"seconds", "bytes", "ratio"};

std::string real_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

/// A bound is a number with a point, so that a series keeps its name.
std::string bound_text(double bound) {
  std::string text = real_text(bound);
  if (text.find_first_of(".eIN") == std::string::npos) text += ".0";
  return text;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

class OpenMetricsWriter {
 public:
  explicit OpenMetricsWriter(const ExemplarsByMetric& exemplars) : exemplars_(exemplars) {}

  void family(const prometheus::MetricFamily& family) {
    name_ = family.name;
    const bool is_counter = family.type == prometheus::MetricType::Counter;
    if (is_counter && name_.ends_with(kTotal)) name_.resize(name_.size() - kTotal.size());
    const bool is_histogram = family.type == prometheus::MetricType::Histogram;
    out_ += fmt::format("# TYPE {} {}\n", name_,
                        is_counter     ? "counter"
                        : is_histogram ? "histogram"
                                       : "gauge");
    for (const std::string_view unit : kUnits) {
      if (name_.ends_with(fmt::format("_{}", unit))) {
        out_ += fmt::format("# UNIT {} {}\n", name_, unit);
      }
    }
    out_ += fmt::format("# HELP {} {}\n", name_, escaped(family.help));
    for (std::size_t i = 0; i < family.metric.size(); ++i) {
      const auto& metric = family.metric[i];
      if (is_histogram) {
        const auto exemplars = exemplars_.find({family.name, i});
        histogram(metric, exemplars == exemplars_.end() ? nullptr : &exemplars->second);
      } else if (is_counter) {
        sample(kTotal, metric, "", metric.counter.value);
      } else {
        sample("", metric, "", metric.gauge.value);
      }
    }
  }

  std::string text() && { return std::move(out_) + "# EOF\n"; }

 private:
  /// `more`: a label beside the metric's own, as it is written.
  void sample(std::string_view suffix, const prometheus::ClientMetric& metric,
              std::string_view more, double value) {
    out_ += name_;
    out_ += suffix;
    std::string labels;
    for (const auto& label : metric.label) {
      labels +=
          fmt::format(R"({}{}="{}")", labels.empty() ? "" : ",", label.name, escaped(label.value));
    }
    if (!more.empty()) labels += fmt::format("{}{}", labels.empty() ? "" : ",", more);
    if (!labels.empty()) out_ += '{' + labels + '}';
    out_ += ' ' + real_text(value) + '\n';
  }

  void histogram(const prometheus::ClientMetric& metric, const BucketExemplars* exemplars) {
    const auto& buckets = metric.histogram.bucket;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
      sample("_bucket", metric, fmt::format(R"(le="{}")", bound_text(buckets[i].upper_bound)),
             static_cast<double>(buckets[i].cumulative_count));
      if (exemplars != nullptr && (*exemplars)[i]) exemplar(*(*exemplars)[i]);
    }
    sample("_count", metric, "", static_cast<double>(metric.histogram.sample_count));
    sample("_sum", metric, "", metric.histogram.sample_sum);
  }

  /// Behind the sample that was written last.
  void exemplar(const Exemplar& one) {
    out_.pop_back();
    out_ += fmt::format(" # {{trace_id=\"{}\"}} {} {:.3f}\n", one.trace_id, real_text(one.seconds),
                        one.at);
  }

  const ExemplarsByMetric& exemplars_;
  std::string name_;  ///< of the family in hand
  std::string out_;
};

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// The pieces of a list, without blanks around.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(separator, begin), text.size());
    pieces.push_back(trimmed(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return pieces;
}

struct AcceptedType {
  std::string_view type;
  std::string_view version = {};
  double quality = 1;
};

AcceptedType accepted_type(std::string_view item) {
  const auto pieces = split(item, ';');
  AcceptedType accepted{.type = pieces.front()};
  for (std::size_t i = 1; i < pieces.size(); ++i) {
    const auto equals = pieces[i].find('=');
    if (equals == std::string_view::npos) continue;
    const auto name = trimmed(pieces[i].substr(0, equals));
    const auto value = trimmed(pieces[i].substr(equals + 1));
    if (name == "version") accepted.version = value;
    if (name == "q") std::from_chars(value.data(), value.data() + value.size(), accepted.quality);
  }
  return accepted;
}

}  // namespace

std::string open_metrics_text(const std::vector<prometheus::MetricFamily>& families,
                              const ExemplarsByMetric& exemplars) {
  OpenMetricsWriter writer(exemplars);
  for (const auto& family : families) writer.family(family);
  return std::move(writer).text();
}

bool accepts_open_metrics(std::string_view accept) {
  double open_metrics = 0;
  double text = 0;
  std::string lower(accept);
  std::ranges::transform(lower, lower.begin(), small_letter);
  for (const std::string_view item : split(lower, ',')) {
    const AcceptedType accepted = accepted_type(item);
    const bool is_known_version = accepted.version.empty() || accepted.version == "1.0.0";
    if (accepted.type == "application/openmetrics-text" && is_known_version) {
      open_metrics = std::max(open_metrics, accepted.quality);
    } else if (accepted.type == "text/plain" || accepted.type == "text/*") {
      text = std::max(text, accepted.quality);
    }
  }
  return open_metrics > 0 && open_metrics >= text;
}

}  // namespace slipstream
