#pragma once
#include <string>
#include <string_view>

namespace slipstream {

/// How a CSV text is written.
struct CsvDialect {
  char delimiter = ',';
  char line_end = '\n';  ///< with a carriage return before it or not; or that alone

  /// `1,5` is a number: spreadsheets that separate cells by `;` write them so.
  bool has_decimal_comma() const { return delimiter == ';'; }
  /// As a person calls the delimiter.
  std::string_view delimiter_name() const;
  /// A cell as parse_number() reads it; `scratch` holds it where it had to be rewritten.
  std::string_view number_text(std::string_view cell, std::string& scratch) const;
};

/// What stands before the first row.
struct CsvPreamble {
  CsvDialect dialect;
  /// The last line that began with `#`, without that: some programs write the header so.
  std::string_view comment = {};
};

/// Takes off a text what is no row: a byte order mark, NULs at its end, blank lines, lines that
/// begin with `#`, and `sep=X`. The delimiter is what that says, else whichever of `,` `;` and tab
/// the first row has most of. A carriage return ends a line where the text has no line feed.
CsvPreamble take_csv_preamble(std::string_view& text);

}  // namespace slipstream
