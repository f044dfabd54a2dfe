#include "codec/chain_encoder.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "codec/point_form.h"
#include "codec/point_log_format.h"

namespace slipstream {
namespace {

namespace log = point_log;

/// By how much it arrived after its event, in whole milliseconds of both.
std::int64_t lag_of(const Point& p) {
  return log::floor_ms(p.arrival_time.ns) - log::floor_ms(p.event_time.ns);
}

bool is_in_unit(const std::vector<Point>& points, std::uint8_t unit) {
  return unit == 0 || std::ranges::all_of(points, [&](const Point& p) {
           return p.event_time.ns % log::kTimeUnits[unit] == 0;
         });
}

template <typename IsIt>
const std::uint32_t* find_in(const std::unordered_multimap<std::uint64_t, std::uint32_t>& index,
                             std::uint64_t hash, IsIt is_it) {
  const auto [begin, end] = index.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    if (is_it(at->second)) return &at->second;
  }
  return nullptr;
}

}  // namespace

ChainEncoder::ChainEncoder(const FieldTable& fields)
    : fields_(fields), known_(FieldTable::kMaxFields) {}

bool ChainEncoder::encode(const LogRows& rows, bool may_lean, std::string& payload) {
  const bool was_open = std::exchange(is_open_, false);
  if (rows.points().size() > chain::kMaxPoints || rows.values().size() > chain::kMaxValues ||
      rows.runs().size() > chain::kMaxControls) {
    return false;
  }
  bool leans = may_lean && was_open && can_go_on(rows);
  if (leans) {
    marks_ = marks();
    // A field whose values have taken another form begins another chain.
    leans = find_strands(rows) && fit_forms(rows);
  }
  if (!leans) {
    begin_chain(rows);
    if (!find_strands(rows)) return false;
    fit_forms(rows);
  }
  place_ = leans ? place_ + 1 : 0;

  const bool has_names = marks_ != marks();
  const bool has_controls = std::ranges::any_of(
      rows.runs(), [](const LogRows::Run& run) { return run.kind != LogEntryKind::kPoints; });
  payload.clear();
  ByteWriter writer(payload);
  writer.fixed(rows.has_marks() ? log::kMarksChainVersion : log::kChainVersion);
  writer.fixed(static_cast<std::uint8_t>((leans ? log::kLeans : 0u) |
                                         (has_names ? log::kHasNames : 0u) |
                                         (has_controls ? log::kHasControls : 0u)));
  if (leans) {
    writer.fixed(static_cast<std::uint8_t>(place_));
  } else {
    writer.fixed(unit_);
    writer.zigzag(base_time_);
    writer.zigzag(base_lag_);
  }
  writer.varint(rows.points().size());
  if (has_names) write_dictionaries(payload);
  if (has_controls) write_controls(rows, payload);
  write_points(rows, payload);
  for (const Point& p : rows.points()) {
    if (p.has_texts) payload += rows.str(p.json);
  }
  if (leans) bytes_ += payload.size();
  is_open_ = true;
  return true;
}

bool ChainEncoder::can_go_on(const LogRows& rows) const {
  return place_ + 1 < chain::kMaxPayloads && bytes_ < chain::kMaxBytes &&
         is_in_unit(rows.points(), unit_);
}

/// What was learned of fields is kept, and all else forgotten.
void ChainEncoder::begin_chain(const LogRows& rows) {
  remember();
  ++epoch_;
  bytes_ = 0;
  marks_ = {};
  text_.clear();
  series_.clear();
  shapes_.clear();
  shape_fields_.clear();
  field_list_.clear();
  sources_.clear();
  strands_.clear();
  histories_.clear();
  series_index_.clear();
  shape_index_.clear();
  strand_index_.clear();
  unit_ = 2;
  while (!is_in_unit(rows.points(), unit_)) --unit_;
  base_time_ = base_lag_ = 0;
  if (!rows.points().empty()) {
    const Point& p = rows.points().front();
    base_time_ = p.event_time.ns / log::kTimeUnits[unit_];
    base_lag_ = lag_of(p);
  }
  for (auto& column : plain_) column.begin(0, 0);
  plain_[chain::kTime].begin(0, 0, static_cast<std::uint64_t>(base_time_));
  plain_[chain::kLag].begin(0, 0, static_cast<std::uint64_t>(base_lag_));
  lag_ = {};
  last_strand_ = 0;
  last_control_ns_ = 0;
}

void ChainEncoder::remember() {
  for (const Field& field : field_list_) {
    Known& known = known_[field.id];
    known.first_exponent = field.column.first_exponent();
    known.exponent = field.column.exponent();
  }
}

bool ChainEncoder::find_strands(const LogRows& rows) {
  point_strands_.clear();
  const Point* p = rows.points().data();
  Number before = last_strand_;
  for (const LogRows::Run& run : rows.runs()) {
    if (run.kind != LogEntryKind::kPoints) continue;
    for (std::uint32_t i = 0; i < run.count; ++i, ++p) {
      Number number = before < strands_.size() ? strands_[before].next : 0;
      if (!is_strand(rows, *p, run.partition, number)) {
        number = strand_of(rows, *p, run.partition);
      }
      point_strands_.push_back(number);
      before = number;
      if (!is_within_limits()) return false;
    }
  }
  return true;
}

bool ChainEncoder::is_within_limits() const {
  return histories_.size() <= chain::kMaxValues && strands_.size() <= chain::kMaxNames &&
         series_.size() <= chain::kMaxNames && shapes_.size() <= chain::kMaxNames &&
         shape_fields_.size() <= chain::kMaxShapeFields && text_.size() <= chain::kMaxNameBytes;
}

bool ChainEncoder::is_strand(const LogRows& rows, const Point& p, std::uint32_t partition,
                             Number number) const {
  if (number >= strands_.size()) return false;
  const Strand& strand = strands_[number];
  const Series& series = series_[strand.series];
  const Shape& shape = shapes_[strand.shape];
  if (strand.partition != partition || shape.flags != log::flags_of(p) ||
      shape.source != p.source || shape.field_count != p.value_count ||
      text(series.chassis) != rows.str(p.chassis) || text(series.track) != rows.str(p.track) ||
      text(series.tags) != rows.str(p.tags)) {
    return false;
  }
  const Value* const values = rows.values().data() + p.first_value;
  for (std::uint32_t i = 0; i < shape.field_count; ++i) {
    if (field_list_[shape_fields_[shape.first_field + i]].id != values[i].field) return false;
  }
  return true;
}

ChainEncoder::Number ChainEncoder::strand_of(const LogRows& rows, const Point& p,
                                             std::uint32_t partition) {
  const Number series = series_of(rows, p);
  const Number shape = shape_of(rows, p);
  const std::uint64_t hash = log::mix(log::mix(series, shape), partition);
  const auto* const found = find_in(strand_index_, hash, [&](Number number) {
    const Strand& strand = strands_[number];
    return strand.series == series && strand.shape == shape && strand.partition == partition;
  });
  if (found != nullptr) return *found;
  const auto number = static_cast<Number>(strands_.size());
  strands_.push_back({.series = series,
                      .shape = shape,
                      .partition = partition,
                      .next = number + 1,
                      .first_value = static_cast<std::uint32_t>(histories_.size())});
  histories_.resize(histories_.size() + shapes_[shape].field_count);
  strand_index_.emplace(hash, number);
  return number;
}

ChainEncoder::Number ChainEncoder::series_of(const LogRows& rows, const Point& p) {
  const std::uint64_t hash = series_hash(p.series_hash, rows.str(p.tags));
  const auto* const found = find_in(series_index_, hash, [&](Number number) {
    const Series& series = series_[number];
    return text(series.chassis) == rows.str(p.chassis) && text(series.track) == rows.str(p.track) &&
           text(series.tags) == rows.str(p.tags);
  });
  if (found != nullptr) return *found;
  const auto keep = [&](TextRef ref) {
    const TextRef kept{static_cast<std::uint32_t>(text_.size()), ref.length};
    text_ += rows.str(ref);
    return kept;
  };
  const auto number = static_cast<Number>(series_.size());
  series_.push_back({keep(p.track), keep(p.chassis), keep(p.tags)});
  series_index_.emplace(hash, number);
  return number;
}

ChainEncoder::Number ChainEncoder::shape_of(const LogRows& rows, const Point& p) {
  const Value* const values = rows.values().data() + p.first_value;
  const std::uint8_t flags = log::flags_of(p);
  std::uint64_t hash =
      log::mix(log::mix(flags, static_cast<std::uint64_t>(p.source)), p.value_count);
  for (std::uint16_t i = 0; i < p.value_count; ++i) hash = log::mix(hash, values[i].field);
  const auto* const found = find_in(shape_index_, hash, [&](Number number) {
    const Shape& shape = shapes_[number];
    if (shape.flags != flags || shape.source != p.source || shape.field_count != p.value_count) {
      return false;
    }
    for (std::uint32_t i = 0; i < shape.field_count; ++i) {
      if (field_list_[shape_fields_[shape.first_field + i]].id != values[i].field) return false;
    }
    return true;
  });
  if (found != nullptr) return *found;
  const auto number = static_cast<Number>(shapes_.size());
  if (std::ranges::find(sources_, p.source) == sources_.end()) sources_.push_back(p.source);
  shapes_.push_back(
      {flags, p.source, p.value_count, static_cast<std::uint32_t>(shape_fields_.size())});
  for (std::uint16_t i = 0; i < p.value_count; ++i) {
    shape_fields_.push_back(field_of(values[i].field));
  }
  shape_index_.emplace(hash, number);
  return number;
}

ChainEncoder::Number ChainEncoder::field_of(FieldId id) {
  Known& known = known_[id];
  if (known.epoch != epoch_) {
    known.epoch = epoch_;
    known.number = static_cast<Number>(field_list_.size());
    if (!known.has_recent) {
      known.has_recent = true;
      known.recent = static_cast<std::uint32_t>(recent_.size());
      recent_.resize(recent_.size() + kJudged);
    }
    Field& field = field_list_.emplace_back();
    field.id = id;
    field.form = known.form;
    field.column.begin(known.first_exponent, known.exponent);
  }
  return known.number;
}

void ChainEncoder::write_dictionaries(std::string& out) const {
  ByteWriter writer(out);
  writer.varint(series_.size() - marks_.series);
  for (std::size_t i = marks_.series; i < series_.size(); ++i) {
    writer.text(text(series_[i].track));
    writer.text(text(series_[i].chassis));
    writer.text(text(series_[i].tags));
  }
  writer.varint(field_list_.size() - marks_.fields);
  for (std::size_t i = marks_.fields; i < field_list_.size(); ++i) {
    const Field& field = field_list_[i];
    writer.text(fields_.name(field.id));
    writer.fixed(static_cast<std::uint8_t>(field.form));
    writer.fixed(static_cast<std::uint8_t>(field.column.first_exponent()));
    writer.fixed(static_cast<std::uint8_t>(field.column.exponent()));
  }
  writer.varint(sources_.size() - marks_.sources);
  for (std::size_t i = marks_.sources; i < sources_.size(); ++i) {
    writer.text(kSourceNames[static_cast<std::size_t>(sources_[i])]);
  }
  writer.varint(shapes_.size() - marks_.shapes);
  for (std::size_t i = marks_.shapes; i < shapes_.size(); ++i) {
    const Shape& shape = shapes_[i];
    writer.fixed(shape.flags);
    const auto source = std::ranges::find(sources_, shape.source) - sources_.begin();
    writer.varint(static_cast<std::uint64_t>(source));
    writer.varint(shape.field_count);
    for (std::uint32_t k = 0; k < shape.field_count; ++k) {
      writer.varint(shape_fields_[shape.first_field + k]);
    }
  }
  writer.varint(strands_.size() - marks_.strands);
  for (std::size_t i = marks_.strands; i < strands_.size(); ++i) {
    writer.varint(strands_[i].series);
    writer.varint(strands_[i].shape);
    writer.varint(strands_[i].partition);
  }
}

void ChainEncoder::write_controls(const LogRows& rows, std::string& out) {
  ByteWriter writer(out);
  const auto controls = std::ranges::count_if(
      rows.runs(), [](const LogRows::Run& run) { return run.kind != LogEntryKind::kPoints; });
  writer.varint(static_cast<std::uint64_t>(controls));
  std::uint64_t points = 0;
  const auto write_time = [&](ArrivalTime time) {
    writer.varint(to_zigzag(static_cast<std::uint64_t>(time.ns) -
                            static_cast<std::uint64_t>(last_control_ns_)));
    last_control_ns_ = time.ns;
  };
  for (const LogRows::Run& run : rows.runs()) {
    if (run.kind == LogEntryKind::kPoints) {
      points += run.count;
      continue;
    }
    writer.varint(std::exchange(points, 0));
    writer.fixed(static_cast<std::uint8_t>(run.kind));
    switch (run.kind) {
      case LogEntryKind::kPoints:
        break;
      case LogEntryKind::kTick:
      case LogEntryKind::kClose:
        write_time(run.time);
        break;
      case LogEntryKind::kDefinitions:
        writer.text(rows.str(run.text));
        break;
      case LogEntryKind::kVoid:
        writer.varint(run.count);
        break;
      case LogEntryKind::kMark:
        write_time(run.time);
        writer.text(rows.str(run.text));
        break;
      case LogEntryKind::kKey:
        write_time(run.time);
        writer.varint(run.status);
        writer.text(rows.str(run.key));
        writer.text(rows.str(run.text));
        break;
    }
  }
}

void ChainEncoder::write_points(const LogRows& rows, std::string& out) {
  BitWriter bits(out);
  next_number_ = 0;
  for (std::size_t i = 0; i < point_strands_.size(); ++i) {
    write_point(bits, rows, rows.points()[i], point_strands_[i]);
  }
  bits.finish();
}

void ChainEncoder::write_point(BitWriter& bits, const LogRows& rows, const Point& p,
                               Number number) {
  Strand& before = strands_[last_strand_];
  const bool is_next = number == before.next;
  before.next = last_strand_ = number;
  Strand& strand = strands_[number];
  const Shape& shape = shapes_[strand.shape];
  using chain::Column;
  const auto code = [&](Column& column, chain::History& of, std::uint64_t value) {
    const Column::Guess guess = column.guess(of);
    bits.put_rice(to_zigzag(value - guess.value), guess.k);
    column.learn(of, value);
  };
  struct Rare {
    chain::Plain plain;
    bool is_there;
    std::uint64_t value;
  };
  const Rare rare[] = {
      {chain::kLap, true, static_cast<std::uint64_t>(p.lap)},
      {chain::kSector, (shape.flags & log::kHasSector) != 0, static_cast<std::uint64_t>(p.sector)},
      {chain::kSequence, (shape.flags & log::kHasSequence) != 0, p.sequence}};
  bool is_regular = is_next;
  for (const Rare& r : rare) {
    const chain::History& of = strand.plain[r.plain];
    is_regular =
        is_regular && (!r.is_there || (of.is_begun && plain_[r.plain].guess(of).value == r.value));
  }
  bits.put(is_regular ? 1 : 0, 1);
  if (!is_regular) {
    bits.put(is_next ? 1 : 0, 1);
    if (!is_next) bits.put(number, static_cast<unsigned>(std::bit_width(strands_.size() - 1)));
  }
  for (const Rare& r : rare) {
    if (!r.is_there) continue;
    if (is_regular) {
      plain_[r.plain].learn(strand.plain[r.plain], r.value);
    } else {
      code(plain_[r.plain], strand.plain[r.plain], r.value);
    }
  }
  const std::int64_t unit = log::kTimeUnits[unit_];
  code(plain_[chain::kTime], strand.plain[chain::kTime],
       static_cast<std::uint64_t>(p.event_time.ns / unit));
  code(plain_[chain::kLag], lag_, static_cast<std::uint64_t>(lag_of(p)));
  if (p.has_texts) {
    code(plain_[chain::kText], strand.plain[chain::kText], p.json.length);
    if (p.lap_is_fault) {
      const bool has_literal = p.lap_literal.length > 0;
      code(plain_[chain::kPlace], strand.plain[chain::kPlace],
           has_literal ? p.lap_literal.offset - p.json.offset : 0);
      code(plain_[chain::kSize], strand.plain[chain::kSize], p.lap_literal.length);
    }
  }
  write_values(bits, strand, rows.values().data() + p.first_value);
}

void ChainEncoder::write_values(BitWriter& bits, const Strand& strand, const Value* values) {
  const Shape& shape = shapes_[strand.shape];
  const Number* const fields = shape_fields_.data() + shape.first_field;
  chain::History* const histories = histories_.data() + strand.first_value;
  for (std::uint32_t i = 0; i < shape.field_count; ++i) {
    const Coded& coded = numbers_[next_number_++];
    Known& known = known_[values[i].field];
    recent_[known.recent + known.recent_next++ % kJudged] = values[i].value;
    if (!coded.fits) {
      bits.put_raw(std::bit_cast<std::uint64_t>(values[i].value));
      continue;
    }
    chain::Column& column = field_list_[fields[i]].column;
    const chain::Column::Guess guess = column.guess(histories[i]);
    bits.put_rice(to_zigzag(coded.number - guess.value), guess.k);
    column.learn(histories[i], coded.number);
  }
}

}  // namespace slipstream
