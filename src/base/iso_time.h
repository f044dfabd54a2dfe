#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace slipstream {

/// Nanoseconds since 1970 from ISO 8601: `YYYY-MM-DD`, then nothing or `T` (or a blank) and
/// `hh:mm[:ss[.fraction]]`, then nothing (UTC), `Z` or `±hh[:]mm`. Digits of a fraction beyond the
/// ninth are cut off; a leap second (:60) is the second after. Nothing where the text is no such
/// time, the calendar does not have the day, or 64 bits cannot hold it (1678 to 2261 fit).
std::optional<std::int64_t> parse_iso_time(std::string_view text);
/// The same, but why there is none: the text is no such time, or one that 64 bits cannot hold.
enum class IsoTimeFault : std::uint8_t { kMalformed, kOutOfRange };
std::expected<std::int64_t, IsoTimeFault> read_iso_time(std::string_view text);

/// The normal form, in which all times go out: `YYYY-MM-DDThh:mm:ss[.f]Z`, in UTC, the fraction of
/// 3, 6 or 9 digits, as few as lose nothing, or not there.
void append_iso_time(std::string& out, std::int64_t ns);
inline constexpr std::size_t kIsoTimeChars = 30;  ///< at most
std::string iso_time(std::int64_t ns);
/// Whether a text that parse_iso_time() takes is in the normal form.
bool is_normal_iso_time(std::string_view text);

/// Writes times in the normal form, the quicker where times of one second follow one another.
/// One thread.
class IsoTimeWriter {
 public:
  /// Returns the end of what it wrote: at most kIsoTimeChars bytes.
  char* write(char* out, std::int64_t ns);

 private:
  void begin_second(std::int64_t second);

  std::int64_t second_ = std::numeric_limits<std::int64_t>::min();  ///< that `text_` tells
  std::array<char, 19> text_{};
};

}  // namespace slipstream
