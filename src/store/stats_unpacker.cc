#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "store/packed_format.h"
#include "store/packed_stats.h"

namespace slipstream {
namespace {

using namespace packed;

constexpr std::size_t kMostItems = kStatistics.size() + 1;
/// What two exact integers differ by, and something for damage to be told by.
constexpr std::int64_t kMostWritten = 20'000'000'000'000'000;
constexpr std::ptrdiff_t kMostDigits = 17;
/// Most names of members are no longer: copied with one instruction or two.
constexpr std::size_t kNameChunk = 32;

/// What a byte stands for.
struct ByteText {
  char text[2 * kCommaZero.size() + 1] = {};
  std::uint8_t size = 0;
};
constexpr auto kByteTexts = [] {
  std::array<ByteText, 256> texts{};
  for (std::size_t byte = 0; byte < texts.size(); ++byte) {
    for (const std::size_t sign : {byte >> 4, byte & 15}) {
      const auto text = sign == kCommaZeroPoint ? kCommaZero : kSigns.substr(sign, 1);
      for (const char c : text) texts[byte].text[texts[byte].size++] = c;
    }
  }
  return texts;
}();

/// With a `]` at the end; null is `ee`.
std::string from_half_bytes(std::string_view packed) {
  std::string text;
  text.resize_and_overwrite((packed.size() + 1) * sizeof(ByteText), [&](char* begin, std::size_t) {
    char* out = begin;
    for (const char byte : packed) {
      const ByteText& of = kByteTexts[static_cast<std::uint8_t>(byte)];
      std::memcpy(out, of.text, sizeof of.text);
      out += of.size;
    }
    if (out == begin || out[-1] != ']') *out++ = ']';
    return static_cast<std::size_t>(out - begin);
  });
  return text;
}

/// A number as it is packed.
struct Item {
  std::string_view text;
  std::int64_t integer = 0;
  bool is_integer = false;
  const char* exponent = nullptr;  ///< behind its `e`; nullptr: it has none
};

/// Reads one from where it begins to the `,` or `]` behind it, one of which comes; nullptr: it is
/// no number.
const char* read_item(const char* const begin, Item& item) {
  const auto is_digit = [](char c) { return static_cast<unsigned char>(c - '0') < 10; };
  const auto skip_digits = [&is_digit](const char* at) {
    while (is_digit(*at)) ++at;
    return at;
  };
  const bool is_negative = *begin == '-';
  const char* const first = begin + (is_negative ? 1 : 0);
  const char* at = first;
  std::uint64_t digits = 0;
  for (; is_digit(*at); ++at) digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
  item.is_integer = at - first <= kMostDigits;
  item.exponent = nullptr;
  const bool is_null = !is_negative && at == first && at[0] == 'e' && at[1] == 'e';
  if (at == first && !is_null) return nullptr;
  if (*at == '.') {
    item.is_integer = false;
    const char* const places = at + 1;
    at = skip_digits(places);
    if (at == places) return nullptr;
  }
  if (is_null) {
    item.is_integer = false;
    at += 2;
  } else if (*at == 'e') {
    item.is_integer = false;
    item.exponent = ++at;
    if (*at == '-') ++at;
    const char* const power = at;
    at = skip_digits(power);
    if (at == power) return nullptr;
  }
  if (*at != ',' && *at != ']') return nullptr;
  item.text = {begin, at};
  const auto size = static_cast<std::int64_t>(digits);
  item.integer = is_negative ? -size : size;
  return at;
}

char* write_text(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* write_item(char* out, const Item& item) {
  if (item.text.front() == 'e') return write_text(out, kNull);
  if (item.exponent == nullptr || *item.exponent == '-') return write_text(out, item.text);
  out = write_text(out, {item.text.data(), item.exponent});
  *out++ = '+';
  return write_text(out, {item.exponent, item.text.data() + item.text.size()});
}

bool is_exact(const Item& item) {
  return item.is_integer && item.integer <= kMostWritten && item.integer >= -kMostWritten;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
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

}  // namespace

char* StatsUnpacker::write_name(char* out, std::size_t member) const {
  const Name name = members_[member];
  const char* const from = names_.data() + name.begin;
  std::memcpy(out, from, kNameChunk);
  if (name.size > kNameChunk) std::memcpy(out, from, name.size);
  return out + name.size;
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
  std::string& all = unpacker.names_;
  for (const std::string_view name : *names) {
    for (const Statistic* statistic : unpacker.statistics_) {
      const auto begin = all.size();
      all.append(",\"").append(statistic->prefix).append(name).append("\":");
      unpacker.members_.push_back({begin, all.size() - begin});
    }
  }
  all.append(kNameChunk, '\0');  // a chunk of the last one is read beyond it
  unpacker.places_ = std::move(*places);
  unpacker.is_standard_ = is_standard(unpacker.statistics_);
  return unpacker;
}

bool StatsUnpacker::append(std::string& out, std::string_view packed, std::uint64_t count) const {
  const std::string text = from_half_bytes(packed);
  // A number may stand for all statistics of a field, however long it is.
  const std::size_t room = names_.size() + members_.size() * (kNumberChars + 1) +
                           statistics_.size() * text.size() + kNameChunk;
  const std::size_t before = out.size();
  bool is_whole = false;
  out.resize_and_overwrite(before + room, [&](char* begin, std::size_t) {
    char* const end = write(begin + before, text, count);
    is_whole = end != nullptr;
    return is_whole ? static_cast<std::size_t>(end - begin) : before;
  });
  return is_whole;
}

char* StatsUnpacker::write(char* out, std::string_view text, std::uint64_t count) const {
  const std::size_t per_field = statistics_.size();
  const bool can_derive = is_standard_ && count > 0;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  std::size_t member = 0;
  std::array<Item, kMostItems> items;
  for (const std::uint8_t places : places_) {
    if (at == end) return nullptr;
    std::size_t size = 0;
    while (true) {
      if (size == kMostItems || (at = read_item(at, items[size++])) == nullptr) return nullptr;
      if (*at++ == ']') break;
    }
    if (size == 1) {
      for (const Statistic* statistic : statistics_) {
        out = write_name(out, member++);
        const bool is_zero = statistic->prefix == kDerivable[kStd];
        out = is_zero ? write_text(out, "0") : write_item(out, items[0]);
      }
    } else if (size == per_field + 1) {
      for (std::size_t i = 1; i < size; ++i) {
        out = write_name(out, member++);
        out = write_item(out, items[i]);
      }
    } else if (size == per_field && can_derive) {
      const Item& mean = items[3];
      const Item& deviation = items[4];
      if (!is_exact(items[0]) || !is_exact(items[1]) || !is_exact(items[2])) return nullptr;
      const std::int64_t least = items[0].integer;
      const auto points = static_cast<std::int64_t>(count);
      out = write_name(out, member++);
      if (mean.is_integer) {
        const double least_sum = static_cast<double>(least) * static_cast<double>(count);
        if (!is_exact(mean) || std::abs(least_sum) > kMostExact) return nullptr;
        out = write_mean(out, least * points + mean.integer, count, places);
      } else {
        out = write_item(out, mean);
      }
      out = write_scaled(write_name(out, member++), least, places);
      out = write_scaled(write_name(out, member++), least + items[1].integer, places);
      out = write_name(out, member++);
      if (deviation.is_integer) {
        if (!is_exact(deviation)) return nullptr;
        out = write_deviation(out, deviation.integer, count, places);
      } else {
        out = write_item(out, deviation);
      }
      out = write_scaled(write_name(out, member++), least + items[2].integer, places);
    } else {
      return nullptr;
    }
  }
  return at == end ? out : nullptr;
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
