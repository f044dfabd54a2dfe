#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipstream {

/// A tag or a field of a line.
struct LineMember {
  enum class Kind : std::uint8_t { kTag, kNumber, kText, kFlag };
  std::string_view name;
  Kind kind;
  std::string_view value;  ///< a number as digits, without its type's letter; a flag as true, false
};

/// Cuts InfluxDB's line protocol into lines: `measurement,tag=.. field=..,field=.. timestamp`.
/// Backslashes escape commas, equals signs and blanks in names and tags, quotes and backslashes in
/// strings; before anything else they stand for themselves. A line ends in a line feed, carriage
/// returns before it or not; strings may hold both. Views are into the text, or into the reader
/// where something was escaped; they hold until the next call. A line that is none costs none of
/// its neighbours. One thread.
class LineReader {
 public:
  static constexpr std::size_t kMaxMembers = 512;

  explicit LineReader(std::string_view text) : rest_(text) {}

  /// The next line that is neither blank nor a comment, or false at the end.
  bool next();
  /// Nothing where the line is well formed, else what is wrong with it.
  const std::string& fault() const { return fault_; }
  std::string_view line() const { return line_; }
  std::string_view measurement() const { return measurement_; }
  const std::vector<LineMember>& members() const { return members_; }
  std::optional<std::int64_t> timestamp() const { return timestamp_; }

  /// Whether a text is line protocol rather than CSV, told by the shape of its first line that is
  /// no comment.
  static bool looks_like_lines(std::string_view text);

 private:
  bool read_line();
  bool read_tags();
  bool read_fields();
  bool read_field_value(std::string_view name);
  bool read_timestamp();
  bool add(LineMember member);
  bool fail(std::string message);
  /// Up to the first of `stops` that is not escaped, or the line's end.
  std::string_view read_name(std::string_view stops);
  std::string_view unescaped(std::string_view text, std::string_view specials);
  void skip_blanks() {
    while (at(' ') || at('\t')) ++position_;
  }
  bool at(char c) const { return position_ < rest_.size() && rest_[position_] == c; }
  /// The line ends, or has a carriage return within.
  bool at_break() const { return position_ >= rest_.size() || at('\n') || at('\r'); }
  bool at_end() const;

  std::string_view rest_;
  std::size_t position_ = 0;     ///< in the rest
  std::size_t strings_end_ = 0;  ///< in the rest: behind the line's last string that is whole
  std::string_view line_;
  std::string_view measurement_;
  std::vector<LineMember> members_;
  std::optional<std::int64_t> timestamp_;
  std::string fault_;
  std::deque<std::string> copies_;  ///< a deque: views into its strings must hold while it grows
};

}  // namespace slipstream
