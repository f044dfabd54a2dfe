#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codec/chain_encoder.h"
#include "codec/log_rows.h"
#include "codec/point_log_format.h"
#include "codec/value_column.h"
#include "model/schema.h"

namespace slipstream {

/// Writes rows as a payload of the log (docs/log_payload.md): many points in columns, to be
/// compressed by the log, few of them in a chain. All memory is kept for the next payload, and none
/// of it is cleared by its size. One thread.
class PointLogEncoder {
 public:
  explicit PointLogEncoder(const FieldTable& fields);

  /// Replaces `payload`. Of a point it keeps all but the texts of those without `has_texts`; its
  /// arrival to the millisecond it fell in. `may_lean`: the payload before is in the log, right
  /// before this one, so that it may go on with its chain.
  void encode(const LogRows& rows, std::string& payload, bool may_lean = false);
  /// The same in columns, whatever their number. No chain goes on behind it.
  void encode_columns(const LogRows& rows, std::string& payload);
  /// Whether the payload goes on with a chain: it can be read only after the one before.
  bool leans() const { return leans_; }

  /// More points than these are faster in columns, and no larger to speak of.
  static constexpr std::size_t kChainPoints = 256;

 private:
  struct Series {
    std::string_view track;
    std::string_view chassis;
    std::string_view tags;
    std::uint64_t event_time = 0;  ///< in the payload's unit
    std::uint64_t lap = 0;
    std::uint64_t sector = 0;
    std::uint64_t sequence = 0;
    std::uint32_t shape = kNone;  ///< of its last point
    std::uint32_t next = kNone;   ///< the series that last came behind it
  };
  /// The fields of points, in order, and what else they share.
  struct Shape {
    std::uint16_t flags = 0;  ///< the payload's, and above them the SourceKind
    std::uint16_t field_count = 0;
    std::uint32_t first_field = 0;  ///< in shape_fields_
    std::uint32_t points = 0;
  };
  struct ShapeField {
    FieldId id;
    std::uint16_t index;  ///< in the payload's dictionary
  };
  struct Slot {
    std::uint64_t hash = 0;
    std::uint64_t epoch = 0;  ///< of the payload that it is of; else it is free
    std::uint32_t index = 0;
  };
  /// Numbers for what was seen in this payload, by hash.
  class Index {
   public:
    template <typename IsIt>
    Slot& find(std::uint64_t hash, std::uint64_t epoch, IsIt is_it);
    void make_room(std::size_t entries, std::uint64_t epoch);

   private:
    std::vector<Slot> slots_ = std::vector<Slot>(256);
  };
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  void begin();
  void add_point(const LogRows& rows, const Point& p, std::int64_t unit);
  std::uint32_t series_of(const LogRows& rows, const Point& p);
  std::uint32_t shape_of(const Value* values, std::uint16_t count, std::uint16_t flags);
  bool is_shape(std::uint32_t shape, const Value* values, std::uint16_t count,
                std::uint16_t flags) const;
  void sort_values(const LogRows& rows);
  void write_runs(const LogRows& rows, std::string& out) const;
  void write_dictionaries(std::string& out) const;
  void write_shapes(std::string& out) const;
  void write_values(std::string& out);

  const FieldTable& fields_;
  ChainEncoder chain_;
  bool leans_ = false;
  std::uint64_t epoch_ = 0;
  Index series_index_;
  Index shape_index_;
  std::vector<Series> series_;
  std::uint32_t last_series_ = kNone;
  std::uint32_t first_series_ = kNone;
  std::vector<Shape> shapes_;
  std::vector<ShapeField> shape_fields_;
  std::vector<FieldId> field_ids_;  ///< the payload's dictionary
  struct FieldNumber {
    std::uint64_t epoch = 0;
    std::uint16_t index = 0;
  };
  std::vector<FieldNumber> field_numbers_;  ///< by id: its place in the dictionary

  std::array<std::vector<std::uint64_t>, point_log::kColumnCount> columns_;
  std::uint64_t last_event_time_ = 0;
  std::uint64_t last_arrival_ = 0;
  std::vector<std::uint32_t> point_series_;
  std::vector<std::uint32_t> point_shape_;
  std::vector<std::size_t> field_ends_;  ///< where a field's values end
  std::vector<double> values_;           ///< field by field
  std::vector<std::uint32_t> value_series_;
  ValueColumn value_column_;
};

}  // namespace slipstream
