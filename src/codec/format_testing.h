#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "game/packed_format.h"

namespace slipstream::format_testing {

/// A format out of arbitrary bytes, most of them good ones: what is left of the bytes is a
/// datagram.
class FormatMaker {
 public:
  explicit FormatMaker(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  game::PackedFormat make() {
    game::PackedFormat format{.name = "made", .size = 1 + next() % 96u};
    if (next() % 2 == 1) format.order = std::endian::big;
    if (next() % 2 == 1) {
      format.count = 1 + next() % 5u;
      format.base = next() % 8u;
      format.stride = 1 + next() % 24u;
      const std::size_t needed = format.base + format.count * format.stride;
      if (!has_fault()) format.size = std::max(format.size, needed);
    }
    const std::size_t fields = 1 + next() % 8u;
    for (std::size_t i = 0; i < fields; ++i) format.fields.push_back(field(i, format));
    if (next() % 4 == 3) {
      format.tests.push_back(
          {.offset = next() % 8u, .wire = game::Wire::kU8, .equals = std::int64_t{next()}});
    }
    if (next() % 4 == 3) format.present = "f0";
    constexpr std::string_view kTexts[] = {"t", "t {f0}", "{sender}", "{{{index}}}", "", "{f9}"};
    format.track = kTexts[next() % std::size(kTexts)];
    format.chassis = kTexts[next() % std::size(kTexts)];
    return format;
  }
  std::span<const std::uint8_t> rest() const { return bytes_; }

 private:
  /// Now and then.
  bool has_fault() { return next() % 64 == 63; }

  game::PackedField field(std::size_t number, const game::PackedFormat& format) {
    constexpr std::string_view kNames[] = {"track", "chassis", "meta_time",
                                           "lap",   "sector",  "tags"};
    game::PackedField field{.name = fmt::format("f{}", number), .wire = {}};
    const unsigned name = next() % 64;
    if (name >= 64 - std::size(kNames)) field.name = kNames[64 - 1 - name];
    field.is_in_header = next() % 4 == 3;
    const std::size_t room = format.count > 0 && !field.is_in_header ? format.stride : format.size;
    const unsigned type = next() % 11;
    if (type < 10) {
      field.wire = static_cast<game::Wire>(type);
      if (field.bytes() > room && !has_fault()) field.wire = game::Wire::kU8;
    } else {
      field.length = 1 + next() % 6u;
    }
    const std::size_t last = has_fault() ? room : room - std::min(field.bytes(), room);
    field.offset = next() % (last + 1);
    const unsigned more = next() % 16;
    if (more == 12) field.scale = next() - 100.0;
    if (more == 13) field.add = next() - 100.0;
    if (more == 14) field.none = next();
    if (more == 15) field.values = {{next(), "named"}, {1, "one"}};
    return field;
  }
  unsigned next() {
    if (bytes_.empty()) return 0;
    const unsigned byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }

  std::span<const std::uint8_t> bytes_;
};

}  // namespace slipstream::format_testing
