#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "codec/value_form.h"

namespace slipstream {

/// Guesses a series's next number in a column: its previous one there, or, where it has none, the
/// number before. Forgets at no cost when the next column begins.
class Predictor {
 public:
  void begin(std::size_t series_count) {
    if (last_.size() < series_count) last_.resize(series_count);
    ++column_;
    before_ = 0;
  }
  std::uint64_t guess(std::uint32_t series) const {
    const Last& last = last_[series];
    return last.column == column_ ? last.value : before_;
  }
  void learn(std::uint32_t series, std::uint64_t value) {
    last_[series] = {value, column_};
    before_ = value;
  }

 private:
  struct Last {
    std::uint64_t value = 0;
    std::uint64_t column = 0;
  };
  std::vector<Last> last_;
  std::uint64_t column_ = 0;
  std::uint64_t before_ = 0;
};

/// The values of one field, bit for bit, in whichever form is small:
///  - decimal: whole numbers, by the smallest e that fits all (codec/value_form.h); what fits none
///    stands apart.
///  - steps: differences of bit patterns, as multiples of a step of a 32-bit float of that size and
///    the rest, which is next to nothing for values that once were such floats.
/// Both as differences from Predictor's guess, in planes. One thread.
class ValueColumn {
 public:
  /// `series[i]`, less than `series_count`, is whose `values[i]` is.
  void encode(std::string& out, std::span<const double> values,
              std::span<const std::uint32_t> series, std::size_t series_count);
  /// Fills `values`, for which there is a byte each at least; false where the bytes do not give
  /// them.
  bool decode(ByteReader& reader, std::span<double> values, std::span<const std::uint32_t> series,
              std::size_t series_count);
  /// Passes over the column of `count` values, for which there is a byte each at least; false where
  /// the bytes are none. What is passed over is not checked as far as it would be.
  static bool skip(ByteReader& reader, std::size_t count);

 private:
  void encode_decimals(std::string& out, std::span<const double> values,
                       std::span<const std::uint32_t> series, value_form::Choice choice);
  void encode_steps(std::string& out, std::span<const double> values,
                    std::span<const std::uint32_t> series);
  bool decode_decimals(ByteReader& reader, std::span<double> values,
                       std::span<const std::uint32_t> series, unsigned form);
  bool decode_steps(ByteReader& reader, std::span<double> values,
                    std::span<const std::uint32_t> series);

  Predictor predictor_;
  std::vector<std::uint64_t> column_;
  std::vector<std::uint64_t> rests_;
  std::vector<std::size_t> exceptions_;
};

}  // namespace slipstream
