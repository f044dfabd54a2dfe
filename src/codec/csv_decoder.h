#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/csv_text.h"
#include "codec/point_builder.h"

namespace slipstream {

/// CSV points: the fixed columns of the wire contract (time, track, chassis, lap, the well-known
/// fields), at least the first six; or, in bodies and files, columns in any order named by a
/// header. One thread.
class CsvDecoder {
 public:
  explicit CsvDecoder(PointBuilder& builder);

  /// Lines in the fixed columns; returns how many points they held, refused ones included.
  std::size_t decode(std::string_view text, const TextOrigin& origin, RejectionSink& rejections);
  /// The same, but a first line that names the columns is taken for what it is.
  std::size_t decode_body(std::string_view text, const TextOrigin& origin,
                          RejectionSink& rejections);

 private:
  enum class Role : std::uint8_t {
    kTime,
    kTrack,
    kChassis,
    kLap,
    kSector,
    kSequence,
    kField,
    kRawSource,  ///< the server's own, where it knows who sent the text
    kOther
  };
  struct Column {
    std::string name;
    Role role;
    FieldId id = 0;
  };
  using Outcome = std::expected<void, Rejection>;

  Column column(std::string_view name) const;
  /// Why these cannot be a text's columns.
  static std::optional<std::string> fault_of(const std::vector<Column>& columns);
  bool is_header(const std::vector<std::string_view>& cells) const;
  std::size_t decode_rows(CsvReader& reader, const std::vector<Column>& columns,
                          std::size_t required, const TextOrigin& origin,
                          RejectionSink& rejections);
  Outcome decode_row(const CsvReader& reader, const std::vector<Column>& columns,
                     std::size_t required, const TextOrigin& origin);
  Outcome decode_cell(const Column& column, std::string_view cell);

  PointBuilder& builder_;
  std::vector<Column> fixed_;
  Draft draft_;
  std::string json_;            ///< the row as a JSON object
  std::size_t lap_offset_ = 0;  ///< where the lap stands in it
  std::size_t lap_length_ = 0;
};

}  // namespace slipstream
