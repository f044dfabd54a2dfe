#include "game/packed_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "model/tags.h"

namespace slipstream::game {
namespace {

constexpr std::pair<std::string_view, Wire> kWires[] = {
    {"u8", Wire::kU8},   {"i8", Wire::kI8},   {"u16", Wire::kU16}, {"i16", Wire::kI16},
    {"u32", Wire::kU32}, {"i32", Wire::kI32}, {"u64", Wire::kU64}, {"i64", Wire::kI64},
    {"f32", Wire::kF32}, {"f64", Wire::kF64}};

/// The least and the greatest that a whole number of that type may be, as far as 64 bits with a
/// sign tell it.
std::pair<std::int64_t, std::int64_t> range_of(Wire wire) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  if (wire == Wire::kU64) return {0, kMost};
  if (wire == Wire::kI64) return {std::numeric_limits<std::int64_t>::min(), kMost};
  const auto bits = static_cast<unsigned>(8 * wire_bytes(wire));
  const std::int64_t all = std::int64_t{1} << bits;
  const bool is_signed = wire == Wire::kI8 || wire == Wire::kI16 || wire == Wire::kI32;
  return is_signed ? std::pair(-all / 2, all / 2 - 1) : std::pair(std::int64_t{0}, all - 1);
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// Collects what is wrong with one format.
class FormatCheck {
 public:
  FormatCheck(const PackedFormat& format, const SchemaOptions& names)
      : format_(format), names_(names) {}

  std::vector<FormatFault> all() && {
    check_size();
    const std::size_t before = faults_.size();
    check_cars();
    has_bounds_ = faults_.size() == before && format_.size >= 1 && format_.size <= kMostFormatBytes;
    for (std::size_t i = 0; i < format_.tests.size(); ++i) check_test(i);
    for (std::size_t i = 0; i < format_.fields.size(); ++i) check_field(i);
    check_machine("track", names_.track, format_.track, true);
    check_machine("chassis", names_.chassis, format_.chassis, false);
    check_present();
    return std::move(faults_);
  }

 private:
  void fault(std::string where, std::string message) {
    faults_.push_back({std::move(where), fmt::format("'{}': {}", format_.name, message)});
  }
  bool is_array() const { return format_.count > 0; }

  void check_size() {
    if (format_.size < 1 || format_.size > kMostFormatBytes) {
      fault("size", fmt::format("a datagram has from 1 to {} bytes", kMostFormatBytes));
    }
    if (format_.fields.empty()) fault("", "there is no [[format.field]]");
    if (format_.fields.size() > kMostFormatFields) {
      fault("", fmt::format("at most {} [[format.field]] are expected", kMostFormatFields));
    }
    if (format_.tests.size() > kMostFormatTests) {
      fault("", fmt::format("at most {} [[format.when]] are expected", kMostFormatTests));
    }
  }

  void check_cars() {
    if (!is_array()) {
      if (format_.stride > 0 || format_.base > 0) {
        fault("count", "base and stride are of an array of cars: count is missing");
      }
      return;
    }
    if (format_.count > kMostFormatCars) {
      return fault("count", fmt::format("at most {} cars are expected", kMostFormatCars));
    }
    if (format_.stride < 1 || format_.stride > format_.size) {
      return fault("stride", fmt::format("bytes from one car to the next, 1 to {}, are expected",
                                         format_.size));
    }
    if (format_.base > format_.size ||
        format_.count > (format_.size - format_.base) / format_.stride) {
      fault("count", fmt::format("{} cars of {} bytes from byte {} on end at byte {}, beyond the "
                                 "{} of the datagram",
                                 format_.count, format_.stride, format_.base,
                                 format_.base + format_.count * format_.stride, format_.size));
    }
  }

  void check_place(const std::string& where, std::string_view what, std::size_t offset,
                   std::size_t bytes, bool is_of_car) {
    if (!has_bounds_) return;
    const std::size_t room = is_of_car ? format_.stride : format_.size;
    if (offset <= room && bytes <= room - offset) return;
    fault(where, fmt::format("{} ends at byte {}, beyond the {} of {}", what, offset + bytes, room,
                             is_of_car ? "a car: the next one begins there" : "the datagram"));
  }

  void check_test(std::size_t index) {
    const PackedTest& test = format_.tests[index];
    const std::string where = fmt::format("when number {}", index + 1);
    const auto* text = std::get_if<std::string>(&test.equals);
    const auto* whole = std::get_if<std::int64_t>(&test.equals);
    if (!test.wire) {
      if (text == nullptr || text->empty()) {
        return fault(where + " equals", "a string, not empty, is expected of a text");
      }
      return check_place(where + " offset", "the test's text", test.offset, text->size(), false);
    }
    if (text != nullptr) return fault(where + " equals", "a number is expected");
    if (const auto* real = std::get_if<double>(&test.equals); real && !std::isfinite(*real)) {
      return fault(where + " equals", "a finite number is expected");
    }
    if (is_whole(*test.wire)) {
      const auto [least, most] = range_of(*test.wire);
      if (whole == nullptr || *whole < least || *whole > most) {
        fault(where + " equals",
              fmt::format("a whole number from {} to {} is expected", least, most));
      }
    }
    check_place(where + " offset", "the test's number", test.offset, wire_bytes(*test.wire), false);
  }

  void check_field(std::size_t index) {
    const PackedField& field = format_.fields[index];
    const std::string where = fmt::format("field number {} ", index + 1);
    const std::string what = fmt::format("field '{}'", field.name);
    check_name(where + "name", field.name);
    if (!field.wire && (field.length < 1 || field.length > kMostFormatBytes)) {
      fault(where + "length", what + " is a text: its bytes, as length, are expected");
    } else {
      check_place(where + "offset", what, field.offset, field.bytes(),
                  is_array() && !field.is_in_header);
    }
    const bool is_scaled = field.scale != 1 || field.add != 0;
    if (!std::isfinite(field.scale) || field.scale == 0 || !std::isfinite(field.add)) {
      fault(where + "scale", what + ": scale and add are finite numbers, and scale is not 0");
    }
    if (is_scaled && !field.is_number()) {
      fault(where + "scale", what + " is no number: it has neither scale nor add");
    }
    check_none(where + "none", what, field);
    if (is_numbers_name(field.name) && !field.is_number()) {
      fault(where + (field.wire ? "values" : "type"),
            what + " means a number, and so is neither a text nor has values");
    }
    if (field.values.empty()) return;
    if (!field.wire || !is_whole(*field.wire)) {
      return fault(where + "values", what + " is no whole number, and so has no values");
    }
    if (field.values.size() > kMostFormatValues) {
      fault(where + "values", fmt::format("{}: at most {} are expected", what, kMostFormatValues));
    }
    const auto [least, most] = range_of(*field.wire);
    for (const auto& [number, text] : field.values) {
      if (number < least || number > most) {
        fault(where + "values",
              fmt::format("{}: {} is not from {} to {}", what, number, least, most));
      }
      if (text.empty() || text.size() > Schema::kMaxDimensionBytes) {
        fault(where + "values", fmt::format("{}: {} has a text of {} bytes, not of 1 to {}", what,
                                            number, text.size(), Schema::kMaxDimensionBytes));
      }
    }
  }

  void check_none(const std::string& where, const std::string& what, const PackedField& field) {
    if (!field.none) return;
    if (!field.wire) return fault(where, what + " is a text, which is none where it is empty");
    const double none = *field.none;
    if (!is_whole(*field.wire)) {
      const double most = *field.wire == Wire::kF32 ? std::numeric_limits<float>::max()
                                                    : std::numeric_limits<double>::max();
      if (!(std::abs(none) <= most))
        fault(where, what + ": a finite number of its type is expected");
      return;
    }
    const auto [least, most] = range_of(*field.wire);
    // The greatest of 64 bits are no doubles: what they are rounded to is beyond.
    const double end = *field.wire == Wire::kU64 ? 0x1p64 : static_cast<double>(most) + 1;
    const bool is_in_range = none >= static_cast<double>(least) &&
                             (wire_bytes(*field.wire) < 8 ? none < end : none <= end);
    if (is_in_range && std::trunc(none) == none) return;
    fault(where, fmt::format("{}: a whole number of its type is expected, not {}", what, none));
  }

  /// Whether it is one of the schema's that are numbers wherever they stand.
  bool is_numbers_name(const std::string& name) const {
    return name == names_.time || name == names_.lap || name == names_.sector ||
           name == names_.sequence ||
           std::ranges::find(names_.well_known, name) != names_.well_known.end();
  }

  void check_name(const std::string& where, const std::string& name) {
    constexpr std::string_view kReserved[] = {tags::kMember, "raw_source", "sender", "index"};
    if (name.empty() || name.size() > Schema::kMaxFieldNameBytes) {
      return fault(where,
                   fmt::format("a name of 1 to {} bytes is expected", Schema::kMaxFieldNameBytes));
    }
    if (is_blank(name)) return fault(where, "a name that is not blank is expected");
    if (name.find_first_of("{}") != std::string::npos) {
      fault(where, fmt::format("'{}': a name without braces is expected", name));
    }
    if (std::ranges::find(kReserved, name) != std::end(kReserved)) {
      fault(where, fmt::format("'{}' is no name of a field: it has another meaning", name));
    }
    if (!seen_.insert(name).second) fault(where, fmt::format("'{}' is there twice", name));
  }

  /// Track and chassis: by a text of their own, or by the field of that name.
  void check_machine(std::string key, const std::string& name, const std::string& text,
                     bool is_needed) {
    const bool has_field = seen_.contains(name);
    if (has_field && !text.empty()) {
      return fault(key, fmt::format("it is said twice: by {} and by the field '{}'", key, name));
    }
    if (text.empty()) {
      if (is_needed && !has_field) {
        fault(key, fmt::format("{} is missing: a text, or a field '{}'", key, name));
      }
      return;
    }
    if (is_blank(text)) return fault(key, "a text that is not blank is expected");
    if (!parse_template(text, format_)) {
      fault(key, fmt::format("\"{}\": what stands in braces is sender, index or a field", text));
    }
  }

  void check_present() {
    if (format_.present.empty()) return;
    const auto* field = field_named(format_.present);
    if (field == nullptr || !field->wire) {
      return fault("present", fmt::format("there is no number '{}'", format_.present));
    }
    if (field->scale != 1 || field->add != 0) {
      fault("present", fmt::format("'{}' has a scale or something added, so that its 0 is another "
                                   "number: it is expected as it was sent",
                                   format_.present));
    }
  }

  const PackedField* field_named(std::string_view name) const {
    const auto found = std::ranges::find(format_.fields, name, &PackedField::name);
    return found == format_.fields.end() ? nullptr : &*found;
  }

  const PackedFormat& format_;
  const SchemaOptions& names_;
  bool has_bounds_ = true;  ///< of a datagram and of a car, which fields can be held to
  std::set<std::string> seen_;
  std::vector<FormatFault> faults_;
};

}  // namespace

std::optional<Wire> wire_named(std::string_view name) {
  for (const auto& [known, wire] : kWires) {
    if (known == name) return wire;
  }
  return std::nullopt;
}

std::string wire_names() {
  std::string out;
  for (const auto& [name, wire] : kWires) out += fmt::format("{}{}", out.empty() ? "" : ", ", name);
  return out;
}

bool is_whole(Wire wire) {
  return wire != Wire::kF32 && wire != Wire::kF64;
}

std::optional<Template> parse_template(std::string_view text, const PackedFormat& format) {
  Template out;
  const auto literal = [&](std::string_view piece) {
    if (out.pieces.empty() || out.pieces.back().kind != Template::Kind::kLiteral) {
      out.pieces.push_back({.kind = Template::Kind::kLiteral});
    }
    out.pieces.back().text += piece;
  };
  while (!text.empty()) {
    const auto brace = text.find_first_of("{}");
    if (brace > 0) literal(text.substr(0, brace));
    if (brace == std::string_view::npos) break;
    const char found = text[brace];
    text.remove_prefix(brace + 1);
    if (text.starts_with(found)) {
      literal(text.substr(0, 1));
      text.remove_prefix(1);
      continue;
    }
    const auto end = text.find('}');
    if (found == '}' || end == std::string_view::npos) return std::nullopt;
    const auto name = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (name == "sender") {
      out.pieces.push_back({.kind = Template::Kind::kSender});
    } else if (name == "index") {
      out.pieces.push_back({.kind = Template::Kind::kIndex});
    } else {
      const auto field = std::ranges::find(format.fields, name, &PackedField::name);
      if (field == format.fields.end()) return std::nullopt;
      out.pieces.push_back({.kind = Template::Kind::kField,
                            .field = static_cast<std::size_t>(field - format.fields.begin())});
    }
  }
  return out;
}

std::vector<FormatFault> check_format(const PackedFormat& format, const SchemaOptions& names) {
  return FormatCheck(format, names).all();
}

}  // namespace slipstream::game
