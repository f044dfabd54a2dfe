#include "racing/track_length.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace slipstream {

void TrackLength::see(double lapdist_m) {
  furthest_m_ = std::max(furthest_m_, lapdist_m);
}

void TrackLength::cross_line(double before_m, double after_m, double driven_m) {
  crossings_.push_back(before_m + driven_m - after_m);
  if (crossings_.size() > kMostCrossings) crossings_.pop_front();
  std::vector<double> lengths(crossings_.begin(), crossings_.end());
  const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2);
  std::ranges::nth_element(lengths, middle);
  metres_ = *middle;
}

void TrackLength::cross_sector(std::int32_t sector, double before_m, double after_m) {
  if (sector < 0 || static_cast<std::size_t>(sector) >= kMostSectors) return;
  Boundary& boundary = sectors_[static_cast<std::size_t>(sector)];
  if (boundary.after_m < 0) {
    boundary = {before_m, after_m};
    return;
  }
  boundary.before_m = std::max(boundary.before_m, before_m);
  boundary.after_m = std::min(boundary.after_m, after_m);
}

double TrackLength::sector_begin_within_m(std::int32_t sector) const {
  if (sector_begin_m(sector) < 0) return std::numeric_limits<double>::infinity();
  const Boundary& boundary = sectors_[static_cast<std::size_t>(sector)];
  // Where points contradict each other (noise, another table of sectors) nothing is known.
  if (boundary.before_m > boundary.after_m) return std::numeric_limits<double>::infinity();
  return (boundary.after_m - boundary.before_m) / 2;
}

double TrackLength::sector_begin_m(std::int32_t sector) const {
  if (sector < 0 || static_cast<std::size_t>(sector) >= kMostSectors) return -1;
  const Boundary& boundary = sectors_[static_cast<std::size_t>(sector)];
  return boundary.after_m < 0 ? -1 : (boundary.before_m + boundary.after_m) / 2;
}

}  // namespace slipstream
