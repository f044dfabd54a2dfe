#include "history/trace.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "racing/lap_path.h"

namespace slipstream {
namespace {

constexpr double kGapPeriods = 3;
constexpr double kNull = std::numeric_limits<double>::quiet_NaN();

/// The least and the greatest of a field in a part of the axis, and which came first.
struct Extremes {
  double min = kNull;
  double max = kNull;
  std::size_t min_at = 0;
  std::size_t max_at = 0;

  void see(double value, std::size_t at) {
    if (std::isnan(value)) return;
    if (std::isnan(min) || value < min) {
      min = value;
      min_at = at;
    }
    if (std::isnan(max) || value > max) {
      max = value;
      max_at = at;
    }
  }
  double first() const { return min_at <= max_at ? min : max; }
  double second() const { return min_at <= max_at ? max : min; }
};

class TraceMaker {
 public:
  TraceMaker(const TraceSource& source, std::size_t rows) : source_(source) {
    trace_.of = source.time_s.size();
    for (const auto* field : source.fields) {
      trace_.fields.push_back({.name = field->name, .values = {}});
    }
    for (std::size_t i = 0; i < source.x.size(); ++i) {
      if (!std::isnan(source.x[i])) kept_.push_back(i);
    }
    max_gap_s_ = kGapPeriods * usual_step(source.time_s, source.time_s);
    if (rows == 0 || kept_.size() <= rows || !make_parts(rows)) make_raw();
  }
  Trace take() { return std::move(trace_); }

 private:
  bool is_gap(std::size_t before, std::size_t behind) const {
    return max_gap_s_ > 0 && source_.time_s[behind] - source_.time_s[before] > max_gap_s_;
  }
  void add_null(double x) {
    trace_.x.push_back(x);
    for (auto& field : trace_.fields) field.values.push_back(kNull);
  }

  void make_raw() {
    std::optional<std::size_t> last;
    for (const std::size_t i : kept_) {
      if (last && is_gap(*last, i)) add_null((source_.x[*last] + source_.x[i]) / 2);
      trace_.x.push_back(source_.x[i]);
      for (std::size_t f = 0; f < trace_.fields.size(); ++f) {
        trace_.fields[f].values.push_back(source_.fields[f]->values[i]);
      }
      last = i;
    }
  }

  /// False: all points are at one place.
  bool make_parts(std::size_t rows) {
    const auto [least, most] =
        std::ranges::minmax_element(kept_, {}, [&](std::size_t i) { return source_.x[i]; });
    begin_ = source_.x[*least];
    const std::size_t parts = std::max<std::size_t>(1, rows / 2);
    width_ = (source_.x[*most] - begin_) / static_cast<double>(parts);
    if (!(width_ > 0)) return false;
    std::vector<std::vector<std::size_t>> members(parts);
    std::vector<std::optional<std::size_t>> gap_to(parts);  // the part with which one ends
    std::vector<bool> has_gap(parts);                       // within it
    std::optional<std::size_t> last;
    std::size_t last_part = 0;
    for (const std::size_t i : kept_) {
      const auto part = std::min(
          parts - 1, static_cast<std::size_t>(std::max(0.0, (source_.x[i] - begin_) / width_)));
      if (last && is_gap(*last, i)) {
        if (part == last_part) {
          has_gap[part] = true;
        } else {
          gap_to[last_part] = part;
        }
      }
      members[part].push_back(i);
      last = i;
      last_part = part;
    }
    for (std::size_t part = 0; part < parts; ++part) {
      if (!members[part].empty()) add_part(part, members[part], has_gap[part]);
      if (!gap_to[part]) continue;
      // Between the last row before it and the first behind it.
      const auto from = static_cast<double>(part) + 0.75;
      const auto to = static_cast<double>(*gap_to[part]) + 0.25;
      add_null(begin_ + (from + to) / 2 * width_);
    }
    return true;
  }

  void add_part(std::size_t part, const std::vector<std::size_t>& members, bool has_gap) {
    const double begin = begin_ + static_cast<double>(part) * width_;
    std::vector<Extremes> extremes(trace_.fields.size());
    for (std::size_t f = 0; f < extremes.size(); ++f) {
      for (const std::size_t i : members) extremes[f].see(source_.fields[f]->values[i], i);
    }
    trace_.x.push_back(begin + width_ / 4);
    for (std::size_t f = 0; f < extremes.size(); ++f) {
      trace_.fields[f].values.push_back(extremes[f].first());
    }
    if (has_gap) add_null(begin + width_ / 2);
    trace_.x.push_back(begin + width_ * 3 / 4);
    for (std::size_t f = 0; f < extremes.size(); ++f) {
      trace_.fields[f].values.push_back(extremes[f].second());
    }
  }

  const TraceSource& source_;
  Trace trace_;
  std::vector<std::size_t> kept_;
  double max_gap_s_ = 0;
  double begin_ = 0;
  double width_ = 0;
};

}  // namespace

Trace make_trace(const TraceSource& source, std::size_t rows) {
  return TraceMaker(source, rows).take();
}

}  // namespace slipstream
