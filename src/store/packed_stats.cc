#include "store/packed_stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/number_text.h"

namespace slipstream {
namespace {

constexpr std::uint8_t kMostPlaces = 9;
constexpr std::array<std::int64_t, kMostPlaces + 1> kScales = {
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};
/// Integers up to there are doubles, too.
constexpr double kMostExact = 9e15;
/// What two of them differ by, and something for damage to be told by.
constexpr double kMostWritten = 2e16;

// The statistics that fields are derived for, in this order.
constexpr std::array<std::string_view, 5> kDerivable = {"avg_", "min_", "max_", "std_", "last_"};
enum : std::size_t { kAvg, kMin, kMax, kStd, kLast };

// What the sixteen half bytes stand for; `]` goes between two fields' arrays.
constexpr std::string_view kSigns = "0123456789.,-e]";
constexpr std::uint8_t kComma = 0xB, kExponent = 0xD, kNextField = 0xE, kCommaZeroPoint = 0xF;
constexpr std::string_view kNull = "null";
constexpr std::string_view kCommaZero = ",0.";

bool is_standard(const std::vector<const Statistic*>& statistics) {
  return std::ranges::equal(statistics, kDerivable, {}, &Statistic::prefix);
}

bool is_packable(std::string_view number) {
  return number == kNull ||
         (!number.empty() && number.find_first_not_of("0123456789.-+e") == std::string_view::npos);
}

/// Without the plus sign of its exponent.
void append_packable(std::string& out, std::string_view number) {
  const auto plus = number.find('+');
  out += number.substr(0, plus);
  if (plus != std::string_view::npos) out += number.substr(plus + 1);
}

void append_integer(std::string& out, std::int64_t value) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void append_quoted(std::string& out, std::string_view name) {
  out += '"';
  out += name;
  out += '"';
}

/// The number with so many places as an integer; nothing: it has more, or is written otherwise.
std::optional<std::int64_t> integer_of(std::string_view number, std::uint8_t places) {
  constexpr std::size_t kMostDigits = 16;
  std::int64_t digits = 0;
  std::size_t count = 0;
  int behind_point = -1;
  const bool is_negative = number.starts_with('-');
  for (const char c : number.substr(is_negative ? 1 : 0)) {
    if (c == '.' && behind_point < 0) {
      behind_point = 0;
    } else if (c < '0' || c > '9' || ++count > kMostDigits) {
      return std::nullopt;
    } else {
      digits = digits * 10 + (c - '0');
      behind_point += behind_point < 0 ? 0 : 1;
    }
  }
  behind_point = std::max(behind_point, 0);
  if (behind_point > places) return std::nullopt;
  const std::int64_t scale = kScales[static_cast<std::size_t>(places - behind_point)];
  if (static_cast<double>(digits) * static_cast<double>(scale) > kMostExact) return std::nullopt;
  return (is_negative ? -digits : digits) * scale;
}

std::uint8_t places_of(std::string_view number) {
  const auto point = number.find('.');
  if (point == std::string_view::npos || number.find('e') != std::string_view::npos) return 0;
  const std::size_t places = number.size() - point - 1;
  return places > kMostPlaces ? 0 : static_cast<std::uint8_t>(places);
}

double scale_of(std::uint8_t places) {
  return static_cast<double>(kScales[places]);
}

// What a derived number comes to; packing asks them too, whether that is what it had.
char* write_scaled(char* out, std::int64_t scaled, std::uint8_t places) {
  return write_number(out, static_cast<double>(scaled) / scale_of(places));
}
char* write_mean(char* out, std::int64_t sum, std::uint64_t count, std::uint8_t places) {
  return write_figure(out,
                      static_cast<double>(sum) / (static_cast<double>(count) * scale_of(places)));
}
char* write_deviation(char* out, std::int64_t square, std::uint64_t count, std::uint8_t places) {
  return write_figure(out, std::sqrt(static_cast<double>(square)) /
                               (static_cast<double>(count) * scale_of(places)));
}

template <typename Write, typename... Of>
bool gives(std::string_view text, Write write, Of... of) {
  char written[kNumberChars];
  return text == std::string_view(written, write(written, of...));
}

std::optional<double> parse_double(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (std::abs(static_cast<double>(value)) > kMostWritten) return std::nullopt;
  return value;
}

bool is_integer(std::string_view text) {
  return text.find_first_of(".e") == std::string_view::npos && text != kNull;
}

/// Of `[1,2]][3` the half bytes.
std::string to_half_bytes(std::string_view text) {
  std::string packed;
  bool is_second = false;
  const auto put = [&](std::uint8_t sign) {
    if (is_second) {
      packed.back() = static_cast<char>(static_cast<std::uint8_t>(packed.back()) | sign);
    } else {
      packed += static_cast<char>(sign << 4);
    }
    is_second = !is_second;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',' && text.substr(i).starts_with(kCommaZero)) {
      put(kCommaZeroPoint);
      i += 2;
    } else if (text[i] == 'n') {
      put(kExponent);
      put(kExponent);
      i += kNull.size() - 1;
    } else {
      put(static_cast<std::uint8_t>(kSigns.find(text[i])));
    }
  }
  if (is_second) put(kNextField);
  return packed;
}

std::string from_half_bytes(std::string_view packed) {
  constexpr std::size_t kMostOfOne = 3;
  std::string text;
  text.resize_and_overwrite(2 * packed.size() * kMostOfOne, [&](char* const begin, std::size_t) {
    char* out = begin;
    bool was_exponent = false;
    const auto put = [&](std::uint8_t sign) {
      const bool is_null = sign == kExponent && was_exponent;
      was_exponent = sign == kExponent && !is_null;
      if (sign == kCommaZeroPoint) {
        out = std::ranges::copy(kCommaZero, out).out;
      } else if (is_null) {
        out = std::ranges::copy(kNull, out - 1).out;
      } else {
        *out++ = kSigns[sign];
      }
    };
    for (const char byte : packed) {
      const auto bits = static_cast<std::uint8_t>(byte);
      put(bits >> 4);
      put(bits & 15);
    }
    return static_cast<std::size_t>(out - begin);
  });
  return text;
}

/// Takes what stands before `separator` from the front of `rest`.
std::string_view cut(std::string_view& rest, char separator) {
  const auto end = std::min(rest.find(separator), rest.size());
  const auto piece = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return piece;
}

void append_number(std::string& out, std::string_view number) {
  const auto exponent = number.find('e');
  if (exponent == std::string_view::npos || number.substr(exponent + 1).starts_with('-')) {
    out += number;
    return;
  }
  out += number.substr(0, exponent + 1);
  out += '+';
  out += number.substr(exponent + 1);
}

/// The text of a JSON string at the front of `rest`, as it is spelled; nothing: there is none.
std::optional<std::string_view> take_string(std::string_view& rest) {
  if (!rest.starts_with('"')) return std::nullopt;
  std::size_t end = 1;
  while (end < rest.size() && rest[end] != '"') end += rest[end] == '\\' ? 2 : 1;
  if (end >= rest.size()) return std::nullopt;
  const auto text = rest.substr(1, end - 1);
  rest.remove_prefix(end + 1);
  return text;
}

std::optional<std::vector<std::string_view>> parse_names(std::string_view array) {
  if (!array.starts_with('[') || !array.ends_with(']') || array.size() < 2) return std::nullopt;
  array = array.substr(1, array.size() - 2);
  std::vector<std::string_view> names;
  while (!array.empty()) {
    const auto name = take_string(array);
    if (!name || (!array.empty() && array.front() != ',')) return std::nullopt;
    names.push_back(*name);
    array.remove_prefix(array.empty() ? 0 : 1);
  }
  return names;
}

template <typename Items, typename Append>
std::string json_array(const Items& items, Append append) {
  std::string text = "[";
  for (const auto& item : items) {
    if (text.size() > 1) text += ',';
    append(text, item);
  }
  return text + ']';
}

}  // namespace

bool StatsMatrix::read(std::string_view object) {
  fields_.clear();
  statistics_.clear();
  values_.clear();
  if (!object.starts_with('{') || !object.ends_with('}')) return false;
  std::string_view rest = object.substr(1, object.size() - 2);
  while (!rest.empty()) {
    const auto name = take_string(rest);
    if (!name || !rest.starts_with(':')) return false;
    rest.remove_prefix(1);
    const bool has_more = rest.find(',') != std::string_view::npos;
    const std::string_view number = cut(rest, ',');
    if (!is_packable(number) || (has_more && rest.empty())) return false;
    const Statistic* const statistic = statistic_of(*name);
    if (statistic == nullptr) return false;
    const std::string_view field = name->substr(statistic->prefix.size());
    // The first field tells which statistics there are.
    const bool is_of_first = fields_.empty() || (fields_.size() == 1 && fields_.front() == field);
    if (is_of_first) {
      if (fields_.empty()) fields_.push_back(field);
      statistics_.push_back(statistic);
      values_.push_back(number);
      continue;
    }
    const std::size_t place = values_.size() % statistics_.size();
    if (place == 0) fields_.push_back(field);
    if (fields_.back() != field || statistics_[place] != statistic) return false;
    values_.push_back(number);
  }
  return !values_.empty() && values_.size() == fields_.size() * statistics_.size();
}

std::string StatsMatrix::fields() const {
  return json_array(fields_, append_quoted);
}

std::string StatsMatrix::statistics() const {
  return json_array(statistics_, [](std::string& out, const Statistic* statistic) {
    append_quoted(out, statistic->name());
  });
}

FieldPlaces StatsMatrix::places() const {
  FieldPlaces places(fields_.size(), 0);
  if (!is_standard(statistics_)) return places;
  for (std::size_t field = 0; field < fields_.size(); ++field) {
    for (const auto statistic : {kMin, kMax, kLast}) {
      places[field] = std::max(places[field], places_of(value(field, statistic)));
    }
  }
  return places;
}

bool StatsMatrix::append_derived(std::string& out, std::size_t field, std::uint64_t count,
                                 std::uint8_t places) const {
  const auto least = integer_of(value(field, kMin), places);
  const auto greatest = integer_of(value(field, kMax), places);
  const auto last = integer_of(value(field, kLast), places);
  const auto mean = parse_double(value(field, kAvg));
  const auto deviation = parse_double(value(field, kStd));
  if (!least || !greatest || !last || !mean || !deviation) return false;
  if (!gives(value(field, kMin), write_scaled, *least, places) ||
      !gives(value(field, kMax), write_scaled, *greatest, places) ||
      !gives(value(field, kLast), write_scaled, *last, places)) {
    return false;
  }
  append_integer(out, *least);
  out += ',';
  append_integer(out, *greatest - *least);
  out += ',';
  append_integer(out, *last - *least);
  out += ',';
  const double scale = static_cast<double>(count) * scale_of(places);
  // An integer says the sum, or the square; anything else the mean, or the deviation, itself.
  const double least_sum = static_cast<double>(*least) * static_cast<double>(count);
  const double sum = std::round(*mean * scale);
  if (std::abs(sum) < kMostExact && std::abs(least_sum) < kMostExact &&
      gives(value(field, kAvg), write_mean, static_cast<std::int64_t>(sum), count, places)) {
    append_integer(out, static_cast<std::int64_t>(sum) - *least * static_cast<std::int64_t>(count));
  } else if (!is_integer(value(field, kAvg))) {
    append_packable(out, value(field, kAvg));
  } else {
    return false;
  }
  out += ',';
  const double square = std::round(*deviation * scale * (*deviation * scale));
  if (square < kMostExact && gives(value(field, kStd), write_deviation,
                                   static_cast<std::int64_t>(square), count, places)) {
    append_integer(out, static_cast<std::int64_t>(square));
  } else if (!is_integer(value(field, kStd))) {
    append_packable(out, value(field, kStd));
  } else {
    return false;
  }
  return true;
}

std::string StatsMatrix::pack(std::uint64_t count, const FieldPlaces& places) const {
  const bool can_derive = is_standard(statistics_) && count > 0;
  std::string text;
  std::string literal;
  std::string derived;
  for (std::size_t field = 0; field < fields_.size(); ++field) {
    if (field > 0) text += ']';
    const std::string_view first = value(field, 0);
    bool is_constant = statistics_.front()->prefix != kDerivable[kStd];
    literal = "0";
    for (std::size_t i = 0; i < statistics_.size(); ++i) {
      const bool is_zero = statistics_[i]->prefix == kDerivable[kStd];
      is_constant = is_constant && value(field, i) == (is_zero ? "0" : first);
      literal += ',';
      append_packable(literal, value(field, i));
    }
    if (is_constant) {
      append_packable(text, first);
      continue;
    }
    derived.clear();
    const bool is_shorter = can_derive && append_derived(derived, field, count, places[field]) &&
                            derived.size() < literal.size();
    text += is_shorter ? derived : literal;
  }
  return to_half_bytes(text);
}

std::optional<StatsUnpacker> StatsUnpacker::of(std::string_view fields, std::string_view statistics,
                                               std::string_view scales) {
  const auto names = parse_names(fields);
  const auto figures = parse_names(statistics);
  auto places = parse_scales(scales);
  if (!names || !figures || figures->empty() || !places || places->size() != names->size()) {
    return std::nullopt;
  }
  StatsUnpacker unpacker;
  for (const std::string_view figure : *figures) {
    const auto* const known = std::ranges::find(kStatistics, figure, &Statistic::name);
    if (known == kStatistics.end()) return std::nullopt;
    unpacker.statistics_.push_back(known);
  }
  for (const std::string_view name : *names) {
    for (const Statistic* statistic : unpacker.statistics_) {
      unpacker.members_.push_back(fmt::format(",\"{}{}\":", statistic->prefix, name));
    }
  }
  unpacker.places_ = std::move(*places);
  return unpacker;
}

bool StatsUnpacker::append(std::string& out, std::string_view packed, std::uint64_t count) const {
  constexpr std::size_t kMostItems = kStatistics.size() + 1;
  const std::string text = from_half_bytes(packed);
  std::string_view rest = text;
  const std::size_t per_field = statistics_.size();
  const bool can_derive = is_standard(statistics_) && count > 0;
  auto member = members_.begin();
  for (const std::uint8_t places : places_) {
    std::string_view array = cut(rest, ']');
    std::array<std::string_view, kMostItems> items;
    std::size_t size = 0;
    while (!array.empty() && size < kMostItems) items[size++] = cut(array, ',');
    if (size == 0 || !array.empty()) return false;
    char written[kNumberChars];
    if (size == 1) {
      for (const Statistic* statistic : statistics_) {
        out += *member++;
        append_number(out, statistic->prefix == kDerivable[kStd] ? "0" : items[0]);
      }
    } else if (size == per_field + 1) {
      for (std::size_t i = 0; i < per_field; ++i) {
        out += *member++;
        append_number(out, items[i + 1]);
      }
    } else if (size == per_field && can_derive) {
      const auto least = parse_integer(items[0]);
      const auto range = parse_integer(items[1]);
      const auto last = parse_integer(items[2]);
      if (!least || !range || !last) return false;
      const auto put = [&](const char* end) {
        out += *member++;
        out += std::string_view(written, end);
      };
      const auto put_either = [&](std::string_view item, auto write) {
        if (!is_integer(item)) {
          out += *member++;
          append_number(out, item);
          return true;
        }
        const auto number = parse_integer(item);
        if (number) put(write(*number));
        return number.has_value();
      };
      const double least_sum = static_cast<double>(*least) * static_cast<double>(count);
      if (is_integer(items[3]) && std::abs(least_sum) > kMostExact) return false;
      if (!put_either(items[3], [&](std::int64_t more) {
            return write_mean(written, *least * static_cast<std::int64_t>(count) + more, count,
                              places);
          })) {
        return false;
      }
      put(write_scaled(written, *least, places));
      put(write_scaled(written, *least + *range, places));
      if (!put_either(items[4], [&](std::int64_t square) {
            return write_deviation(written, square, count, places);
          })) {
        return false;
      }
      put(write_scaled(written, *least + *last, places));
    } else {
      return false;
    }
  }
  return rest.empty();
}

std::string scales_text(const FieldPlaces& places) {
  return json_array(places,
                    [](std::string& out, std::uint8_t of) { out += std::to_string(kScales[of]); });
}

std::optional<FieldPlaces> parse_scales(std::string_view text) {
  if (!text.starts_with('[') || !text.ends_with(']') || text.size() < 2) return std::nullopt;
  text = text.substr(1, text.size() - 2);
  FieldPlaces places;
  while (!text.empty()) {
    const auto scale = parse_integer(cut(text, ','));
    const auto known = std::ranges::find(kScales, scale.value_or(0));
    if (known == kScales.end()) return std::nullopt;
    places.push_back(static_cast<std::uint8_t>(known - kScales.begin()));
  }
  return places;
}

}  // namespace slipstream
