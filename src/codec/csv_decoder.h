#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/csv_columns.h"
#include "codec/csv_text.h"
#include "codec/decoder.h"
#include "codec/draft_filler.h"
#include "codec/row_json.h"

namespace slipstream {

/// CSV points, in datagrams, bodies and files alike: columns named by a header, in any order and
/// case and by their usual synonyms (CsvColumns); or the fixed columns of the wire contract, at
/// least the first six. What stands before the first row is passed over, and the delimiter told
/// (CsvDialect). A header that cannot be mapped refuses the whole text, as one; anything else that
/// is wrong costs its row alone. An empty cell is absent. One thread.
class CsvDecoder final : public Decoder {
 public:
  explicit CsvDecoder(DraftFiller& filler);

  std::size_t decode(std::string_view text, const TextOrigin& origin,
                     RejectionSink& rejections) override;

 private:
  using Outcome = DraftFiller::Outcome;
  /// How the rows of a text are read.
  struct Table {
    std::vector<CsvColumn>& columns;
    std::size_t required;  ///< cells of a row
    CsvDialect dialect;
    bool has_header;
    std::span<const std::size_t> other_times = {};  ///< CsvColumns::other_times()
  };

  /// Maps it, if it is one.
  bool is_header_in_comment(const CsvPreamble& preamble, bool has_track);
  std::size_t decode_rows(CsvReader& reader, const Table& table, const TextOrigin& origin,
                          RejectionSink& rejections);
  Outcome decode_row(const CsvReader& reader, const Table& table, const TextOrigin& origin);
  static Outcome check_count(const std::vector<std::string_view>& cells, const Table& table);
  void look_for_time(const std::vector<std::string_view>& cells, const Table& table);
  Outcome decode_cell(CsvColumn& column, std::string_view cell, const CsvDialect& dialect);
  Outcome decode_time(CsvColumn& column, std::string_view cell, const CsvDialect& dialect);

  DraftFiller& filler_;
  const bool empty_is_zero_;
  CsvColumns columns_;
  RowJson json_;         ///< of the row
  std::string scratch_;  ///< a number's text
};

}  // namespace slipstream
