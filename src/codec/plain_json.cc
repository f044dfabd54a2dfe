#include "codec/plain_json.h"

#include <bit>

#include "base/byte_words.h"
#include "codec/draft_filler.h"

namespace slipstream {
namespace {

constexpr std::size_t kMaxDigits = PlainNumber::kMaxDigits;

constexpr std::uint64_t kIntegerPowers[] = {1,      10,      100,       1'000,
                                            10'000, 100'000, 1'000'000, 10'000'000};

std::uint64_t eight_digits(std::uint64_t word) {
  word = (word * 10 + (word >> 8)) & 0x00ff00ff00ff00ff;
  word = (word * 100 + (word >> 16)) & 0x0000ffff0000ffff;
  return (word * 10'000 + (word >> 32)) & 0xffffffff;
}

/// Eight bytes at a time, without a branch for each (D. Lemire, "Number Parsing at a Gigabyte per
/// Second", Software: Practice and Experience 51(8), 2021). Reads up to seven bytes too many; stops
/// where the digits are too many for a plain number.
const char* read_digits(const char* at, std::uint64_t& digits, std::size_t& count) {
  while (true) {
    const std::uint64_t word = word_at(at) ^ ('0' * kEachByte);
    const std::uint64_t others = (word | (word + 0x76 * kEachByte)) & kHighBits;
    if (others == 0) {
      digits = digits * 100'000'000 + eight_digits(word);
      at += 8;
      count += 8;
      if (count > kMaxDigits) return at;
      continue;
    }
    const auto n = static_cast<std::size_t>(std::countr_zero(others)) / 8;
    if (n == 0) return at;
    digits = digits * kIntegerPowers[n] + eight_digits(word << (64 - n * 8));
    count += n;
    return at + n;
  }
}

/// nullptr when it is not a plain number.
const char* read_number(const char* at, PlainNumber& number) {
  number.negative = *at == '-';
  if (number.negative) ++at;
  const char first = *at;
  std::size_t count = 0;
  at = read_digits(at, number.digits, count);
  if (count == 0 || (first == '0' && count > 1)) return nullptr;
  if (*at == '.') {
    const std::size_t whole = count;
    at = read_digits(at + 1, number.digits, count);
    number.fraction = count - whole;
    if (number.fraction == 0 || number.digits > PlainNumber::kMaxExact) return nullptr;
  }
  if (count > kMaxDigits || *at == 'e' || *at == 'E') return nullptr;
  return at;
}

/// Returns the closing quote, or nullptr when the text is not plain.
const char* closing_quote(const char* at, const char* end) {
  for (; at < end; at += 8) {
    const std::uint64_t stops = json_string_stops(word_at(at));
    if (stops == 0) continue;
    at += std::countr_zero(stops) / 8;
    return at < end && *at == '"' ? at : nullptr;
  }
  return nullptr;
}

}  // namespace

/// The member whose name begins at `at`, which moves behind its colon; nullptr when it is not
/// known.
inline Member* PlainJson::member_at(const char*& at, const char* end, Member& previous) {
  Member* member = previous.likely_next;
  const auto fits = [&] { return end - at > static_cast<std::ptrdiff_t>(member->name().size()); };
  if (member == nullptr || !fits() || !member->is_spelled(at)) {
    const char* const quote = closing_quote(at, end);
    if (quote == nullptr) return nullptr;
    member = members_.find({at, static_cast<std::size_t>(quote - at)});
    if (member == nullptr) return nullptr;
    previous.likely_next = member;
  }
  at += member->name().size() + 1;
  return *at++ == ':' ? member : nullptr;
}

std::size_t PlainJson::read(std::string_view text, Draft& draft) {
  const char* at = text.data();
  const char* const end = at + text.size();
  if (text.empty() || *at++ != '{') return 0;
  Member* member = &members_.start();
  do {
    if (*at++ != '"') return 0;
    member = member_at(at, end, *member);
    if (member == nullptr) return 0;
    if (*at == '"') {
      const char* const begin = ++at;
      const char* const quote = closing_quote(begin, end);
      if (quote == nullptr) return 0;
      if (!DraftFiller::take_plain_text(*member, {begin, static_cast<std::size_t>(quote - begin)},
                                        draft))
        return 0;
      at = quote + 1;
    } else {
      PlainNumber number;
      const char* const behind = read_number(at, number);
      if (behind == nullptr) return 0;
      if (!DraftFiller::take_plain_number(*member, number,
                                          {at, static_cast<std::size_t>(behind - at)}, draft))
        return 0;
      at = behind;
    }
  } while (at < end && *at++ == ',');
  // What was read behind the end, in the padding, does not count.
  if (at > end || at[-1] != '}') return 0;
  const auto length = static_cast<std::size_t>(at - text.data());
  draft.json = text.substr(0, length);
  return length;
}

}  // namespace slipstream
