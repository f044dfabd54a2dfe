#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/csv_text.h"

namespace slipstream {

/// Rollups, each a JSON object, as CSV (RFC 4180): a column a member, in order of first appearance.
/// For more than memory holds, in two passes: all are learnt before the header and the rows.
class RollupsCsv {
 public:
  explicit RollupsCsv(CsvTexts texts) : texts_(texts) {}

  void learn(std::string_view rollup);
  /// What every rollup has: the header where there is none.
  void learn_any();
  void append_header(std::string& out) const;
  void append_row(std::string& out, std::string_view rollup);
  std::size_t columns() const { return columns_.size(); }
  std::size_t header_bytes() const { return header_bytes_; }
  /// Forgets the columns that were learnt after the first `columns`.
  void keep(std::size_t columns);

 private:
  std::size_t name_bytes(std::string_view name) const;
  /// The column that stands `at`-th in a rollup; nothing: there is none of the name. Rollups of one
  /// window have their members in the same order.
  std::optional<std::size_t> column_of(std::string_view name, std::size_t at);

  const CsvTexts texts_;
  std::vector<std::string> columns_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::vector<std::string> cells_;
  std::size_t header_bytes_ = 0;
  std::vector<std::size_t> order_;  ///< columns as they stood in a rollup before
};

}  // namespace slipstream
