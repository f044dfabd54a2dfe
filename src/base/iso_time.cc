#include "base/iso_time.h"

#include <array>
#include <chrono>
#include <cstring>

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

constexpr auto kPairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

/// So many digits of a number, with leading zeros.
template <std::size_t kCount>
char* write_digits(char* out, std::uint32_t number) {
  std::size_t left = kCount;
  for (; left >= 2; number /= 100, left -= 2) {
    std::memcpy(out + left - 2, &kPairs[number % 100 * 2], 2);
  }
  if (left == 1) *out = static_cast<char>('0' + number);
  return out + kCount;
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

char* IsoTimeWriter::write(char* out, std::int64_t ns) {
  auto second = ns / kNsPerSecond;
  auto fraction = ns % kNsPerSecond;
  if (fraction < 0) {
    fraction += kNsPerSecond;
    --second;
  }
  if (second != second_) begin_second(second);
  std::memcpy(out, text_.data(), text_.size());
  out += text_.size();
  if (fraction != 0) {
    const auto part = static_cast<std::uint32_t>(fraction);
    *out++ = '.';
    if (part % kNsPerMs == 0) {
      out = write_digits<3>(out, part / static_cast<std::uint32_t>(kNsPerMs));
    } else if (part % kNsPerUs == 0) {
      out = write_digits<6>(out, part / static_cast<std::uint32_t>(kNsPerUs));
    } else {
      out = write_digits<9>(out, part);
    }
  }
  *out++ = 'Z';
  return out;
}

void IsoTimeWriter::begin_second(std::int64_t second) {
  const std::chrono::sys_seconds time{std::chrono::seconds(second)};
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{days};
  const auto of_day = static_cast<std::uint32_t>((time - days).count());
  char* out = text_.data();
  out = write_digits<4>(out, static_cast<std::uint32_t>(static_cast<int>(date.year())));
  *out++ = '-';
  out = write_digits<2>(out, static_cast<unsigned>(date.month()));
  *out++ = '-';
  out = write_digits<2>(out, static_cast<unsigned>(date.day()));
  *out++ = 'T';
  out = write_digits<2>(out, of_day / 3'600);
  *out++ = ':';
  out = write_digits<2>(out, of_day / 60 % 60);
  *out++ = ':';
  write_digits<2>(out, of_day % 60);
  second_ = second;
}

void append_iso_time(std::string& out, std::int64_t ns) {
  char text[kIsoTimeChars];
  out.append(text, IsoTimeWriter().write(text, ns));
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
