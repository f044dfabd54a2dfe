#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/chain_decoder.h"
#include "codec/log_entry.h"
#include "codec/value_column.h"
#include "model/schema.h"

namespace slipstream {

/// Reads what PointLogEncoder wrote, and refuses anything else: whatever the bytes are, it reads
/// none beyond them, and takes memory in proportion to them. One thread; allocates nothing once its
/// buffers have grown.
///
/// A point has all that it had, but its arrival only to the millisecond, and its JSON only where
/// `has_texts` (else `json` is empty). A source whose name this version does not know is read as
/// kReplay.
class PointLogDecoder {
 public:
  PointLogDecoder(FieldTable& fields, BatchPool& pool)
      : fields_(fields), pool_(pool), chain_(fields, pool) {}

  /// From now on values of other fields need not be read: where the payload's form allows it they
  /// are passed over, and come as NaN. `by_field`, by id and of FieldTable::kMaxFields, outlives
  /// this; nullptr: all are read.
  void read_only(const std::vector<bool>* by_field) { wanted_ = by_field; }
  /// Checks and reads the whole payload, which must outlive the calls of next(). One that goes on
  /// with a chain is refused where the payload before it was not the one before it in its chain.
  Result<void> open(std::string_view payload);
  /// Of the payload that is open.
  std::uint32_t count() const { return is_chain_ ? chain_.count() : count_; }
  /// Fills `entry` with the next entry; false after the last.
  bool next(LogEntry& entry);

  /// Values lost since the field table was full, since the start.
  std::uint64_t values_dropped() const { return values_dropped_ + chain_.values_dropped(); }
  /// Sources whose name is not known, since the start.
  std::uint64_t sources_unknown() const { return sources_unknown_ + chain_.sources_unknown(); }

 private:
  struct Series {
    std::string_view track;
    std::string_view chassis;
    std::string_view tags;
    std::uint64_t hash = 0;
    bool has_time = false;
    std::uint64_t event_time = 0;
    std::uint64_t lap = 0;
    std::uint64_t sector = 0;
    std::uint64_t sequence = 0;
    std::uint64_t batch = 0;  ///< the last one that has its names ...
    TextRef track_ref = {};   ///< ... here
    TextRef chassis_ref = {};
    TextRef tags_ref = {};
  };
  struct Shape {
    std::uint8_t flags = 0;
    SourceKind source = SourceKind::kReplay;
    std::uint16_t field_count = 0;
    std::uint32_t first_field = 0;  ///< in shape_fields_
    std::uint32_t points = 0;
  };
  struct Field {
    FieldId id;
    bool is_known;      ///< else the field table is full
    std::size_t begin;  ///< of its values in values_
    std::size_t next;   ///< the one that is put or taken next
  };
  /// What of a point is read from columns and is not a value.
  struct Row {
    std::uint64_t event_time;  ///< ns
    std::int64_t arrival_ms;
    std::uint64_t sequence;
    std::uint32_t series;
    std::uint32_t shape;
    std::int32_t sector;
    std::uint32_t text_length;
    TextRef literal;  ///< in the text
    std::int16_t lap;
  };

  bool read(std::string_view payload);
  bool read_runs(ByteReader& reader);
  bool read_dictionaries(ByteReader& reader);
  bool read_sources(ByteReader& reader);
  bool read_shapes(ByteReader& reader);
  bool read_source(ByteReader& reader, Shape& shape) const;
  bool read_rows(ByteReader& reader);
  bool read_rare(ByteReader& reader);
  bool read_values(ByteReader& reader);
  bool read_texts(ByteReader& reader);
  /// A column of `count` numbers, in column_.
  bool read_column(ByteReader& reader, std::uint64_t count);
  PointBatchPtr take_points(const LogEntry& run);
  std::size_t fill_point(PointBatch& batch, Point& point, std::size_t first_value);

  FieldTable& fields_;
  BatchPool& pool_;
  ChainDecoder chain_;
  bool is_chain_ = false;     ///< what is open is chain_'s
  std::uint8_t version_ = 0;  ///< of the payload
  std::vector<LogEntry> runs_;
  std::vector<Series> series_;
  std::vector<SourceKind> sources_;
  std::vector<Shape> shapes_;
  std::vector<std::uint32_t> shape_fields_;
  std::vector<Field> field_list_;
  std::vector<Row> rows_;
  std::vector<std::uint64_t> column_;
  std::vector<double> values_;
  std::vector<std::uint32_t> value_series_;
  ValueColumn value_column_;
  const std::vector<bool>* wanted_ = nullptr;
  std::string_view texts_;

  std::uint32_t count_ = 0;
  std::uint64_t point_count_ = 0;
  std::size_t next_run_ = 0;
  std::size_t next_row_ = 0;
  std::size_t next_text_ = 0;
  std::uint64_t batch_ = 0;
  std::uint64_t values_dropped_ = 0;
  std::uint64_t sources_unknown_ = 0;
};

}  // namespace slipstream
