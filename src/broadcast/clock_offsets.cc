#include "broadcast/clock_offsets.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace slipstream {
namespace {

/// In the unit that a person would choose.
std::string duration(std::int64_t ms) {
  const double seconds = std::abs(static_cast<double>(ms)) * 1e-3;
  if (seconds < 600) return fmt::format("{:.1f} s", seconds);
  if (seconds < 36'000) return fmt::format("{:.1f} min", seconds / 60);
  if (seconds < 864'000) return fmt::format("{:.1f} h", seconds / 3'600);
  return fmt::format("{:.0f} days", seconds / 86'400);
}

}  // namespace

void ClockOffsets::add(EventTime event, ArrivalTime arrival) {
  // In doubles, since the difference of two times may be too large for their own type.
  const double ms = (static_cast<double>(floor_to_ms(arrival).ns) - static_cast<double>(event.ns)) /
                    static_cast<double>(kNsPerMs);
  if (size_ == kPoints) {
    ms_[next_] = static_cast<float>(ms);
    next_ = static_cast<std::uint8_t>((next_ + 1) % kPoints);
    return;
  }
  if (size_ == room_) {
    room_ = static_cast<std::uint8_t>(std::clamp<int>(2 * room_, 4, kPoints));
    auto more = std::make_unique<float[]>(room_);
    std::copy_n(ms_.get(), size_, more.get());
    ms_ = std::move(more);
  }
  ms_[size_++] = static_cast<float>(ms);
}

std::int64_t ClockOffsets::median_ms() const {
  if (size_ == 0) return 0;
  std::array<float, kPoints> sorted;
  std::copy_n(ms_.get(), size_, sorted.begin());
  const auto end = sorted.begin() + size_;
  const auto upper = sorted.begin() + size_ / 2;
  std::nth_element(sorted.begin(), upper, end);
  const double middle = *upper;
  const double median =
      size_ % 2 == 1 ? middle : (middle + *std::max_element(sorted.begin(), upper)) / 2;
  return std::llround(median);
}

std::string ClocksOff::to_sentence(std::int64_t told_offset_ms) const {
  std::string out = fmt::format("{} clock{} off by more than {}:", machines,
                                machines == 1 ? " is" : "s are", duration(told_offset_ms));
  for (std::size_t i = 0; i < furthest.size(); ++i) {
    const Machine& machine = furthest[i];
    out += fmt::format("{} {} on {} is {} {}", i == 0 ? "" : ",", machine.chassis, machine.track,
                       duration(machine.offset_ms), machine.offset_ms < 0 ? "ahead" : "behind");
  }
  if (machines > furthest.size()) out += fmt::format(", and {} more", machines - furthest.size());
  const bool has_behind =
      std::ranges::any_of(furthest, [](const Machine& machine) { return machine.offset_ms > 0; });
  if (has_behind) {
    out += " (behind is also what is sent long after it was measured: recordings, full buffers)";
  }
  return out;
}

}  // namespace slipstream
