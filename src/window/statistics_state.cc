#include <algorithm>

#include "window/statistics.h"

namespace slipstream {

void Statistics::Extent::save(ByteWriter& out) const {
  out.varint(count);
  out.fixed(first_ns);
  out.fixed(last_ns);
}

void Statistics::Extent::restore(ByteReader& in) {
  count = in.varint();
  first_ns = in.fixed<std::int64_t>();
  last_ns = in.fixed<std::int64_t>();
}

/// Of the columns only what belongs to fields: the rest of a block holds zeros.
void Statistics::save(StateWriter& out) const {
  out.varint(fields_.size());
  out.flag(even_);
  if (even_) common_.save(out);
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    out.field(fields_[i]);
    if (!even_) extents_[i].save(out);
    for (std::size_t c = 0; c < kColumnCount; ++c) out.fixed(column(static_cast<Column>(c))[i]);
    if (with_quantiles_) sketches_[i].save(out);
  }
}

bool Statistics::restore(StateReader& in) {
  *this = Statistics(with_quantiles_);
  const std::uint64_t size = in.varint();
  if (size > FieldTable::kMaxFields || size * kColumnCount * sizeof(double) > in.left()) {
    return false;
  }
  even_ = in.flag();
  if (even_) common_.restore(in);
  widen(size);
  for (std::size_t i = 0; i < size; ++i) {
    const auto field = in.field();
    if (!field || find_or_add(*field) != i) return false;
    if (!even_) extents_[i].restore(in);
    for (std::size_t c = 0; c < kColumnCount; ++c) {
      column(static_cast<Column>(c))[i] = in.fixed<double>();
    }
    if (with_quantiles_ && !sketches_[i].restore(in)) return false;
  }
  return in.ok();
}

}  // namespace slipstream
