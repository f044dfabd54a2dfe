#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/csv_text.h"
#include "model/point.h"
#include "model/schema.h"

namespace slipstream {

/// Points as CSV (RFC 4180): time, track, chassis, lap, sector, then a column for each further
/// member, in the order in which they were first seen. In two passes: all points are learnt before
/// the header and the rows. One thread.
class PointCsv {
 public:
  PointCsv(const Schema& schema, CsvTexts texts);

  void learn(const PointBatch& batch, const Point& point);
  void append_header(std::string& out) const;
  void append_row(std::string& out, const PointBatch& batch, const Point& point);

 private:
  enum Fixed : std::size_t { kTime, kTrack, kChassis, kLap, kSector, kFixedCount };

  std::size_t column(std::string_view name);
  std::size_t column_of(FieldId field);
  /// Calls `take(column, append)` for each member beyond the fixed ones; `append(out)` writes its
  /// cell.
  template <typename Take>
  void for_each_member(const PointBatch& batch, const Point& point, Take take);

  const Schema& schema_;
  const CsvTexts texts_;
  std::vector<std::string> columns_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::vector<std::size_t> by_field_;  ///< 0: not looked up yet
  std::vector<std::string> cells_;
};

}  // namespace slipstream
