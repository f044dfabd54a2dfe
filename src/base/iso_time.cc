#include "base/iso_time.h"

#include <chrono>

#include "base/clock.h"

namespace slipstream {
namespace {

/// Reads digits off the front; nothing where one is missing.
class DigitReader {
 public:
  explicit DigitReader(std::string_view text) : rest_(text) {}

  std::optional<int> number(std::size_t digits) {
    if (rest_.size() < digits) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const int digit = rest_[i] - '0';
      if (digit < 0 || digit > 9) return std::nullopt;
      value = value * 10 + digit;
    }
    rest_.remove_prefix(digits);
    return value;
  }
  bool skip(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool done() const { return rest_.empty(); }
  /// Nanoseconds from a fraction's digits, of which there must be one.
  std::optional<std::int64_t> fraction() {
    std::int64_t ns = 0;
    std::int64_t unit = 100'000'000;
    bool any = false;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      ns += (rest_.front() - '0') * unit;
      unit /= 10;
      any = true;
      rest_.remove_prefix(1);
    }
    if (!any) return std::nullopt;
    return ns;
  }

 private:
  std::string_view rest_;
};

std::optional<int> zone_minutes(DigitReader& in) {
  if (in.done() || in.skip('Z') || in.skip('z')) return 0;
  const int sign = in.skip('+') ? 1 : in.skip('-') ? -1 : 0;
  if (sign == 0) return std::nullopt;
  const auto hours = in.number(2);
  if (!hours || *hours > 23) return std::nullopt;
  if (in.done()) return sign * *hours * 60;
  in.skip(':');
  const auto minutes = in.number(2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return sign * (*hours * 60 + *minutes);
}

void append_digits(std::string& out, std::int64_t value, int digits) {
  char buffer[12];
  for (int i = digits; i-- > 0; value /= 10) buffer[i] = static_cast<char>('0' + value % 10);
  out.append(buffer, static_cast<std::size_t>(digits));
}

}  // namespace

std::expected<std::int64_t, IsoTimeFault> read_iso_time(std::string_view text) {
  constexpr std::unexpected kMalformed(IsoTimeFault::kMalformed);
  DigitReader in(text);
  const auto year = in.number(4);
  if (!year || !in.skip('-')) return kMalformed;
  const auto month = in.number(2);
  if (!month || !in.skip('-')) return kMalformed;
  const auto day = in.number(2);
  if (!day) return kMalformed;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return kMalformed;
  std::int64_t seconds =
      std::chrono::sys_days(date).time_since_epoch().count() * std::int64_t{86'400};
  std::int64_t ns = 0;
  if (in.skip('T') || in.skip(' ') || in.skip('t')) {
    const auto hour = in.number(2);
    if (!hour || *hour > 23 || !in.skip(':')) return kMalformed;
    const auto minute = in.number(2);
    if (!minute || *minute > 59) return kMalformed;
    seconds += std::int64_t{60} * (*hour * 60 + *minute);
    if (in.skip(':')) {
      const auto second = in.number(2);
      if (!second || *second > 60) return kMalformed;
      seconds += *second;
      if (in.skip('.') || in.skip(',')) {
        const auto fraction = in.fraction();
        if (!fraction) return kMalformed;
        ns = *fraction;
      }
    }
    const auto zone = zone_minutes(in);
    if (!zone) return kMalformed;
    seconds -= std::int64_t{60} * *zone;
  }
  if (!in.done()) return kMalformed;
  if (*year < 1678 || *year > 2261) return std::unexpected(IsoTimeFault::kOutOfRange);
  return seconds * kNsPerSecond + ns;
}

std::optional<std::int64_t> parse_iso_time(std::string_view text) {
  const auto ns = read_iso_time(text);
  return ns ? std::optional(*ns) : std::nullopt;
}

void append_iso_time(std::string& out, std::int64_t ns) {
  const std::chrono::sys_time<std::chrono::nanoseconds> time{std::chrono::nanoseconds(ns)};
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{days};
  const std::chrono::hh_mm_ss clock{time - days};
  append_digits(out, static_cast<int>(date.year()), 4);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_digits(out, clock.hours().count(), 2);
  out += ':';
  append_digits(out, clock.minutes().count(), 2);
  out += ':';
  append_digits(out, clock.seconds().count(), 2);
  const std::int64_t fraction = clock.subseconds().count();
  if (fraction != 0) out += '.';
  if (fraction == 0) {
    // No fraction is none.
  } else if (fraction % kNsPerMs == 0) {
    append_digits(out, fraction / kNsPerMs, 3);
  } else if (fraction % kNsPerUs == 0) {
    append_digits(out, fraction / kNsPerUs, 6);
  } else {
    append_digits(out, fraction, 9);
  }
  out += 'Z';
}

bool is_normal_iso_time(std::string_view text) {
  constexpr std::size_t kWhole = 19;  // YYYY-MM-DDThh:mm:ss
  const std::size_t size = text.size();
  if (size <= kWhole || text[10] != 'T' || text.back() != 'Z') return false;
  if (text[kWhole - 2] == '6') return false;  // a leap second is the next one
  if (size == kWhole + 1) return true;
  const std::size_t digits = size - kWhole - 2;
  return text[kWhole] == '.' && (digits == 3 || digits == 6 || digits == 9) &&
         text.substr(size - 4, 3) != "000";
}

std::string iso_time(std::int64_t ns) {
  std::string text;
  append_iso_time(text, ns);
  return text;
}

}  // namespace slipstream
