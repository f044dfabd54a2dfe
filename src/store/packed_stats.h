#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/statistic.h"

namespace slipstream {

/// Statistics of a rollup as a row of `packed_rollups` has them: numbers alone, two characters a
/// byte, whose names and decimal places are the row's layout's. docs/store.md has the format; what
/// is unpacked is what was packed, to the character.

/// Places behind the point, of each field: numbers that have no more are kept as integers.
using FieldPlaces = std::vector<std::uint8_t>;

/// A rollup's statistics as JSON, cut into names and numbers. Refers to the text it was read from.
class StatsMatrix {
 public:
  /// False: it is not an object in which each field has the same statistics in the same order, and
  /// numbers only. Such a one is kept as it is.
  bool read(std::string_view object);

  /// JSON arrays of names.
  std::string fields() const;
  std::string statistics() const;
  /// How many places the least, greatest and last values have.
  FieldPlaces places() const;
  /// `count`: the rollup's; `places`: the layout's, one a field.
  std::string pack(std::uint64_t count, const FieldPlaces& places) const;

 private:
  std::string_view value(std::size_t field, std::size_t statistic) const {
    return values_[field * statistics_.size() + statistic];
  }
  bool append_derived(std::string& out, std::size_t field, std::uint64_t count,
                      std::uint8_t places) const;

  std::vector<std::string_view> fields_;
  std::vector<const Statistic*> statistics_;
  std::vector<std::string_view> values_;
};

/// Writes packed statistics of one layout as members of a JSON object. Immutable.
class StatsUnpacker {
 public:
  /// By the columns of `rollup_layouts`. Nothing: they are none.
  static std::optional<StatsUnpacker> of(std::string_view fields, std::string_view statistics,
                                         std::string_view scales);
  /// Each member behind a comma. False: `packed` is not of this layout; `out` is as it was.
  bool append(std::string& out, std::string_view packed, std::uint64_t count) const;

 private:
  struct Name {
    std::size_t begin;
    std::size_t size;
  };
  char* write_name(char* out, std::size_t member) const;
  /// Of `text` the members; returns their end, nullptr: it is not of this layout.
  char* write(char* out, std::string_view text, std::uint64_t count) const;

  std::vector<const Statistic*> statistics_;
  std::vector<Name> members_;  ///< `,"avg_speed_kmh":`, statistic by statistic of a field
  std::string names_;          ///< of them
  FieldPlaces places_;
  bool is_standard_ = false;  ///< fields' numbers may be differences
};

/// The column `scales`: a JSON array of powers of ten.
std::string scales_text(const FieldPlaces& places);
std::optional<FieldPlaces> parse_scales(std::string_view text);

}  // namespace slipstream
