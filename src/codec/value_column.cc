#include "codec/value_column.h"

#include <bit>

#include "codec/byte_planes.h"

namespace slipstream {

void ValueColumn::encode(std::string& out, std::span<const double> values,
                         std::span<const std::uint32_t> series, std::size_t series_count) {
  const value_form::Choice choice = value_form::choose(values);
  ByteWriter(out).fixed(static_cast<std::uint8_t>(choice.form));
  predictor_.begin(series_count);
  column_.resize(values.size());
  if (choice.form == value_form::kSteps) {
    encode_steps(out, values, series);
  } else {
    encode_decimals(out, values, series, choice);
  }
}

void ValueColumn::encode_decimals(std::string& out, std::span<const double> values,
                                  std::span<const std::uint32_t> series,
                                  value_form::Choice choice) {
  const bool is_product = choice.form >= value_form::kProducts;
  const unsigned exponent = is_product ? choice.form - value_form::kProducts : choice.form;
  exceptions_.clear();
  for (std::size_t i = 0; choice.exceptions > 0 && i < values.size(); ++i) {
    const bool fit = is_product ? value_form::fits<true>(values[i], exponent)
                                : value_form::fits<false>(values[i], exponent);
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
    const std::uint64_t number = value_form::whole(values[i], exponent);
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
  constexpr std::uint64_t kHalfStep = std::uint64_t{1} << (value_form::kStepBits - 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto bits = std::bit_cast<std::uint64_t>(values[i]);
    const std::uint64_t difference = bits - predictor_.guess(series[i]);
    predictor_.learn(series[i], bits);
    const auto steps = static_cast<std::uint64_t>(
        static_cast<std::int64_t>(difference + kHalfStep) >> value_form::kStepBits);
    column_[i] = to_zigzag(steps);
    rests_[i] = to_zigzag(difference - (steps << value_form::kStepBits));
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
  if (form == value_form::kSteps) return decode_steps(reader, values, series);
  return form % value_form::kProducts < value_form::kExponents &&
         form < 2 * value_form::kProducts && decode_decimals(reader, values, series, form);
}

bool ValueColumn::skip(ByteReader& reader, std::size_t count) {
  const unsigned form = reader.fixed<std::uint8_t>();
  if (!skip_planes(reader, count)) return false;
  if (form == value_form::kSteps) return skip_planes(reader, count);
  if (form % value_form::kProducts >= value_form::kExponents || form >= 2 * value_form::kProducts) {
    return false;
  }
  const std::uint64_t exceptions = reader.varint();
  for (std::uint64_t n = 0; n < exceptions && reader.ok(); ++n) {
    reader.varint();
    reader.fixed<double>();
  }
  return reader.ok();
}

bool ValueColumn::decode_decimals(ByteReader& reader, std::span<double> values,
                                  std::span<const std::uint32_t> series, unsigned form) {
  const unsigned exponent = form % value_form::kProducts;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t number = predictor_.guess(series[i]) + from_zigzag(column_[i]);
    predictor_.learn(series[i], number);
    values[i] = static_cast<double>(static_cast<std::int64_t>(number));
  }
  if (form >= value_form::kProducts) {
    for (double& value : values) value *= value_form::kInverses[exponent];
  } else if (exponent > 0) {
    for (double& value : values) value /= value_form::kPowers[exponent];
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
        (from_zigzag(column_[i]) << value_form::kStepBits) + from_zigzag(rests_[i]);
    const std::uint64_t bits = predictor_.guess(series[i]) + difference;
    predictor_.learn(series[i], bits);
    values[i] = std::bit_cast<double>(bits);
  }
  return true;
}

}  // namespace slipstream
