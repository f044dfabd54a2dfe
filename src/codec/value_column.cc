#include "codec/value_column.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "codec/byte_planes.h"

namespace slipstream {
namespace {

constexpr unsigned kExponents = 10;  // 0..9
// The byte that begins a column: e where values are i / 10^e, kProducts + e where i * 10^-e.
constexpr unsigned kProducts = 16;
constexpr unsigned kSteps = 32;
// A float's mantissa has 23 bits, a double's 52.
constexpr unsigned kStepBits = 29;

constexpr double kPowers[kExponents] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
constexpr double kInverses[kExponents] = {1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9};

// Added to and taken from a number below 2^51 it leaves the nearest whole one (ALP, section 3.1).
constexpr double kRounder = 6'755'399'441'055'744.0;
constexpr double kLimit = 2'251'799'813'685'248.0;

/// Values checked at once, without a branch, so that the compiler can use vector instructions.
constexpr std::size_t kChunk = 128;

template <bool is_product>
bool fits(double value, unsigned exponent) {
  const double scaled = value * kPowers[exponent];
  const double whole = (scaled + kRounder) - kRounder;
  const double again = is_product ? whole * kInverses[exponent] : whole / kPowers[exponent];
  return std::abs(scaled) < kLimit &&
         std::bit_cast<std::uint64_t>(again) == std::bit_cast<std::uint64_t>(value);
}

template <bool is_product>
bool all_fit(std::span<const double> values, unsigned exponent) {
  const double power = kPowers[exponent];
  const double inverse = kInverses[exponent];
  std::uint64_t misfit = 0;
  for (const double value : values) {
    const double scaled = value * power;
    const double whole = (scaled + kRounder) - kRounder;
    const double again = is_product ? whole * inverse : whole / power;
    misfit |= std::bit_cast<std::uint64_t>(again) ^ std::bit_cast<std::uint64_t>(value);
    misfit |= std::abs(scaled) < kLimit ? std::uint64_t{0} : ~std::uint64_t{0};
  }
  return misfit == 0;
}

struct Fit {
  unsigned exponent = 0;
  std::size_t exceptions = 0;
};

/// Gives up, with more exceptions than the limit, where they are many.
template <bool is_product>
Fit find_exponent(std::span<const double> values, std::size_t limit) {
  Fit fit;
  for (std::size_t begin = 0; begin < values.size();) {
    const auto chunk = values.subspan(begin, std::min(kChunk, values.size() - begin));
    if (all_fit<is_product>(chunk, fit.exponent)) {
      begin += chunk.size();
      continue;
    }
    unsigned higher = fit.exponent;
    for (const double value : chunk) {
      if (fits<is_product>(value, fit.exponent)) continue;
      higher = fit.exponent + 1;
      while (higher < kExponents && !fits<is_product>(value, higher)) ++higher;
      if (higher < kExponents) break;
      if (++fit.exceptions > limit) return fit;
    }
    if (higher > fit.exponent && higher < kExponents) {
      // What fitted before need not fit now.
      fit = {higher, 0};
      begin = 0;
    } else {
      begin += chunk.size();
    }
  }
  return fit;
}

}  // namespace

ValueColumn::Choice ValueColumn::choose(std::span<const double> values) const {
  // Nearly all columns fit one form whole, and exceptions are slow to look for.
  Fit quotient = find_exponent<false>(values, 0);
  if (quotient.exceptions == 0) return {quotient.exponent, 0};
  Fit product = find_exponent<true>(values, 0);
  if (product.exceptions == 0) return {kProducts + product.exponent, 0};

  const std::size_t limit = values.size() / 8;
  quotient = find_exponent<false>(values, limit);
  product = find_exponent<true>(values, limit);
  if (product.exceptions < quotient.exceptions) {
    return {kProducts + product.exponent, product.exceptions};
  }
  if (quotient.exceptions <= limit) return {quotient.exponent, quotient.exceptions};
  return {kSteps, 0};
}

void ValueColumn::encode(std::string& out, std::span<const double> values,
                         std::span<const std::uint32_t> series, std::size_t series_count) {
  const Choice choice = choose(values);
  ByteWriter(out).fixed(static_cast<std::uint8_t>(choice.form));
  predictor_.begin(series_count);
  column_.resize(values.size());
  if (choice.form == kSteps) {
    encode_steps(out, values, series);
  } else {
    encode_decimals(out, values, series, choice);
  }
}

void ValueColumn::encode_decimals(std::string& out, std::span<const double> values,
                                  std::span<const std::uint32_t> series, Choice choice) {
  const bool is_product = choice.form >= kProducts;
  const unsigned exponent = is_product ? choice.form - kProducts : choice.form;
  const double power = kPowers[exponent];
  exceptions_.clear();
  for (std::size_t i = 0; choice.exceptions > 0 && i < values.size(); ++i) {
    const bool fit =
        is_product ? fits<true>(values[i], exponent) : fits<false>(values[i], exponent);
    if (!fit) exceptions_.push_back(i);
  }
  auto exception = exceptions_.begin();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t guess = predictor_.guess(series[i]);
    if (exception != exceptions_.end() && *exception == i) {
      ++exception;
      predictor_.learn(series[i], guess);
      column_[i] = 0;
      continue;
    }
    const double whole = (values[i] * power + kRounder) - kRounder;
    const auto number = static_cast<std::uint64_t>(static_cast<std::int64_t>(whole));
    predictor_.learn(series[i], number);
    column_[i] = to_zigzag(number - guess);
  }
  append_planes(out, column_);
  ByteWriter writer(out);
  writer.varint(exceptions_.size());
  std::size_t next = 0;
  for (const std::size_t i : exceptions_) {
    writer.varint(i - next);
    writer.fixed(values[i]);
    next = i + 1;
  }
}

void ValueColumn::encode_steps(std::string& out, std::span<const double> values,
                               std::span<const std::uint32_t> series) {
  rests_.resize(values.size());
  constexpr std::uint64_t kHalfStep = std::uint64_t{1} << (kStepBits - 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto bits = std::bit_cast<std::uint64_t>(values[i]);
    const std::uint64_t difference = bits - predictor_.guess(series[i]);
    predictor_.learn(series[i], bits);
    const auto steps =
        static_cast<std::uint64_t>(static_cast<std::int64_t>(difference + kHalfStep) >> kStepBits);
    column_[i] = to_zigzag(steps);
    rests_[i] = to_zigzag(difference - (steps << kStepBits));
  }
  append_planes(out, column_);
  append_planes(out, rests_);
}

bool ValueColumn::decode(ByteReader& reader, std::span<double> values,
                         std::span<const std::uint32_t> series, std::size_t series_count) {
  const unsigned form = reader.fixed<std::uint8_t>();
  predictor_.begin(series_count);
  column_.resize(values.size());
  if (!read_planes(reader, column_)) return false;
  if (form == kSteps) return decode_steps(reader, values, series);
  return form % kProducts < kExponents && form < 2 * kProducts &&
         decode_decimals(reader, values, series, form);
}

bool ValueColumn::decode_decimals(ByteReader& reader, std::span<double> values,
                                  std::span<const std::uint32_t> series, unsigned form) {
  const unsigned exponent = form % kProducts;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t number = predictor_.guess(series[i]) + from_zigzag(column_[i]);
    predictor_.learn(series[i], number);
    values[i] = static_cast<double>(static_cast<std::int64_t>(number));
  }
  if (form >= kProducts) {
    for (double& value : values) value *= kInverses[exponent];
  } else if (exponent > 0) {
    for (double& value : values) value /= kPowers[exponent];
  }
  const std::uint64_t exceptions = reader.varint();
  std::uint64_t next = 0;
  for (std::uint64_t n = 0; n < exceptions; ++n) {
    const std::uint64_t skipped = reader.varint();
    const double value = reader.fixed<double>();
    if (!reader.ok() || skipped >= values.size() - next) return false;
    next += skipped;
    values[next++] = value;
  }
  return reader.ok();
}

bool ValueColumn::decode_steps(ByteReader& reader, std::span<double> values,
                               std::span<const std::uint32_t> series) {
  rests_.resize(values.size());
  if (!read_planes(reader, rests_)) return false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t difference =
        (from_zigzag(column_[i]) << kStepBits) + from_zigzag(rests_[i]);
    const std::uint64_t bits = predictor_.guess(series[i]) + difference;
    predictor_.learn(series[i], bits);
    values[i] = std::bit_cast<double>(bits);
  }
  return true;
}

}  // namespace slipstream
