#include "codec/json_decoder.h"

#include <fmt/format.h>

#include <cstring>

#include "base/letter_case.h"
#include "codec/csv_text.h"
#include "codec/json_scan.h"

namespace slipstream {
namespace {

namespace sj = simdjson;
using sj::ondemand::json_type;

constexpr int kMaxNesting = 32;
constexpr std::size_t kShownTokenBytes = 40;

std::unexpected<Rejection> malformed(std::string_view what) {
  return reject(RejectReason::kMalformedJson, fmt::format("not valid JSON: {}", what));
}
std::unexpected<Rejection> malformed(sj::error_code code) {
  if (code == sj::MEMALLOC) throw std::bad_alloc();  // no fault of the text's
  return malformed(sj::error_message(code));
}

/// `nullx` has the type of null but is an error.
bool is_null(sj::ondemand::value& value) {
  bool answer = false;
  return value.is_null().get(answer) == sj::SUCCESS && answer;
}

/// simdjson 3.0 takes a number of more digits than 64 bits hold for another one where it begins
/// with "0.": its overflow check looks at the leading zeros only.
sj::error_code read_number(sj::ondemand::value& value, double& number) {
  constexpr std::size_t kCertainBytes = 19;
  const auto token = json_trimmed(value.raw_json_token());
  const auto error = value.get_double().get(number);
  if (error || token.size() <= kCertainBytes) return error;
  const auto exact = parse_number(token);
  if (!exact) return sj::NUMBER_ERROR;
  number = *exact;
  return sj::SUCCESS;
}

/// What programs write of a double that is none: NaN, Infinity, -inf.
bool is_no_number(std::string_view token) {
  if (token.starts_with('-') || token.starts_with('+')) token.remove_prefix(1);
  std::string small;
  for (const char c : token.substr(0, 3)) small += small_letter(c);
  return small == "nan" || small == "inf";
}

std::unexpected<Rejection> no_number_of_json(const Member& member, std::string_view token) {
  return malformed(fmt::format("'{}' is {}, which JSON does not have: leave it out, or send null",
                               member.name(), token.substr(0, kShownTokenBytes)));
}

/// A member's name with its quotes, from what stands behind the first of them.
std::string_view key_at(const char* name) {
  const char* end = name;
  while (*end != '"') end += *end == '\\' ? 2 : 1;
  return {name - 1, static_cast<std::size_t>(end + 1 - (name - 1))};
}

/// Whether another member or the object's end follows.
bool ends_value(const char* behind) {
  while (is_json_space(*behind)) ++behind;
  return *behind == ',' || *behind == '}';
}

/// On-Demand checks only what is read; what goes on to browsers unread must be checked all the
/// same.
bool is_valid(sj::ondemand::value value, int depth) {
  json_type type;
  if (depth > kMaxNesting || value.type().get(type) != sj::SUCCESS) return false;
  switch (type) {
    case json_type::array: {
      sj::ondemand::array array;
      if (value.get_array().get(array) != sj::SUCCESS) return false;
      for (auto element : array) {
        sj::ondemand::value inner;
        if (element.get(inner) != sj::SUCCESS || !is_valid(inner, depth + 1)) return false;
      }
      return true;
    }
    case json_type::object: {
      sj::ondemand::object object;
      if (value.get_object().get(object) != sj::SUCCESS) return false;
      for (auto member : object) {
        sj::ondemand::field field;
        std::string_view key;
        if (std::move(member).get(field) != sj::SUCCESS) return false;
        if (field.unescaped_key().get(key) != sj::SUCCESS) return false;
        if (!is_valid(field.value(), depth + 1)) return false;
      }
      return true;
    }
    case json_type::number:
      return value.get_double().error() == sj::SUCCESS;
    case json_type::string:
      return value.get_string().error() == sj::SUCCESS;
    case json_type::boolean:
      return value.get_bool().error() == sj::SUCCESS;
    case json_type::null:
      return is_null(value);
  }
  return false;
}

}  // namespace

JsonDecoder::JsonDecoder(DraftFiller& filler)
    : filler_(filler), plain_(filler.members()), mark_reader_(filler.builder()) {}

std::size_t JsonDecoder::decode(std::string_view text, const TextOrigin& origin,
                                RejectionSink& rejections) {
  marks_ = 0;
  const std::size_t elements = decode_text(text, origin, rejections);
  return elements - marks_;
}

std::size_t JsonDecoder::decode_lines(std::string_view text, const TextOrigin& origin,
                                      RejectionSink& rejections) {
  marks_ = 0;
  const std::size_t elements = decode_lines(bare_text(text), origin, 0, rejections);
  return elements - marks_;
}

std::size_t JsonDecoder::decode_text(std::string_view text, const TextOrigin& origin,
                                     RejectionSink& rejections) {
  text = json_trimmed(bare_text(text));
  if (text.empty()) return 0;
  if (text.front() == '[') return decode_array(text, origin, 0, rejections);
  if (const std::size_t taken = take_plain(text, "\n", origin, 0, rejections); taken > 0) {
    return 1 + decode_lines(text.substr(taken), origin, 1, rejections);
  }
  if (is_json_lines(text)) return decode_lines(text, origin, 0, rejections);
  decode_document(text, origin, 0, rejections);
  return 1;
}

std::size_t JsonDecoder::decode_lines(std::string_view text, const TextOrigin& origin,
                                      std::size_t index, RejectionSink& rejections) {
  const std::size_t first = index;
  while (!text.empty()) {
    if (const std::size_t taken = take_plain(text, "\n", origin, index, rejections); taken > 0) {
      text.remove_prefix(taken);
      ++index;
      continue;
    }
    const auto newline = text.find('\n');
    const auto line = json_trimmed(text.substr(0, newline));
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    if (line.empty()) continue;
    if (line.front() == '[') {
      index += decode_array(line, origin, index, rejections);
    } else {
      decode_document(line, origin, index++, rejections);
    }
  }
  return index - first;
}

/// Decodes the plain point at the start of `text`, if one of `ends` or the end of the text follows
/// it. Returns the bytes taken, the end among them; 0 when there is none.
std::size_t JsonDecoder::take_plain(std::string_view text, std::string_view ends,
                                    const TextOrigin& origin, std::size_t index,
                                    RejectionSink& rejections) {
  filler_.begin();
  std::size_t taken = plain_.read(text, filler_.draft());
  if (taken == 0 || taken > filler_.max_json_bytes(origin)) return 0;
  if (taken < text.size() && text[taken] == '\r') ++taken;
  if (taken < text.size()) {
    if (ends.find(text[taken]) == std::string_view::npos) return 0;
    ++taken;
  }
  if (auto outcome = filler_.finish(origin); !outcome) {
    rejections.rejected(index, outcome.error(), filler_.draft().json);
  }
  return taken;
}

void JsonDecoder::decode_document(std::string_view text, const TextOrigin& origin,
                                  std::size_t index, RejectionSink& rejections) {
  auto outcome = decode_single(text, origin);
  if (!outcome && filler_.is_mark()) {
    outcome = mark_reader_.take(text, origin);
    if (outcome) ++marks_;
  }
  if (!outcome) rejections.rejected(index, outcome.error(), text);
}

JsonDecoder::Outcome JsonDecoder::decode_single(std::string_view text, const TextOrigin& origin) {
  if (text.size() > filler_.max_json_bytes(origin)) return filler_.check_size(text, "point");
  sj::ondemand::document document;
  if (const auto e =
          parser_.iterate(text.data(), text.size(), text.size() + kPadding).get(document)) {
    return malformed(e);
  }
  json_type type;
  if (const auto e = document.type().get(type)) return malformed(e);
  if (type != json_type::object) {
    sj::dom::parser whole;
    if (const auto e = whole.parse(text.data(), text.size()).error()) return malformed(e);
    return reject(RejectReason::kNotAnObject, "a point must be a JSON object");
  }
  sj::ondemand::object object;
  if (const auto e = document.get_object().get(object)) return malformed(e);
  if (auto outcome = decode_object(object, text); !outcome) return outcome;
  if (document.current_location().error() != sj::OUT_OF_BOUNDS) {
    return malformed("more text after the object");
  }
  return filler_.finish(origin);
}

std::size_t JsonDecoder::decode_array(std::string_view text, const TextOrigin& origin,
                                      std::size_t index, RejectionSink& rejections) {
  const std::size_t first = index;
  std::size_t done = 1;
  while (text[done - 1] != ']') {
    const std::size_t taken = take_plain(text.substr(done), ",]", origin, index, rejections);
    if (taken == 0) break;
    done += taken;
    ++index;
  }
  if (index > first) {
    const bool closed = text[done - 1] == ']';
    return index - first +
           decode_elements(text.substr(closed ? done - 1 : done), text[done - 1] == ',', origin,
                           index, rejections);
  }
  sj::ondemand::document document;
  sj::ondemand::array array;
  const char* rest = text.data() + 1;
  const char* const end = text.data() + text.size();
  bool after_comma = false;
  const auto& limit = filler_.builder().schema().options().max_point_bytes;
  const auto rest_by_hand = [&] {
    return index - first +
           decode_elements({rest, static_cast<std::size_t>(end - rest)}, after_comma, origin, index,
                           rejections);
  };
  if (parser_.iterate(text.data(), text.size(), text.size() + kPadding).get(document) !=
          sj::SUCCESS ||
      document.get_array().get(array) != sj::SUCCESS) {
    return rest_by_hand();
  }
  for (auto element : array) {
    sj::ondemand::value value;
    sj::ondemand::object object;
    std::string_view raw;
    if (element.get(value) != sj::SUCCESS || value.get_object().get(object) != sj::SUCCESS ||
        object.raw_json().get(raw) != sj::SUCCESS || object.reset().error() != sj::SUCCESS) {
      return rest_by_hand();
    }
    // It goes on to where the next token begins.
    raw = json_trimmed(raw);
    const char* behind = raw.data() + raw.size();
    while (behind != end && is_json_space(*behind)) ++behind;
    if (raw.size() > limit || behind == end || (*behind != ',' && *behind != ']')) {
      return rest_by_hand();
    }
    if (!decode_object(object, raw) || !filler_.finish(origin)) {
      // Where exactly the parser stands after an error is not known; by hand it is refused alone.
      return rest_by_hand();
    }
    ++index;
    rest = behind;
    after_comma = *rest == ',';
    if (!after_comma) break;
    ++rest;
  }
  return rest_by_hand();
}

std::size_t JsonDecoder::decode_elements(std::string_view text, bool after_comma,
                                         const TextOrigin& origin, std::size_t index,
                                         RejectionSink& rejections) {
  const std::size_t first = index;
  const auto refuse = [&](std::string_view what, std::string_view sample) {
    rejections.rejected(index++, malformed(what).error(), sample);
  };
  while (true) {
    if (const std::size_t taken = take_plain(text, ",", origin, index, rejections); taken > 0) {
      after_comma = text[taken - 1] == ',';  // else it was the last, and the array is not closed
      text.remove_prefix(taken);
      ++index;
      continue;
    }
    const std::size_t length = json_element_length(text);
    const auto element = json_trimmed(text.substr(0, length));
    if (!element.empty()) decode_document(element, origin, index++, rejections);
    if (length == text.size()) {
      refuse("the array is not closed", text);
      break;
    }
    const bool closes = text[length] != ',';
    if (element.empty() && (after_comma || !closes)) refuse("a value is missing", text);
    text.remove_prefix(length + 1);
    if (closes) {
      if (!json_trimmed(text).empty()) refuse("more text after the array", text);
      break;
    }
    after_comma = true;
  }
  return index - first;
}

/// nullptr when the name has a bad escape.
inline Member* JsonDecoder::member_of(const char* name, sj::ondemand::field& field,
                                      Member*& previous) {
  if (Member* likely = previous->likely_next; likely != nullptr && likely->is_spelled(name)) {
    return previous = likely;
  }
  std::string_view key;
  if (field.unescaped_key().get(key) != sj::SUCCESS) return nullptr;
  Member& member = filler_.members().find_or_add(key);
  if (member.is_plain() && filler_.members().is_remembered(member)) {
    previous->likely_next = &member;
    previous = &member;
  }
  return &member;
}

JsonDecoder::Outcome JsonDecoder::decode_object(sj::ondemand::object& object,
                                                std::string_view text) {
  filler_.begin();
  filler_.draft().json = text;
  Member* previous = &filler_.members().start();
  for (auto result : object) {
    sj::ondemand::field field;
    if (const auto e = std::move(result).get(field)) return malformed(e);
    const char* const name = field.key().raw();
    Member* const member = member_of(name, field, previous);
    if (member == nullptr) return malformed("a member's name has a bad escape");
    // What most members are: a number under a known name.
    if (double number; member->role == MemberRole::kField && member->interned &&
                       read_number(field.value(), number) == sj::SUCCESS) {
      filler_.builder().add_value(filler_.draft(), member->id, number);
      continue;
    }
    if (auto outcome = decode_member(*member, name, field.value()); !outcome) return outcome;
  }
  return {};
}

/// `name` is what stands behind the first quote of its name.
JsonDecoder::Outcome JsonDecoder::decode_member(Member& member, const char* name,
                                                sj::ondemand::value& value) {
  json_type type;
  if (const auto e = value.type().get(type)) {
    const auto token = json_trimmed(value.raw_json_token());
    if (e == sj::MEMALLOC || !is_no_number(token)) return malformed(e);
    return no_number_of_json(member, token);
  }
  switch (type) {
    case json_type::number:
      return decode_number(member, name, value);
    case json_type::string:
      return decode_text(member, name, value);
    case json_type::null:
      return decode_null(member, value);
    case json_type::object:
      if (member.role == MemberRole::kTags) return decode_tags(member, value);
      break;
    default:
      break;
  }
  if (!is_valid(value, 0)) return malformed(fmt::format("in member '{}'", member.name()));
  return filler_.take_other(member);
}

JsonDecoder::Outcome JsonDecoder::decode_number(Member& member, const char* name,
                                                sj::ondemand::value& value) {
  const auto literal = json_trimmed(value.raw_json_token());
  double number;
  if (const auto e = read_number(value, number); !e) {
    if (member.role == MemberRole::kTime) filler_.draft().time_literal = literal;
    if (member.role != MemberRole::kSynonym) return filler_.take_number(member, literal, number);
    filler_.take_synonym(
        {.member = &member, .key = key_at(name), .literal = literal, .text = {}, .number = number});
    return {};
  } else if (member.role != MemberRole::kTime) {
    return reject(RejectReason::kBadNumber,
                  fmt::format("'{}' is no finite number: {}", member.name(), sj::error_message(e)));
  }
  return reject(RejectReason::kBadTime,
                fmt::format("'{}' is no time since 1970 in s, ms, us or ns", member.name()));
}

JsonDecoder::Outcome JsonDecoder::decode_text(Member& member, const char* name,
                                              sj::ondemand::value& value) {
  // Without a backslash the text stands in the input as it is; the parser has checked that it ends.
  const auto literal = json_trimmed(value.raw_json_token());
  const char* const begin = literal.data() + 1;
  const char* end = begin;
  while (*end != '"' && *end != '\\') ++end;
  std::string_view text{begin, static_cast<std::size_t>(end - begin)};
  // A string that is looked at and not read is skipped together with a colon behind it, as a name.
  if (*end == '"' && !ends_value(end + 1))
    return malformed(fmt::format("in member '{}'", member.name()));
  if (*end != '"' && value.get_string().get(text) != sj::SUCCESS) {
    return malformed(fmt::format("a bad escape in member '{}'", member.name()));
  }
  if (text.empty() && member.role == MemberRole::kTime) {
    filler_.take_nothing(member, literal);
    return {};
  }
  if (member.role == MemberRole::kSynonym) {
    filler_.take_synonym({.member = &member,
                          .key = key_at(name),
                          .literal = literal,
                          .text = text,
                          .is_text = true});
    return {};
  }
  if (member.role == MemberRole::kTime) filler_.draft().time_literal = literal;
  return filler_.take_text(member, text);
}

/// Tags where all of its members are texts; else it is no more than another object.
JsonDecoder::Outcome JsonDecoder::decode_tags(Member& member, sj::ondemand::value& value) {
  const auto bad = [&] { return malformed(fmt::format("in member '{}'", member.name())); };
  sj::ondemand::object object;
  std::string_view raw;
  if (value.get_object().get(object) != sj::SUCCESS || object.raw_json().get(raw) != sj::SUCCESS ||
      object.reset().error() != sj::SUCCESS) {
    return bad();
  }
  std::vector<Tag> given;
  bool has_others = false;
  for (auto result : object) {
    sj::ondemand::field field;
    Tag tag;
    json_type type;
    if (std::move(result).get(field) != sj::SUCCESS ||
        field.unescaped_key().get(tag.name) != sj::SUCCESS ||
        field.value().type().get(type) != sj::SUCCESS) {
      return bad();
    }
    if (type != json_type::string) {
      has_others = true;
      if (!is_valid(field.value(), 1)) return bad();
    } else if (field.value().get_string().get(tag.value) != sj::SUCCESS) {
      return bad();
    } else if (given.size() <= tags::kMaxTags) {
      given.push_back(tag);
    }
  }
  if (has_others) return filler_.take_other(member);
  for (const Tag& tag : given) {
    if (auto taken = filler_.take_tag(tag.name, tag.value, true); !taken) return taken;
  }
  filler_.draft().tags_literal = json_trimmed(raw);
  return {};
}

JsonDecoder::Outcome JsonDecoder::decode_null(Member& member, sj::ondemand::value& value) {
  const auto literal = json_trimmed(value.raw_json_token());
  if (is_no_number(literal)) return no_number_of_json(member, literal);
  if (!is_null(value)) return malformed(fmt::format("in member '{}'", member.name()));
  filler_.take_nothing(member, literal);
  return {};
}

}  // namespace slipstream
