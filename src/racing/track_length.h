#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace slipstream {

/// What cars that drive around a track tell of it: its length, from crossings of the line, and
/// where its sectors end, from the points on both sides. Memory: some kilobytes. Threads: one.
class TrackLength {
 public:
  static constexpr std::size_t kMostCrossings = 31;
  static constexpr std::size_t kMostSectors = 64;

  /// Of a point at that distance.
  void see(double lapdist_m);
  /// A crossing of the line, from `before_m` to `after_m`, on which a car drove `driven_m`.
  void cross_line(double before_m, double after_m, double driven_m);
  /// One from the sector before `sector` into it.
  void cross_sector(std::int32_t sector, double before_m, double after_m);

  /// 0: no car has crossed the line yet.
  double metres() const { return metres_; }
  /// The length as far as it is known: at least what any car has told.
  double at_least_m() const { return metres_ > 0 ? metres_ : furthest_m_; }
  /// Where the sector begins; a negative number: nobody has been seen to enter it.
  double sector_begin_m(std::int32_t sector) const;
  /// How far off that may be; infinite where nobody has been seen to enter it.
  double sector_begin_within_m(std::int32_t sector) const;

  /// What it knows of sectors (racing/state_archive.h).
  template <typename Archive>
  void keep_sectors(Archive& archive) {
    for (Boundary& boundary : sectors_) archive(boundary.after_m, boundary.before_m);
  }

 private:
  struct Boundary {
    double before_m = 0;  ///< the furthest point before it
    double after_m = -1;  ///< the first one behind it; negative: none
  };

  double metres_ = 0;
  double furthest_m_ = 0;
  std::deque<double> crossings_;  ///< lengths that the newest crossings tell
  std::array<Boundary, kMostSectors> sectors_;
};

}  // namespace slipstream
