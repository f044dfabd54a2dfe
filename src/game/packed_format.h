#pragma once
#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "game/layout.h"
#include "model/schema.h"

namespace slipstream::game {

/// Packed datagrams of somebody's own, as a configuration declares them ([[format]]): plain values.
/// check_format() says what is wrong with one; what has no fault reads only what lies within its
/// datagrams, and is bounded by the limits here.
inline constexpr std::size_t kMostFormats = 32;
inline constexpr std::size_t kMostFormatFields = 200;
inline constexpr std::size_t kMostFormatTests = 16;
inline constexpr std::size_t kMostFormatCars = 256;
inline constexpr std::size_t kMostFormatValues = 256;  ///< of one enumeration
inline constexpr std::size_t kMostFormatBytes = 65'507;

/// A number's type by its name in a configuration; nothing: there is none of that name. "text" is
/// none.
std::optional<Wire> wire_named(std::string_view name);
/// "u8, i8 ...", for messages.
std::string wire_names();
/// Whether it is a whole number.
bool is_whole(Wire wire);

struct PackedField {
  std::string name;
  std::optional<Wire> wire;   ///< nothing: a text
  std::size_t offset = 0;     ///< from where its car begins
  std::size_t length = 0;     ///< of a text, in bytes
  bool is_in_header = false;  ///< `offset` is from where the datagram begins; the same for all cars
  double scale = 1;           ///< the member is the number times this,
  double add = 0;             ///< and this more
  std::optional<double> none = {};                  ///< that number says that there is none
  std::map<std::int64_t, std::string> values = {};  ///< what numbers mean; empty: they are numbers

  std::size_t bytes() const { return wire ? wire_bytes(*wire) : length; }
  bool is_number() const { return wire && values.empty(); }
};

/// What tells datagrams of one format from others of the same size.
struct PackedTest {
  std::size_t offset = 0;
  std::optional<Wire> wire;  ///< nothing: a text
  std::variant<std::int64_t, double, std::string> equals = std::int64_t{0};
};

struct PackedFormat {
  std::string name;
  std::size_t size = 0;  ///< of a datagram, in bytes
  std::endian order = std::endian::little;
  std::vector<PackedTest> tests = {};  ///< all of them hold
  std::vector<PackedField> fields = {};
  std::size_t base = 0;    ///< where the first car begins
  std::size_t stride = 0;  ///< from one car to the next
  std::size_t count = 0;   ///< cars in a datagram; 0: it is of one, and no array
  /// Texts with {FIELD}, {sender} and {index} in them; empty: told by the field of that name.
  std::string track = {};
  std::string chassis = {};
  std::string present = {};  ///< a field that is zero where there is no car; empty: there always is

  std::size_t cars() const { return count == 0 ? 1 : count; }
};

/// A text with placeholders, cut into its pieces.
struct Template {
  enum class Kind : std::uint8_t { kLiteral, kField, kSender, kIndex };
  struct Piece {
    Kind kind = Kind::kLiteral;
    std::string text = {};  ///< kLiteral
    std::size_t field = 0;  ///< kField: its number
  };
  std::vector<Piece> pieces;
};
/// Nothing: a brace is not closed, or names no field. "{{" is a brace.
std::optional<Template> parse_template(std::string_view text, const PackedFormat& format);

struct FormatFault {
  std::string where;  ///< "", "size", "field number 2 offset", "when number 1"
  std::string message;
};
/// What is wrong with it, by the names that the schema has for time, place and machine.
std::vector<FormatFault> check_format(const PackedFormat& format, const SchemaOptions& names);

}  // namespace slipstream::game
