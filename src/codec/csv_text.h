#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipstream {

/// Cuts RFC 4180 text into records, of cells that commas separate or another delimiter. Blanks
/// around a cell, or around its quotes, are no part of it, those within quotes are. Cells are views
/// into the text, or into the reader where quotes were doubled; they hold until the next call. One
/// thread.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text, char delimiter = ',', char line_end = '\n')
      : rest_(text), stops_{delimiter, line_end} {}

  /// The next record that is not blank, or false at the end. Where a cell's quotes are not closed,
  /// or not at its end, the record is not `well_formed()` and ends with the line that they open on.
  bool next();
  /// No more than kMaxCells: whoever reads rows takes fewer, and a record may be a whole body.
  static constexpr std::size_t kMaxCells = 1'024;
  const std::vector<std::string_view>& cells() const { return cells_; }
  std::string_view record() const { return record_; }
  bool well_formed() const { return well_formed_; }

 private:
  bool read_record();
  /// Before a quote, blanks are not the cell's.
  bool begins_quoted();
  void add(std::string_view cell) {
    if (cells_.size() < kMaxCells) cells_.push_back(cell);
  }
  void read_quoted();
  /// Where an unquoted cell ends in the rest.
  std::size_t cell_end() const { return rest_.find_first_of({stops_, sizeof stops_}); }

  std::string_view rest_;
  const char stops_[2];  ///< the delimiter, the line's end
  std::string_view record_;
  std::vector<std::string_view> cells_;
  std::deque<std::string> unquoted_;  ///< a deque: views into its strings must hold while it grows
  std::size_t unquoted_used_ = 0;
  bool well_formed_ = true;
};

/// Appends a cell, quoted where RFC 4180 asks for it, or a reader may take blanks off. For numbers
/// and the like: a text goes out by append_csv_text().
void append_csv_cell(std::string& out, std::string_view text);
/// How texts go out. A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, a tab or a
/// carriage return as a formula, and the texts are their senders'.
enum class CsvTexts : std::uint8_t {
  kGuarded,  ///< one that begins so gets a `'` before it, and quotes
  kRaw       ///< as they are
};
void append_csv_text(std::string& out, std::string_view text, CsvTexts texts);
/// The text of a cell without the `'` that append_csv_text() put there. A text that came with a `'`
/// of its own before such a sign got another one: each text comes back as it was.
std::string_view without_csv_guard(std::string_view cell);
std::string_view trim_blanks(std::string_view text);
/// A finite number that takes the whole text, blanks around it and a leading '+' allowed.
std::optional<double> parse_number(std::string_view text);
/// Appends a number's text as it stands where JSON allows it so, else written anew.
void append_json_number(std::string& out, std::string_view text, double value);

}  // namespace slipstream
