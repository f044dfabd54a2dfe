#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace slipstream {

/// The highest speed of a lap, which a flashback takes back as far as it was driven behind the
/// place that was gone back to: so all rises of the maximum are kept, of more than kMostRises every
/// second one. Where a flashback goes back into one of those, nothing is told until it is exceeded.
/// One thread.
class MaxSpeed {
 public:
  static constexpr std::size_t kMostRises = 48;

  /// `number`: of its point; `can_go_back`: else only the maximum is kept.
  void see(std::uint64_t number, double kmh, bool can_go_back) {
    if (!(kmh <= std::numeric_limits<double>::max())) return;
    if (!can_go_back) {
      if (rises_.empty()) rises_.emplace_back(number, kmh);
      rises_[0].second = std::max(rises_[0].second, kmh);
      return;
    }
    if (!rises_.empty() && rises_.back().first <= number && rises_.back().second >= kmh) return;
    const auto place = std::ranges::upper_bound(rises_, number, {}, &Rise::first);
    if (place != rises_.begin() && (place - 1)->second >= kmh) return;
    auto end = place;
    while (end != rises_.end() && end->second <= kmh) ++end;
    rises_.insert(rises_.erase(place, end), {number, kmh});
    if (rises_.size() > kMostRises) thin_out();
  }
  void take_back(std::uint64_t from) {
    while (!rises_.empty() && rises_.back().first >= from) {
      if (is_thinned_) at_most_ = rises_.back().second;
      rises_.pop_back();
    }
  }
  std::optional<double> kmh() const {
    if (rises_.empty() || rises_.back().second < at_most_) return std::nullopt;
    return rises_.back().second;
  }

  template <typename Archive>
  void keep(Archive& archive) {
    archive(rises_, at_most_, is_thinned_);
  }

 private:
  using Rise = std::pair<std::uint64_t, double>;

  void thin_out() {
    std::size_t kept = 0;
    for (std::size_t i = 1; i < rises_.size(); i += 2) rises_[kept++] = rises_[i];
    if (rises_.size() % 2 != 0) rises_[kept++] = rises_.back();
    rises_.resize(kept);
    is_thinned_ = true;
  }

  std::vector<Rise> rises_;  // by number, and by speed
  double at_most_ = 0;       ///< of a rise that was taken back, behind some that are not kept
  bool is_thinned_ = false;
};

}  // namespace slipstream
