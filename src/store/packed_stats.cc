#include "store/packed_stats.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "store/packed_format.h"

namespace slipstream {
namespace {

using namespace packed;

/// A number as JSON has it, whose exponent has a sign; or null.
bool is_packable(std::string_view number) {
  if (number == kNull) return true;
  const auto skip = [&number](char sign) {
    const bool is_there = number.starts_with(sign);
    if (is_there) number.remove_prefix(1);
    return is_there;
  };
  const auto skip_digits = [&number] {
    const auto digits = std::min(number.find_first_not_of("0123456789"), number.size());
    number.remove_prefix(digits);
    return digits > 0;
  };
  skip('-');
  if (!skip_digits()) return false;
  if (skip('.') && !skip_digits()) return false;
  if (skip('e') && ((!skip('+') && !skip('-')) || !skip_digits())) return false;
  return number.empty();
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

std::string scales_text(const FieldPlaces& places) {
  return json_array(places,
                    [](std::string& out, std::uint8_t of) { out += std::to_string(kScales[of]); });
}

}  // namespace slipstream
