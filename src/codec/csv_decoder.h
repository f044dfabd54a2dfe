#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/csv_text.h"
#include "codec/decoder.h"
#include "codec/draft_filler.h"
#include "codec/row_json.h"

namespace slipstream {

/// CSV points: the fixed columns of the wire contract (time, track, chassis, lap, the well-known
/// fields), at least the first six; or, in bodies and files, columns in any order named by a
/// header. One thread.
class CsvDecoder final : public Decoder {
 public:
  explicit CsvDecoder(DraftFiller& filler);

  /// Lines in the fixed columns; of a body as decode_body() takes it.
  std::size_t decode(std::string_view text, const TextOrigin& origin,
                     RejectionSink& rejections) override;
  /// The same, but a first line that names the columns is taken for what it is.
  std::size_t decode_body(std::string_view text, const TextOrigin& origin,
                          RejectionSink& rejections);

 private:
  struct Column {
    Member member;               ///< its own, so that it is resolved once a text
    bool is_raw_source = false;  ///< the server's own, where it knows who sent the text
  };
  using Outcome = DraftFiller::Outcome;

  Column column(std::string_view name);
  /// Why these cannot be a text's columns.
  static std::optional<std::string> fault_of(const std::vector<Column>& columns);
  bool is_header(const std::vector<std::string_view>& cells) const;
  std::size_t decode_rows(CsvReader& reader, std::vector<Column>& columns, std::size_t required,
                          const TextOrigin& origin, RejectionSink& rejections);
  Outcome decode_row(const CsvReader& reader, std::vector<Column>& columns, std::size_t required,
                     const TextOrigin& origin);
  Outcome decode_cell(Member& member, std::string_view cell);
  Outcome decode_time(Member& member, std::string_view cell);

  DraftFiller& filler_;
  std::vector<Column> fixed_;
  RowJson json_;  ///< of the row
};

}  // namespace slipstream
