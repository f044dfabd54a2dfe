#include "codec/json_decoder.h"

#include <fmt/format.h>

#include <cstring>

#include "codec/iso_time.h"

namespace slipstream {
namespace {

namespace sj = simdjson;
using sj::ondemand::json_type;

constexpr std::size_t kMaxRememberedMembers = 8192;
constexpr int kMaxNesting = 32;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::unexpected<Rejection> malformed(std::string_view what) {
  return reject(RejectReason::kMalformedJson, fmt::format("not valid JSON: {}", what));
}
std::unexpected<Rejection> malformed(sj::error_code code) {
  return malformed(sj::error_message(code));
}

/// On-Demand checks only what is read; what goes on to browsers unread must be checked all the same.
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
    case json_type::number: return value.get_double().error() == sj::SUCCESS;
    case json_type::string: return value.get_string().error() == sj::SUCCESS;
    case json_type::boolean: return value.get_bool().error() == sj::SUCCESS;
    case json_type::null: return value.is_null();
  }
  return false;
}

/// The length of the element at the start of `text` (the inside of an array), up to the comma or
/// bracket that ends it, minding strings and nesting only.
std::size_t element_length(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      else if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    else if (c == '{' || c == '[') ++depth;
    else if (c == '}' || c == ']') {
      if (depth == 0) return i;
      --depth;
    } else if (c == ',' && depth == 0) return i;
  }
  return text.size();
}

}  // namespace

JsonDecoder::JsonDecoder(PointBuilder& builder) : builder_(builder) {
  const auto& names = builder.schema().options();
  const auto add = [this](const std::string& name, Role role) -> Member& {
    auto member = std::make_unique<Member>();
    member->name = name;
    member->role = role;
    Member& reference = *member;
    members_.insert_or_assign(reference.name, std::move(member));
    return reference;
  };
  for (std::size_t i = 0; i < names.well_known.size(); ++i) {
    auto& member = add(names.well_known[i], Role::kField);
    member.id = static_cast<FieldId>(i);
    member.interned = true;
  }
  add(names.time, Role::kTime);
  add(names.track, Role::kTrack);
  add(names.chassis, Role::kChassis);
  add(names.lap, Role::kLap);
  add(names.sector, Role::kSector);
  if (!names.sequence.empty()) add(names.sequence, Role::kSequence);
}

std::size_t JsonDecoder::decode(std::string_view text, const TextOrigin& origin,
                                RejectionSink& rejections) {
  text = trimmed(text);
  if (text.empty()) return 0;
  if (text.front() == '[') return decode_array(text, origin, 0, rejections);
  // A newline behind a closing brace separates points; anywhere else it is only white space.
  for (std::size_t newline = text.find('\n'); newline != std::string_view::npos;
       newline = text.find('\n', newline + 1)) {
    const auto line = trimmed(text.substr(0, newline));
    if (line.empty()) continue;
    if (line.back() == '}' && line.front() == '{') return decode_lines(text, origin, rejections);
    if (line.size() == 1 || line.back() == ',' || line.back() == ':') break;
  }
  decode_document(text, origin, 0, rejections);
  return 1;
}

std::size_t JsonDecoder::decode_lines(std::string_view text, const TextOrigin& origin,
                                      RejectionSink& rejections) {
  std::size_t count = 0;
  while (!text.empty()) {
    const auto newline = text.find('\n');
    const auto line = trimmed(text.substr(0, newline));
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    if (line.empty()) continue;
    if (line.front() == '[') {
      count += decode_array(line, origin, count, rejections);
    } else {
      decode_document(line, origin, count++, rejections);
    }
  }
  return count;
}

void JsonDecoder::decode_document(std::string_view text, const TextOrigin& origin,
                                  std::size_t index, RejectionSink& rejections) {
  if (auto outcome = decode_single(text, origin); !outcome) {
    rejections.rejected(index, outcome.error(), text);
  }
}

JsonDecoder::Outcome JsonDecoder::decode_single(std::string_view text, const TextOrigin& origin) {
  if (text.size() > builder_.schema().options().max_point_bytes) {
    return reject(RejectReason::kTooLarge,
                  fmt::format("the point has {} bytes, at most {} are taken", text.size(),
                              builder_.schema().options().max_point_bytes));
  }
  sj::ondemand::document document;
  if (const auto e = parser_.iterate(text.data(), text.size(), text.size() + kPadding).get(document)) {
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
  return builder_.finish(draft_, origin);
}

std::size_t JsonDecoder::decode_array(std::string_view text, const TextOrigin& origin,
                                      std::size_t index, RejectionSink& rejections) {
  const std::size_t first = index;
  sj::ondemand::document document;
  sj::ondemand::array array;
  const char* rest = text.data() + 1;
  const char* const end = text.data() + text.size();
  bool after_comma = false;
  const auto& limit = builder_.schema().options().max_point_bytes;
  const auto rest_by_hand = [&] {
    return index - first +
           decode_elements({rest, static_cast<std::size_t>(end - rest)}, after_comma, origin, index,
                           rejections);
  };
  if (parser_.iterate(text.data(), text.size(), text.size() + kPadding).get(document) != sj::SUCCESS ||
      document.get_array().get(array) != sj::SUCCESS) {
    return rest_by_hand();
  }
  for (auto element : array) {
    sj::ondemand::value value;
    sj::ondemand::object object;
    std::string_view raw;
    if (element.get(value) != sj::SUCCESS || value.get_object().get(object) != sj::SUCCESS ||
        object.raw_json().get(raw) != sj::SUCCESS || raw.size() > limit ||
        object.reset().error() != sj::SUCCESS) {
      return rest_by_hand();
    }
    if (!decode_object(object, raw) || !builder_.finish(draft_, origin)) {
      // Where exactly the parser stands after an error is not known; by hand it is refused alone.
      return rest_by_hand();
    }
    ++index;
    rest = raw.data() + raw.size();
    while (rest != end && *rest != ',' && *rest != ']') ++rest;
    after_comma = rest != end && *rest == ',';
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
    const std::size_t length = element_length(text);
    const auto element = trimmed(text.substr(0, length));
    if (!element.empty()) decode_document(element, origin, index++, rejections);
    if (length == text.size()) {
      refuse("the array is not closed", text);
      break;
    }
    const bool closes = text[length] != ',';
    if (element.empty() && (after_comma || !closes)) refuse("a value is missing", text);
    text.remove_prefix(length + 1);
    if (closes) {
      if (!trimmed(text).empty()) refuse("more text after the array", text);
      break;
    }
    after_comma = true;
  }
  return index - first;
}

JsonDecoder::Member& JsonDecoder::member_of(sj::ondemand::field& field, Member*& previous) {
  const char* raw = field.key().raw();
  if (Member* likely = previous->likely_next; likely != nullptr) {
    const std::size_t n = likely->name.size();
    if (std::memcmp(raw, likely->name.data(), n) == 0 && raw[n] == '"') {
      previous = likely;
      return *likely;
    }
  }
  std::string_view key;
  if (field.unescaped_key().get(key) != sj::SUCCESS) {
    overflow_.name.clear();
    return overflow_;
  }
  auto known = members_.find(key);
  if (known == members_.end()) {
    if (members_.size() >= kMaxRememberedMembers) {
      overflow_.name = key;
      overflow_.interned = false;
      return overflow_;
    }
    auto member = std::make_unique<Member>();
    member->name = key;
    const std::string_view name = member->name;
    known = members_.emplace(name, std::move(member)).first;
  }
  // A name with a quote or a backslash in it never equals its raw spelling: it is looked up.
  previous->likely_next = known->second.get();
  previous = known->second.get();
  return *known->second;
}

JsonDecoder::Outcome JsonDecoder::decode_object(sj::ondemand::object& object,
                                                std::string_view text) {
  draft_.clear();
  draft_.json = text;
  Member* previous = &first_;
  for (auto result : object) {
    sj::ondemand::field field;
    if (const auto e = std::move(result).get(field)) return malformed(e);
    Member& member = member_of(field, previous);
    if (&member == &overflow_ && member.name.empty()) {
      return malformed("a member's name has a bad escape");
    }
    if (auto outcome = decode_member(member, field.value()); !outcome) return outcome;
  }
  return {};
}

JsonDecoder::Outcome JsonDecoder::decode_member(const Member& member, sj::ondemand::value& value) {
  json_type type;
  if (const auto e = value.type().get(type)) return malformed(e);
  switch (type) {
    case json_type::number: return decode_number(member, value);
    case json_type::string: return decode_text(member, value);
    case json_type::null: return decode_null(member, value);
    default: break;
  }
  if (!is_valid(value, 0)) return malformed(fmt::format("in member '{}'", member.name));
  switch (member.role) {
    case Role::kOther: return {};
    case Role::kField:
      if (!member.interned || member.id >= field::kWellKnownCount) return {};
      [[fallthrough]];
    case Role::kLap:
    case Role::kSector:
    case Role::kSequence:
      return reject(RejectReason::kBadNumber, fmt::format("'{}' must be a number", member.name));
    case Role::kTime:
      return reject(RejectReason::kBadTime,
                    fmt::format("'{}' must be an ISO 8601 string or a number", member.name));
    default:
      return reject(RejectReason::kMissingDimension,
                    fmt::format("'{}' must be a string", member.name));
  }
}

JsonDecoder::Outcome JsonDecoder::decode_number(const Member& member, sj::ondemand::value& value) {
  if (member.role == Role::kTime) {
    // Nanoseconds do not fit a double; fractions do not fit an integer.
    std::optional<std::int64_t> time;
    if (std::int64_t integer; value.get_int64().get(integer) == sj::SUCCESS) {
      time = time_from_integer(integer);
    } else if (double number; value.get_double().get(number) == sj::SUCCESS) {
      time = time_from_number(number);
    }
    if (!time) {
      return reject(RejectReason::kBadTime,
                    fmt::format("'{}' is no time since 1970 in s, ms, us or ns", member.name));
    }
    draft_.event_ns = time;
    return {};
  }
  if (member.role == Role::kSequence) {
    if (std::uint64_t number; value.get_uint64().get(number) == sj::SUCCESS) {
      draft_.sequence = number;
      return {};
    }
    return reject(RejectReason::kBadNumber,
                  fmt::format("'{}' must be an integer, not negative", member.name));
  }
  if (member.role == Role::kLap) {
    const auto token = value.raw_json_token();
    draft_.lap_literal = trimmed(token);
  }
  double number;
  if (const auto e = value.get_double().get(number)) {
    return reject(RejectReason::kBadNumber,
                  fmt::format("'{}' is no finite number: {}", member.name, sj::error_message(e)));
  }
  switch (member.role) {
    case Role::kLap: {
      auto lap = to_index(number, member.name, Schema::kLapFault);
      if (!lap) return std::unexpected(lap.error());
      draft_.lap = *lap;
      return {};
    }
    case Role::kSector: {
      auto sector = to_index(number, member.name, 1'000'000);
      if (!sector) return std::unexpected(sector.error());
      draft_.sector = *sector;
      return {};
    }
    case Role::kTrack:
    case Role::kChassis:
      return reject(RejectReason::kMissingDimension,
                    fmt::format("'{}' must be a string", member.name));
    default: break;
  }
  if (const auto id = field_id(member)) {
    builder_.add_value(draft_, *id, number);
  } else {
    builder_.stats().fields_dropped.add();
  }
  return {};
}

std::optional<FieldId> JsonDecoder::field_id(const Member& member) {
  if (member.interned) return member.id;
  const auto id = builder_.schema().fields().intern(member.name);
  if (id && &member != &overflow_) {
    Member& known = *members_.find(member.name)->second;
    known.role = Role::kField;
    known.id = *id;
    known.interned = true;
  }
  return id;
}

JsonDecoder::Outcome JsonDecoder::decode_text(const Member& member, sj::ondemand::value& value) {
  // Without a backslash the text stands in the input as it is; the parser has checked that it ends.
  const char* const begin = value.raw_json_token().data() + 1;
  const char* end = begin;
  while (*end != '"' && *end != '\\') ++end;
  std::string_view text{begin, static_cast<std::size_t>(end - begin)};
  if (*end != '"' && value.get_string().get(text) != sj::SUCCESS) {
    return malformed(fmt::format("a bad escape in member '{}'", member.name));
  }
  switch (member.role) {
    case Role::kTrack: draft_.track = text; return {};
    case Role::kChassis: draft_.chassis = text; return {};
    case Role::kTime: {
      if (text.empty()) {
        draft_.time_literal = {begin - 1, 2};
        draft_.event_ns.reset();
        return {};
      }
      draft_.event_ns = parse_iso_time(text);
      if (!draft_.event_ns) {
        return reject(RejectReason::kBadTime,
                      fmt::format("'{}' is no ISO 8601 time: '{}'", member.name, text.substr(0, 40)));
      }
      return {};
    }
    case Role::kLap:
    case Role::kSector:
    case Role::kSequence: break;
    case Role::kField:
      if (member.id < field::kWellKnownCount) break;
      return {};
    case Role::kOther: return {};
  }
  return reject(RejectReason::kBadNumber,
                fmt::format("'{}' must be a number, got '{}'", member.name, text.substr(0, 40)));
}

JsonDecoder::Outcome JsonDecoder::decode_null(const Member& member, sj::ondemand::value& value) {
  const auto literal = trimmed(value.raw_json_token());
  if (!value.is_null()) return malformed(fmt::format("in member '{}'", member.name));
  if (member.role == Role::kLap) {
    draft_.lap_literal = literal;
    draft_.lap.reset();
  } else if (member.role == Role::kTime) {
    draft_.time_literal = literal;
    draft_.event_ns.reset();
  }
  return {};
}

}  // namespace slipstream
