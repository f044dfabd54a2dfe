#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace slipstream {

/// Event time from a number since 1970: seconds, milli-, micro- or nanoseconds by its size (below
/// 1e11, 1e14, 1e17, and above). Nothing where it is negative, or beyond the year 2262.
std::optional<std::int64_t> time_from_integer(std::int64_t value);
/// The same from a number's text, blanks around it allowed. Exact to the nanosecond, digits beyond
/// are cut off; with an exponent, as exact as a double. Nothing where the text is no number, too.
std::optional<std::int64_t> time_from_number(std::string_view text);
/// A number that would be a time before the year 2000, or none at all: under a name that is not the
/// configured one it rather counts from a session's start, or is no time.
bool is_before_2000(std::string_view text);
/// A time that a person asks for: ISO 8601, or a number as in a point. Refused, with what to write
/// in its place, is a number that looks like a date (a year alone), which it is not meant as where
/// it counts seconds, and a blank where the sign of an offset was before a URL was read.
Result<EventTime> asked_time(std::string_view text);

}  // namespace slipstream
