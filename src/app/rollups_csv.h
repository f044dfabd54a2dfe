#pragma once
#include <cstddef>
#include <map>
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
  void append_header(std::string& out) const;
  void append_row(std::string& out, std::string_view rollup);

 private:
  const CsvTexts texts_;
  std::vector<std::string> columns_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::vector<std::string> cells_;
};

/// The same of a few. Of none, what every rollup has is the header.
std::string rollups_to_csv(const std::vector<std::string>& rollups, CsvTexts texts);

}  // namespace slipstream
