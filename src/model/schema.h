#pragma once
#include <array>
#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/series_limit.h"

namespace slipstream {

using FieldId = std::uint16_t;

/// Fields that the racing figures are computed from have fixed ids.
namespace field {
inline constexpr FieldId kLapdistM = 0;
inline constexpr FieldId kSpeedKmh = 1;
inline constexpr FieldId kAccxCan = 2;
inline constexpr FieldId kAccyCan = 3;
inline constexpr FieldId kSteeringAngle = 4;
inline constexpr FieldId kPbrakeF = 5;
inline constexpr FieldId kRpm = 6;
inline constexpr FieldId kWellKnownCount = 7;
}  // namespace field

/// Names of numeric fields, numbered in order of first sight. Bounded, append-only.
/// Threads: all functions from any thread; name() and json_name() take no lock.
class FieldTable {
 public:
  static constexpr std::size_t kMaxFields = 4096;

  explicit FieldTable(const std::array<std::string, field::kWellKnownCount>& well_known);

  /// The id of `name`, given out now if it is new; nothing when the table is full. For names that
  /// are known to be short: names that come from outside are kept for good, so whoever takes some
  /// looks at Schema::kMaxFieldNameBytes first.
  std::optional<FieldId> intern(std::string_view name);
  std::string_view name(FieldId id) const { return names_[id]; }
  /// As it stands inside of a JSON string.
  std::string_view json_name(FieldId id) const { return json_names_[id]; }
  std::size_t size() const { return size_.load(std::memory_order_acquire); }

 private:
  std::mutex mutex_;  // guards ids_ and writes to the names
  boost::unordered_flat_map<std::string, FieldId> ids_;
  std::vector<std::string> names_;
  std::vector<std::string> json_names_;
  std::atomic<std::size_t> size_{0};
};

struct FieldRange {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();

  template <typename Number>
  bool holds(Number value) const {
    const auto number = static_cast<double>(value);
    return number >= min && number <= max;
  }
};

/// How tables of others are read.
struct CsvOptions {
  /// The replaced system's: a cell of lap or of a well-known field that is empty, or that a line by
  /// position does not have, is 0 instead of absent.
  bool empty_is_zero = false;
  /// A column's name in others' headers, and the member that it is.
  std::vector<std::pair<std::string, std::string>> columns = {};
};

/// A field that is computed from a point's others (derive/derived_fields.h).
struct DerivedField {
  std::string name;
  std::string expression = {};
};

/// What the members of a point are called and what they may hold. The defaults are racing's.
struct SchemaOptions {
  std::string time = "meta_time";
  std::string track = "track";      ///< where; required dimension
  std::string chassis = "chassis";  ///< which machine; required dimension
  std::string lap = "lap";
  std::string sector = "sector";
  /// Member names of the well-known fields, in the order of namespace field.
  std::array<std::string, field::kWellKnownCount> well_known = {
      "lapdist_m", "speed_kmh", "accx_can", "accy_can", "Steering_Angle", "pbrake_f", "rpm"};
  std::string sequence = {};  ///< member that numbers a machine's points; empty: none
  /// Members whose texts tell a machine's series apart. Those of line protocol's tags always do.
  std::vector<std::string> tags = {};
  std::size_t max_series_per_machine = SeriesLimit::kMaxPerMachine;
  std::vector<std::pair<std::string, FieldRange>> ranges = {};
  std::int64_t future_skew_ms = 300'000;
  std::size_t max_point_bytes = 65'536;
  CsvOptions csv = {};
  /// Each is made of the fields that come with the point, and of those before it here.
  std::vector<DerivedField> derived = {};
};

/// The schema in force. Owns the field table and the series that are known to come. Immutable but
/// for these.
class Schema {
 public:
  explicit Schema(SchemaOptions options = {});

  const SchemaOptions& options() const { return options_; }
  FieldTable& fields() { return fields_; }
  const FieldTable& fields() const { return fields_; }
  SeriesLimit& series() { return series_; }
  /// Of fields, beside those of lap and sector.
  bool has_ranges() const { return !ranges_.empty(); }
  /// nullptr when the field has no configured range.
  const FieldRange* range(FieldId id) const {
    return id < ranges_.size() && ranges_[id] ? &*ranges_[id] : nullptr;
  }
  const std::optional<FieldRange>& lap_range() const { return lap_range_; }
  const std::optional<FieldRange>& sector_range() const { return sector_range_; }

  static constexpr std::size_t kMaxDimensionBytes = 128;
  static constexpr std::size_t kMaxFieldNameBytes = 128;
  static constexpr std::size_t kMaxFieldsPerPoint = 256;
  static constexpr std::int64_t kMaxSector = 1'000'000;
  static constexpr std::int64_t kMaxLap = 32'767;
  static constexpr std::int64_t kLapFault = 32'768;  ///< the GR86 logger's "no lap"

 private:
  SchemaOptions options_;
  FieldTable fields_;
  SeriesLimit series_;
  std::vector<std::optional<FieldRange>> ranges_;
  std::optional<FieldRange> lap_range_;
  std::optional<FieldRange> sector_range_;
};

}  // namespace slipstream
