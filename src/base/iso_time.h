#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipstream {

/// Nanoseconds since 1970 from ISO 8601: `YYYY-MM-DD`, then nothing or `T` (or a blank) and
/// `hh:mm[:ss[.fraction]]`, then nothing (UTC), `Z` or `±hh[:]mm`. Digits of a fraction beyond the
/// ninth are cut off; a leap second (:60) is the second after. Nothing where the text is no such
/// time, the calendar does not have the day, or 64 bits cannot hold it (1678 to 2261 fit).
std::optional<std::int64_t> parse_iso_time(std::string_view text);

/// Appends `YYYY-MM-DDThh:mm:ss.fffZ`, with 6 or 9 digits of fraction where 3 would lose some.
void append_iso_time(std::string& out, std::int64_t ns);
std::string iso_time(std::int64_t ns);

}  // namespace slipstream
