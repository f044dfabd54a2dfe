#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <ranges>
#include <string_view>

namespace slipstream {

/// How many letters one must put in, take out or change to make the one of the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The name that somebody who wrote `name` may have meant; nothing where none is near. Of several
/// the first.
template <std::ranges::input_range Names>
std::optional<std::string_view> nearest_name(std::string_view name, const Names& known) {
  constexpr std::size_t kFar = 4;
  std::optional<std::string_view> nearest;
  std::size_t least = kFar;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    // One that has no letter of the other is near no name.
    if (distance >= std::min(least, std::max(name.size(), candidate.size()))) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace slipstream
