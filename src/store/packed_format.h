#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "base/number_text.h"
#include "model/statistic.h"

namespace slipstream::packed {

/// What packing and unpacking statistics go by alike; docs/store.md has the format.

inline constexpr std::uint8_t kMostPlaces = 9;
inline constexpr std::array<std::int64_t, kMostPlaces + 1> kScales = {
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};
/// Integers up to there are doubles, too.
inline constexpr double kMostExact = 9e15;

/// The statistics that fields are derived for, in this order.
inline constexpr std::array<std::string_view, 5> kDerivable = {"avg_", "min_", "max_", "std_",
                                                               "last_"};
enum : std::size_t { kAvg, kMin, kMax, kStd, kLast };

inline bool is_standard(const std::vector<const Statistic*>& statistics) {
  return std::ranges::equal(statistics, kDerivable, {}, &Statistic::prefix);
}

/// What the sixteen half bytes stand for; `]` goes between two fields' arrays, and the last one is
/// kCommaZero.
inline constexpr std::string_view kSigns = "0123456789.,-e]";
inline constexpr std::uint8_t kExponent = 0xD, kNextField = 0xE, kCommaZeroPoint = 0xF;
inline constexpr std::string_view kCommaZero = ",0.";
inline constexpr std::string_view kNull = "null";  ///< twice kExponent

/// Takes what stands before `separator` from the front of `rest`.
inline std::string_view cut(std::string_view& rest, char separator) {
  const auto end = std::min(rest.find(separator), rest.size());
  const auto piece = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return piece;
}

/// The text of a JSON string at the front of `rest`, as it is spelled; nothing: there is none.
inline std::optional<std::string_view> take_string(std::string_view& rest) {
  if (!rest.starts_with('"')) return std::nullopt;
  std::size_t end = 1;
  while (end < rest.size() && rest[end] != '"') end += rest[end] == '\\' ? 2 : 1;
  if (end >= rest.size()) return std::nullopt;
  const auto text = rest.substr(1, end - 1);
  rest.remove_prefix(end + 1);
  return text;
}

inline double scale_of(std::uint8_t places) {
  return static_cast<double>(kScales[places]);
}

// What a derived number comes to; packing asks them too, whether that is what it had. Each returns
// the end of what it wrote, at most kNumberChars.

inline char* write_scaled(char* out, std::int64_t scaled, std::uint8_t places) {
  auto digits = static_cast<std::uint64_t>(scaled);
  if (scaled < 0) {
    *out++ = '-';
    digits = 0 - digits;
  }
  while (places > 0 && digits % 10 == 0) {
    digits /= 10;
    --places;
  }
  constexpr std::size_t kMost = 20;  // digits and a point
  char text[2 * kMost];
  char* const end = text + kMost;
  char* at = end;
  const auto put = [&] {
    *--at = static_cast<char>('0' + digits % 10);
    digits /= 10;
  };
  for (int place = 0; place < places; ++place) put();
  if (places > 0) *--at = '.';
  do {
    put();
  } while (digits > 0);
  std::memcpy(out, at, kMost);  // so many that it takes no call
  return out + (end - at);
}
inline char* write_mean(char* out, std::int64_t sum, std::uint64_t count, std::uint8_t places) {
  return write_figure(out,
                      static_cast<double>(sum) / (static_cast<double>(count) * scale_of(places)));
}
inline char* write_deviation(char* out, std::int64_t square, std::uint64_t count,
                             std::uint8_t places) {
  return write_figure(out, std::sqrt(static_cast<double>(square)) /
                               (static_cast<double>(count) * scale_of(places)));
}

}  // namespace slipstream::packed
