#include "codec/event_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "base/iso_time.h"
#include "codec/csv_text.h"

namespace slipstream {
namespace {

constexpr std::size_t kShownTimeBytes = 60;
constexpr std::int64_t kMaxNs = std::numeric_limits<std::int64_t>::max();

/// Nanoseconds in what a number of this size counts.
std::int64_t unit_of(std::int64_t value) {
  return value < 100'000'000'000           ? kNsPerSecond
         : value < 100'000'000'000'000     ? kNsPerMs
         : value < 100'000'000'000'000'000 ? kNsPerUs
                                           : 1;
}

std::optional<std::int64_t> time_from_double(double value) {
  if (!(value >= 0) || !(value < static_cast<double>(kMaxNs))) return std::nullopt;
  const double whole = std::floor(value);
  const auto time = time_from_integer(static_cast<std::int64_t>(whole));
  if (!time) return std::nullopt;
  const auto unit = static_cast<double>(unit_of(static_cast<std::int64_t>(whole)));
  const std::int64_t fraction = std::llround((value - whole) * unit);
  if (fraction > kMaxNs - *time) return std::nullopt;
  return *time + fraction;
}

/// 2024, 202406, 20240601.
bool is_date_in_digits(std::string_view text) {
  const bool is_whole = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  const bool is_of_our_time = text.starts_with("19") || text.starts_with("20");
  return is_whole &&
         (text.size() == 4 || (is_of_our_time && (text.size() == 6 || text.size() == 8)));
}

}  // namespace

std::optional<std::int64_t> time_from_integer(std::int64_t value) {
  if (value < 0) return std::nullopt;
  const std::int64_t unit = unit_of(value);
  if (value > kMaxNs / unit) return std::nullopt;
  return value * unit;
}

std::optional<std::int64_t> time_from_number(std::string_view text) {
  const auto number = parse_number(text);
  if (!number) return std::nullopt;
  text = trim_blanks(text);
  if (text.front() == '+') text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  std::int64_t whole = 0;
  const auto [behind, error] = std::from_chars(text.data(), end, whole);
  const bool is_plain = error == std::errc{} && text.front() != '-' &&
                        (behind == end || *behind == '.') &&
                        text.find_first_of("eE") == std::string_view::npos;
  if (!is_plain) return time_from_double(*number);
  const auto time = time_from_integer(whole);
  if (!time || behind == end) return time;
  std::int64_t fraction = 0;
  std::int64_t unit = unit_of(whole);
  for (const char* digit = behind + 1; digit != end && unit > 1; ++digit) {
    unit /= 10;
    fraction += (*digit - '0') * unit;
  }
  if (fraction > kMaxNs - *time) return std::nullopt;
  return *time + fraction;
}

bool is_before_2000(std::string_view text) {
  constexpr std::int64_t kYear2000 = 946'684'800 * kNsPerSecond;
  return time_from_number(text).value_or(0) < kYear2000;
}

Result<EventTime> asked_time(std::string_view text) {
  if (is_date_in_digits(text)) {
    return fail(fmt::format(
        "'{}' would be seconds since 1970: a date is written 2024-06-01 or 2024-06-01T12:00:00Z",
        text));
  }
  auto ns = parse_iso_time(text);
  if (!ns) ns = time_from_number(text);
  if (ns) return EventTime{*ns};
  const auto shown = text.substr(0, kShownTimeBytes);
  if (const auto blank = text.rfind(' '); blank != std::string_view::npos) {
    std::string signed_text(text);
    signed_text[blank] = '+';
    if (parse_iso_time(signed_text)) {
      return fail(fmt::format(
          "'{}' has a blank where its offset's + was: in a URL a + is written %2B", shown));
    }
  }
  return fail(fmt::format(
      "'{}' is no time: ISO 8601 (2024-06-01T12:00:00Z) or a number since 1970 is", shown));
}

}  // namespace slipstream
