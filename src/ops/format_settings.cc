#include "ops/format_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/nearest_name.h"
#include "codec/decoders.h"

namespace slipstream {
namespace {

using game::PackedField;
using game::PackedFormat;
using game::PackedTest;

constexpr std::size_t kMostNameBytes = 64;

/// Reads one table [[format]] with what is in it.
class FormatReader {
 public:
  FormatReader(std::string called, const FaultAt& fault, const NoteAt& note)
      : called_(std::move(called)), fault_(fault), note_(note) {}

  PackedFormat read(const toml::table& table) {
    PackedFormat format;
    note_(table, called_);
    for (const auto& [k, node] : table) {
      const std::string_view key = k.str();
      note_(node, fmt::format("{} {}", called_, key));
      if (key == "name") {
        text(node, called_, key, format.name);
      } else if (key == "size") {
        number(node, called_, key, format.size);
      } else if (key == "endian") {
        read_order(node, format.order);
      } else if (key == "base") {
        number(node, called_, key, format.base);
      } else if (key == "stride") {
        number(node, called_, key, format.stride);
      } else if (key == "count") {
        number(node, called_, key, format.count);
      } else if (key == "track") {
        text(node, called_, key, format.track);
      } else if (key == "chassis") {
        text(node, called_, key, format.chassis);
      } else if (key == "present") {
        text(node, called_, key, format.present);
      } else if (key == "field") {
        tables(node, key, game::kMostFormatFields, [&](const toml::table& one, std::string where) {
          format.fields.push_back(read_field(one, where));
        });
      } else if (key == "when") {
        tables(node, key, game::kMostFormatTests, [&](const toml::table& one, std::string where) {
          format.tests.push_back(read_test(one, where));
        });
      } else {
        unknown(node, called_, key,
                {"name", "size", "endian", "base", "stride", "count", "track", "chassis", "present",
                 "field", "when"});
      }
    }
    for (const char* const needed : {"name", "size"}) {
      if (!table.contains(needed)) fault_(table, fmt::format("{}: {} is missing", called_, needed));
    }
    return format;
  }

 private:
  PackedField read_field(const toml::table& table, const std::string& where) {
    PackedField field;
    for (const auto& [k, node] : table) {
      const std::string_view key = k.str();
      note_(node, fmt::format("{} {}", where, key));
      if (key == "name") {
        text(node, where, key, field.name);
      } else if (key == "type") {
        read_type(node, where, field.wire);
      } else if (key == "offset") {
        number(node, where, key, field.offset);
      } else if (key == "length") {
        number(node, where, key, field.length);
      } else if (key == "header") {
        if (const auto* on = node.as_boolean()) {
          field.is_in_header = on->get();
        } else {
          wrong(node, where, key, "true or false is");
        }
      } else if (key == "scale") {
        real(node, where, key, field.scale);
      } else if (key == "add") {
        real(node, where, key, field.add);
      } else if (key == "none") {
        real(node, where, key, field.none.emplace());
      } else if (key == "values") {
        read_values(node, where, field);
      } else {
        unknown(node, where, key,
                {"name", "type", "offset", "length", "header", "scale", "add", "none", "values"});
      }
    }
    need(table, where, {"name", "type", "offset"});
    if (!table.contains("type")) field.wire = game::Wire::kU8;  // likewise
    if (field.wire && table.contains("length")) {
      fault_(table, fmt::format("{}: length is of texts alone", where));
    }
    return field;
  }

  PackedTest read_test(const toml::table& table, const std::string& where) {
    PackedTest test;
    for (const auto& [k, node] : table) {
      const std::string_view key = k.str();
      note_(node, fmt::format("{} {}", where, key));
      if (key == "type") {
        read_type(node, where, test.wire);
      } else if (key == "offset") {
        number(node, where, key, test.offset);
      } else if (key == "equals") {
        if (const auto* whole = node.as_integer()) {
          test.equals = whole->get();
        } else if (const auto* number = node.as_floating_point()) {
          test.equals = number->get();
        } else if (const auto* bytes = node.as_string()) {
          test.equals = bytes->get();
        } else {
          wrong(node, where, key, "a number or a string is");
        }
      } else {
        unknown(node, where, key, {"offset", "type", "equals"});
      }
    }
    need(table, where, {"offset", "type", "equals"});
    return test;
  }

  void read_type(const toml::node& node, const std::string& where,
                 std::optional<game::Wire>& wire) const {
    const auto name = node.value<std::string>().value_or("");
    wire = game::wire_named(name);
    if (!wire && name != "text") {
      wire = game::Wire::kU8;  // so that it is no text that lacks a length
      wrong(node, where, "type", fmt::format("one of {}, text is", game::wire_names()));
    }
  }

  void read_order(const toml::node& node, std::endian& order) const {
    const auto name = node.value<std::string>().value_or("");
    order = name == "big" ? std::endian::big : std::endian::little;
    if (name != "big" && name != "little") wrong(node, called_, "endian", "little or big is");
  }

  void read_values(const toml::node& node, const std::string& where, PackedField& field) const {
    const auto* table = node.as_table();
    if (table == nullptr || table->empty()) {
      return wrong(node, where, "values", "a table of numbers and their texts is");
    }
    for (const auto& [k, value] : *table) {
      const std::string_view key = k.str();
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
      const auto* text = value.as_string();
      if (error != std::errc{} || end != key.data() + key.size() || text == nullptr) {
        wrong(value, where, "values", fmt::format("NUMBER = \"TEXT\", not '{}', is", key));
        continue;
      }
      field.values.insert_or_assign(number, text->get());
    }
  }

  template <typename Read>
  void tables(const toml::node& node, std::string_view key, std::size_t most, Read read) const {
    const auto* array = node.as_array();
    if (array == nullptr || !array->is_array_of_tables()) {
      return wrong(node, called_, key,
                   fmt::format("tables in an array: [[format.{}]]; that is", key));
    }
    for (std::size_t i = 0; i < array->size(); ++i) {
      const std::string where = fmt::format("{} {} number {}", called_, key, i + 1);
      if (i == most) return fault_(*array->get(i), fmt::format("{}: at most {}", where, most));
      note_(*array->get(i), where);
      read(*array->get(i)->as_table(), where);
    }
  }

  void number(const toml::node& node, const std::string& where, std::string_view key,
              std::size_t& into) const {
    constexpr std::int64_t kMost = 1'000'000;
    const auto* number = node.as_integer();
    if (number == nullptr || number->get() < 0 || number->get() > kMost) {
      return wrong(node, where, key, fmt::format("a whole number from 0 to {} is", kMost));
    }
    into = static_cast<std::size_t>(number->get());
  }
  void real(const toml::node& node, const std::string& where, std::string_view key,
            double& into) const {
    if (!node.is_number()) return wrong(node, where, key, "a number is");
    into = node.value<double>().value_or(0);
  }
  void text(const toml::node& node, const std::string& where, std::string_view key,
            std::string& into) const {
    const auto* text = node.as_string();
    if (text == nullptr || text->get().empty() || text->get().size() > kMostTextBytes) {
      return wrong(node, where, key, fmt::format("a string of 1 to {} bytes is", kMostTextBytes));
    }
    into = text->get();
  }
  void need(const toml::table& table, const std::string& where,
            std::initializer_list<const char*> keys) const {
    for (const char* const key : keys) {
      if (!table.contains(key)) fault_(table, fmt::format("{}: {} is missing", where, key));
    }
  }
  void wrong(const toml::node& node, const std::string& where, std::string_view key,
             std::string_view expected) const {
    fault_(node, fmt::format("{} {}: {} expected", where, key, expected));
  }
  void unknown(const toml::node& node, const std::string& where, std::string_view key,
               const std::vector<std::string>& known) const {
    const auto nearest = nearest_name(key, known);
    fault_(node, nearest
                     ? fmt::format("{}: '{}' is no setting; is '{}' meant?", where, key, *nearest)
                     : fmt::format("{}: '{}' is no setting", where, key));
  }

  static constexpr std::size_t kMostTextBytes = 256;
  const std::string called_;
  const FaultAt& fault_;
  const NoteAt& note_;
};

std::string format_called(std::size_t number) {
  return fmt::format("[[format]] number {}", number + 1);
}

bool is_format_name(const std::string& name) {
  return !name.empty() && name.size() <= kMostNameBytes &&
         std::ranges::all_of(
             name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; });
}

/// Whether what is of the earlier one is all that the later one takes.
bool takes_all_of(const PackedFormat& earlier, const PackedFormat& later) {
  const auto is_of_later = [&](const PackedTest& test) {
    return std::ranges::any_of(later.tests, [&](const PackedTest& other) {
      return other.offset == test.offset && other.wire == test.wire && other.equals == test.equals;
    });
  };
  return earlier.name == later.name && earlier.size == later.size &&
         std::ranges::all_of(earlier.tests, is_of_later);
}

}  // namespace

void read_formats(const toml::node& node, std::vector<PackedFormat>& formats, const FaultAt& fault,
                  const NoteAt& note) {
  const auto* array = node.as_array();
  if (array == nullptr || !array->is_array_of_tables()) {
    return fault(node, "formats are tables in an array: [[format]]");
  }
  for (const auto& item : *array) {
    const std::string called = format_called(formats.size());
    if (formats.size() == game::kMostFormats) {
      return fault(item, fmt::format("{}: at most {} are expected", called, game::kMostFormats));
    }
    formats.push_back(FormatReader(called, fault, note).read(*item.as_table()));
  }
}

void check_formats(const Config& config,
                   const std::function<void(std::string, std::string)>& fault) {
  for (std::size_t i = 0; i < config.formats.size(); ++i) {
    const PackedFormat& format = config.formats[i];
    const std::string called = format_called(i);
    if (!is_format_name(format.name)) {
      fault(called + " name",
            fmt::format("1 to {} letters, digits, _ and - are expected", kMostNameBytes));
    } else if (find_decoder(format.name) != nullptr) {
      fault(called + " name", fmt::format("'{}' is a decoder already", format.name));
    }
    for (std::size_t before = 0; before < i; ++before) {
      if (!takes_all_of(config.formats[before], format)) continue;
      fault(called + " name",
            fmt::format("'{}' is there twice: {} takes all datagrams of its size, so that another "
                        "size, or a [[format.when]], is expected",
                        format.name, format_called(before)));
    }
    for (const auto& found : game::check_format(format, config.schema)) {
      const std::string where = found.where.empty() ? called : called + " " + found.where;
      // What is missing stands nowhere: then the table that lacks it is the place.
      std::string place = where;
      while (!config.origins.contains(place) && place.size() > called.size()) {
        place.resize(place.rfind(' '));
      }
      fault(place, place == where
                       ? found.message
                       : fmt::format("{}: {}", where.substr(place.size() + 1), found.message));
    }
  }
}

}  // namespace slipstream
