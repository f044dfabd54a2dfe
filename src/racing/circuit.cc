#include "racing/circuit.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace slipstream {
namespace {

constexpr double kEasingM = 24;  // length over which steering goes in and out
constexpr double kMetresPerDegree = 111'195;

/// The mean over `width` values around each, around the ring; sums are kept.
std::vector<double> eased_around(const std::vector<double>& values, std::size_t half_width) {
  const std::size_t n = values.size();
  std::vector<double> out(n);
  const auto width = static_cast<double>(2 * half_width + 1);
  double sum = 0;
  for (std::size_t i = 0; i <= 2 * half_width; ++i) sum += values[(n - half_width + i) % n];
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = sum / width;
    sum += values[(i + half_width + 1) % n] - values[(i + n - half_width) % n];
  }
  return out;
}

double turn_between(double heading_in, double heading_out) {
  constexpr double kRound = 2 * std::numbers::pi;
  return std::remainder(heading_out - heading_in, kRound);
}

}  // namespace

Circuit::Circuit(const Layout& layout, double total_m) : total_m_(total_m) {
  lay_sections(layout);
  lay_nodes(layout);
  lay_map(layout);
}

void Circuit::lay_sections(const Layout& layout) {
  const auto& bends = layout.bends;
  const std::size_t n = bends.size();
  std::vector<double> turns(n);
  std::vector<double> tangents(n);  // from the meeting point back to where the corner begins
  std::vector<double> edges(n);     // from the bend before
  for (std::size_t i = 0; i < n; ++i) {
    const auto& before = bends[(i + n - 1) % n];
    const auto& here = bends[i];
    const auto& after = bends[(i + 1) % n];
    const double in = std::atan2(here.north_m - before.north_m, here.east_m - before.east_m);
    const double out = std::atan2(after.north_m - here.north_m, after.east_m - here.east_m);
    if (i == 0) first_heading_ = in;
    turns[i] = turn_between(in, out);
    tangents[i] = here.radius_m * std::tan(std::abs(turns[i]) / 2);
    edges[i] = std::hypot(here.east_m - before.east_m, here.north_m - before.north_m);
  }
  for (std::size_t i = 0; i < n; ++i) {
    const double straight = edges[i] - tangents[i] - tangents[(i + n - 1) % n];
    sections_.push_back({std::max(straight, 0.0), 0, 0});
    sections_.push_back({bends[i].radius_m * std::abs(turns[i]), bends[i].radius_m, turns[i]});
  }
  double length = 0;
  for (const auto& section : sections_) length += section.length_m;
  const double scale = total_m_ / length;
  for (auto& section : sections_) {
    section.length_m *= scale;
    section.radius_m *= scale;
  }
  corners_ = static_cast<std::int32_t>(n);
}

void Circuit::lay_nodes(const Layout& layout) {
  const auto count = static_cast<std::size_t>(std::ceil(total_m_));
  step_m_ = total_m_ / static_cast<double>(count);
  const double line = sections_.front().length_m * layout.start_share;
  curvature_.resize(count);
  corner_.resize(count);
  // Nodes stand for the piece of road after them; a piece's turn is shared out exactly, so that the
  // road turns once around whatever the step.
  double start = -line;
  for (std::size_t s = 0; s < sections_.size(); ++s) {
    const auto& section = sections_[s];
    const double end = start + section.length_m;
    const auto corner = static_cast<std::int32_t>(s / 2);
    for (auto node = static_cast<std::int64_t>(std::floor(start / step_m_));
         static_cast<double>(node) * step_m_ < end; ++node) {
      const double from = std::max(start, static_cast<double>(node) * step_m_);
      const double to = std::min(end, static_cast<double>(node + 1) * step_m_);
      const auto size = static_cast<std::int64_t>(count);
      const auto i = static_cast<std::size_t>((node % size + size) % size);
      if (to <= from) continue;
      if (section.length_m > 0) {
        curvature_[i] += section.turn_rad / section.length_m * (to - from) / step_m_;
      }
      corner_[i] = corner;
    }
    start = end;
  }
  const auto half_width = static_cast<std::size_t>(kEasingM / step_m_ / 2);
  curvature_ = eased_around(eased_around(curvature_, half_width), half_width);
}

void Circuit::lay_map(const Layout& layout) {
  const std::size_t n = nodes();
  std::vector<double> east(n + 1);
  std::vector<double> north(n + 1);
  double heading = first_heading_;
  for (std::size_t i = 0; i < n; ++i) {
    const double middle = heading + curvature_[i] * step_m_ / 2;
    east[i + 1] = east[i] + std::cos(middle) * step_m_;
    north[i + 1] = north[i] + std::sin(middle) * step_m_;
    heading += curvature_[i] * step_m_;
  }
  // Easing cuts corners by some metres; the whole lap shares the difference, so that it closes.
  const double east_per_degree =
      kMetresPerDegree * std::cos(layout.latitude * std::numbers::pi / 180);
  for (std::size_t i = 0; i <= n; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(n);
    latitude_.push_back(layout.latitude + (north[i] - share * north[n]) / kMetresPerDegree);
    longitude_.push_back(layout.longitude + (east[i] - share * east[n]) / east_per_degree);
  }
}

double Circuit::between(const std::vector<double>& values, double distance_m) const {
  const double place = std::clamp(distance_m / step_m_, 0.0, static_cast<double>(nodes()));
  const auto node = static_cast<std::size_t>(place);
  const double share = place - static_cast<double>(node);
  const double from = values[node % values.size()];
  return from + (values[(node + 1) % values.size()] - from) * share;
}

double Circuit::curvature_at(double distance_m) const {
  return between(curvature_, distance_m);
}

Circuit::Position Circuit::position_at(double distance_m) const {
  return {between(latitude_, distance_m), between(longitude_, distance_m)};
}

Circuit demo_circuit(double total_m) {
  return Circuit({.bends = {{60, 70, 300},
                            {330, 300, 130},
                            {570, 140, 130},
                            {520, -110, 260},
                            {630, -330, 62},
                            {440, -460, 50},
                            {270, -140, 280},
                            {80, -40, 52},
                            {30, -300, 300},
                            {130, -520, 130},
                            {0, -700, 110},
                            {-180, -580, 240},
                            {-370, -620, 100},
                            {-430, -420, 120}},
                  .start_share = 0.45,
                  .latitude = 33.5326,
                  .longitude = -86.6196},
                 total_m);
}

}  // namespace slipstream
