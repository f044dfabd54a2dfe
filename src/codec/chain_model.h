#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

#include "codec/byte_planes.h"

/// How a chain's numbers are guessed and how wide what is left of them is told: the same to the bit
/// in encoder and decoder, and in docs/log_payload.md.
namespace slipstream::chain {

/// What a chain may come to: neither side takes more memory for one, whatever the bytes are.
inline constexpr std::size_t kMaxPoints = 65'536;     ///< of a payload
inline constexpr std::size_t kMaxValues = 1'048'576;  ///< of a payload; of a chain's strands, too
inline constexpr std::size_t kMaxPayloads = 256;      ///< of a chain
/// Of a chain, beyond its first payload: one that has come to so much is gone on with no more.
inline constexpr std::size_t kMaxBytes = 16u << 10;
inline constexpr std::size_t kMaxControls = 65'536;  ///< of a payload
/// Of a chain: its series, fields, sources, shapes and strands, each.
inline constexpr std::size_t kMaxNames = 65'536;
inline constexpr std::size_t kMaxShapeFields = kMaxValues;           ///< of a chain
inline constexpr std::size_t kMaxNameBytes = std::size_t{16} << 20;  ///< of a chain's series

/// A running mean of what was left of guesses, in eighths.
class Mean {
 public:
  /// Begins at 2^exponent.
  void begin(unsigned exponent) { sum_ = std::uint64_t{8} << exponent; }
  /// What is far beyond counts as eight times the mean, so that one leap does not spoil it.
  void add(std::uint64_t rest) { sum_ = sum_ - sum_ / 8 + std::min({rest, sum_, kMost}); }
  /// The Rice code's k: the mean's binary logarithm, less what a geometric distribution's median
  /// is below its mean.
  unsigned k() const { return static_cast<unsigned>(std::bit_width(sum_ / 8 * 11 / 16)); }
  std::uint64_t sum() const { return sum_; }
  /// What begin() would be given for about this mean.
  unsigned exponent() const {
    return sum_ < 16 ? 0 : static_cast<unsigned>(std::bit_width(sum_ / 8)) - 1;
  }

  static constexpr unsigned kMaxExponent = 54;

 private:
  static constexpr std::uint64_t kMost = std::uint64_t{1} << kMaxExponent;

  std::uint64_t sum_ = 8;
};

/// Of one strand in one column.
struct History {
  std::uint64_t last = 0;
  std::uint64_t step = 0;  ///< from the one before the last
  Mean by_last;            ///< of what is left where the last one is the guess ...
  Mean by_step;            ///< ... and the last one and the step
  bool is_begun = false;
};

/// A column of numbers. A strand's next one is guessed to be its last one, or its last one and the
/// last step once more, whichever has been nearer of late; a strand's first one to be the one
/// before in the column.
class Column {
 public:
  struct Guess {
    std::uint64_t value;
    unsigned k;
  };

  /// `before`: the guess for the first number of all.
  void begin(unsigned first_exponent, unsigned exponent, std::uint64_t before = 0) {
    before_ = before;
    first_.begin(first_exponent);
    next_.begin(exponent);
  }
  Guess guess(const History& of) const {
    if (!of.is_begun) return {before_, first_.k()};
    if (of.by_step.sum() < of.by_last.sum()) return {of.last + of.step, of.by_step.k()};
    return {of.last, of.by_last.k()};
  }
  void learn(History& of, std::uint64_t value) {
    if (of.is_begun) {
      const std::uint64_t step = value - of.last;
      const std::uint64_t rest = to_zigzag(step);
      next_.add(rest);
      of.by_last.add(rest);
      of.by_step.add(to_zigzag(step - of.step));
      of.step = step;
    } else {
      first_.add(to_zigzag(value - before_));
      of.by_last = of.by_step = next_;
      of.is_begun = true;
    }
    of.last = before_ = value;
  }
  unsigned first_exponent() const { return first_.exponent(); }
  unsigned exponent() const { return next_.exponent(); }

 private:
  std::uint64_t before_ = 0;
  Mean first_;
  Mean next_;  ///< of all strands: what a new one begins with
};

/// Columns of what is no value.
enum Plain : std::size_t {
  kTime,
  kLag,
  kLap,
  kSector,
  kSequence,
  kText,
  kPlace,
  kSize,
  kPlainCount
};

}  // namespace slipstream::chain
