#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/bit_stream.h"
#include "codec/chain_model.h"
#include "codec/log_entry.h"
#include "model/schema.h"

namespace slipstream {

/// Reads what ChainEncoder wrote: the payloads of a chain in their order, from its first one on. It
/// refuses anything else, and a payload that goes on with another chain than the one it has read;
/// it reads no byte beyond them and takes memory within the limits of codec/chain_model.h. One
/// thread; allocates nothing once its buffers have grown.
class ChainDecoder {
 public:
  ChainDecoder(FieldTable& fields, BatchPool& pool) : fields_(fields), pool_(pool) {}

  /// Checks and reads the whole payload, which must outlive the calls of next(). After a failure
  /// only the beginning of a chain can be read.
  bool open(std::string_view payload);
  /// Of the payload that is open.
  std::uint32_t count() const { return count_; }
  /// Fills `entry` with the next entry; false after the last.
  bool next(LogEntry& entry);
  /// What was between is not known: only the beginning of a chain can be read.
  void end_chain() { is_open_ = false; }

  /// Values lost since the field table was full, since the start.
  std::uint64_t values_dropped() const { return values_dropped_; }
  /// Sources that are read as kReplay, since their names are not known, since the start.
  std::uint64_t sources_unknown() const { return sources_unknown_; }

 private:
  struct Series {
    TextRef track;
    TextRef chassis;
    TextRef tags;
    std::uint64_t hash = 0;
    std::uint64_t batch = 0;  ///< the last one that has its names ...
    TextRef track_there = {};
    TextRef chassis_there = {};
    TextRef tags_there = {};
  };
  struct Shape {
    std::uint8_t flags = 0;
    SourceKind source = SourceKind::kReplay;
    std::uint32_t field_count = 0;
    std::uint32_t first_field = 0;  ///< in shape_fields_
  };
  struct Field {
    FieldId id = 0;
    bool is_known = false;  ///< else the field table is full
    unsigned form = 0;
    chain::Column column = {};
  };
  struct Strand {
    std::uint32_t series = 0;
    std::uint32_t shape = 0;
    std::uint32_t partition = 0;
    std::uint32_t next = 0;
    std::uint32_t first_value = 0;  ///< in histories_
    std::array<chain::History, chain::kPlainCount> plain = {};
  };
  struct Row {
    std::int64_t event_ns;
    std::int64_t arrival_ms;
    std::uint64_t sequence;
    std::uint32_t strand;
    std::int32_t sector;
    std::uint32_t text_length;
    TextRef literal;  ///< in the text
    std::int16_t lap;
  };

  bool read(std::string_view payload);
  bool begin_chain(ByteReader& reader);
  bool read_names(ByteReader& reader);
  bool read_series(ByteReader& reader);
  bool read_fields(ByteReader& reader);
  bool read_sources(ByteReader& reader);
  bool read_shapes(ByteReader& reader);
  bool read_strands(ByteReader& reader);
  bool read_controls(ByteReader& reader);
  bool read_control(ByteReader& reader, LogEntry& entry);
  bool read_points(ByteReader& reader, std::uint64_t points);
  bool read_point(BitReader& bits, Row& row);
  bool read_rare(BitReader& bits, const Shape& shape, Strand& strand, Row& row);
  bool read_values(BitReader& bits, const Shape& shape, const Strand& strand);
  bool make_runs();
  PointBatchPtr take_points(const LogEntry& run);
  std::size_t fill_point(PointBatch& batch, Point& point, std::size_t first_value);
  void fill_names(PointBatch& batch, Point& point, Series& series);
  TextRef keep(std::string_view text);

  FieldTable& fields_;
  BatchPool& pool_;
  bool is_open_ = false;
  std::uint8_t version_ = 0;  ///< of the payload
  std::uint64_t place_ = 0;   ///< of the next payload in the chain
  std::uint8_t unit_ = 0;
  std::string text_;
  std::vector<Series> series_;
  std::vector<Field> field_list_;
  std::vector<SourceKind> sources_;
  std::vector<Shape> shapes_;
  std::vector<std::uint32_t> shape_fields_;
  std::vector<Strand> strands_;
  std::vector<chain::History> histories_;
  std::array<chain::Column, chain::kPlainCount> plain_;
  chain::History lag_;
  std::uint32_t last_strand_ = 0;
  std::int64_t last_control_ns_ = 0;

  struct Control {
    LogEntry entry;
    std::uint64_t points_before;  ///< since the control before
  };
  std::vector<Control> controls_;
  std::vector<LogEntry> runs_;
  std::vector<Row> rows_;
  std::vector<double> values_;
  std::string_view texts_;
  std::uint32_t count_ = 0;
  std::size_t next_run_ = 0;
  std::size_t next_row_ = 0;
  std::size_t next_value_ = 0;
  std::size_t next_text_ = 0;
  std::uint64_t batch_ = 0;
  std::uint64_t values_dropped_ = 0;
  std::uint64_t sources_unknown_ = 0;
};

}  // namespace slipstream
