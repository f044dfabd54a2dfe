#include <algorithm>

#include "codec/chain_encoder.h"
#include "codec/chain_forms.h"

// ChainEncoder's choice of how a field's values are told.
namespace slipstream {

/// Gives new fields their form, and all values their number. False: a form that the chain has does
/// not fit any more.
bool ChainEncoder::fit_forms(const LogRows& rows) {
  fits_.assign(field_list_.size(), {});
  numbers_.clear();
  const Point* p = rows.points().data();
  for (const Number strand : point_strands_) {
    const Shape& shape = shapes_[strands_[strand].shape];
    const Value* const values = rows.values().data() + p++->first_value;
    for (std::uint32_t i = 0; i < shape.field_count; ++i) {
      const Number f = shape_fields_[shape.first_field + i];
      Coded& coded = numbers_.emplace_back();
      coded.fits = chain::to_number(values[i].value, field_list_[f].form, coded.number);
      ++fits_[f].values;
      if (!coded.fits) ++fits_[f].misfits;
    }
  }
  bool all_fit = true;
  bool are_new = false;
  for (Number f = 0; f < field_list_.size(); ++f) {
    Known& known = known_[field_list_[f].id];
    const bool is_new = f >= marks_.fields;
    // A new chain is the time to look again at what an odd value may have begun with.
    const bool is_unsure = is_new && known.form >= value_form::kSteps && !known.is_sure;
    if (fits_[f].values == 0) continue;
    if (fits_[f].misfits * 8 <= fits_[f].values && known.has_form && !is_unsure) continue;
    const unsigned form = form_of(rows, f);
    if (known.has_form && form == known.form) continue;
    known.form = form;
    known.has_form = true;
    if (!is_new) {
      all_fit = false;
    } else if (field_list_[f].form != known.form) {
      field_list_[f].form = known.form;
      are_new = true;
    }
  }
  if (all_fit && are_new) number_again(rows);
  return all_fit;
}

/// Gathers what a field's form is judged by: its values in the payload and, where they are few,
/// those before them.
void ChainEncoder::judge(const LogRows& rows, Number number) {
  column_.clear();
  const Point* p = rows.points().data();
  for (const Number strand : point_strands_) {
    const Shape& shape = shapes_[strands_[strand].shape];
    const Value* const values = rows.values().data() + p++->first_value;
    for (std::uint32_t i = 0; i < shape.field_count; ++i) {
      if (shape_fields_[shape.first_field + i] == number) column_.push_back(values[i].value);
    }
  }
  const Known& known = known_[field_list_[number].id];
  const std::size_t before = std::min<std::size_t>(known.recent_next, kJudged);
  for (std::size_t i = 0; i < before && column_.size() < kJudged; ++i) {
    column_.push_back(recent_[known.recent + (known.recent_next - 1 - i) % kJudged]);
  }
}

/// The form that a field's values are to have from now on. One of decimals takes the place of
/// another where all values fit it, any other only where many have not fitted of late: a single odd
/// value is told in full.
unsigned ChainEncoder::form_of(const LogRows& rows, Number number) {
  judge(rows, number);
  const auto misfits = [&](unsigned form) {
    std::uint64_t unused = 0;
    return static_cast<std::size_t>(std::ranges::count_if(
        column_, [&](double v) { return !chain::to_number(v, form, unused); }));
  };
  unsigned form = value_form::choose(column_).form;
  if (form == value_form::kSteps && misfits(form) * 8 > column_.size()) form = chain::kPatternForm;
  Known& known = known_[field_list_[number].id];
  const bool is_decimal = form < value_form::kSteps;
  const bool is_taken =
      !known.has_form ||
      misfits(known.form) * 8 > (is_decimal ? column_.size() : std::max(column_.size(), kJudged)) ||
      (is_decimal && (known.form >= value_form::kSteps || misfits(form) == 0));
  known.is_sure = column_.size() >= kJudged;
  return is_taken ? form : known.form;
}

void ChainEncoder::number_again(const LogRows& rows) {
  Coded* coded = numbers_.data();
  const Point* p = rows.points().data();
  for (const Number strand : point_strands_) {
    const Shape& shape = shapes_[strands_[strand].shape];
    const Value* const values = rows.values().data() + p++->first_value;
    for (std::uint32_t i = 0; i < shape.field_count; ++i, ++coded) {
      const Field& field = field_list_[shape_fields_[shape.first_field + i]];
      coded->fits = chain::to_number(values[i].value, field.form, coded->number);
    }
  }
}

}  // namespace slipstream
