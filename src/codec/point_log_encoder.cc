#include "codec/point_log_encoder.h"

#include <algorithm>

#include "base/bytes.h"
#include "codec/byte_planes.h"
#include "codec/point_form.h"

namespace slipstream {
namespace {

namespace log = point_log;

/// The largest unit that divides all event times: 0 ns, 1 us, 2 ms.
std::uint8_t time_unit(const std::vector<Point>& points) {
  std::uint8_t unit = 2;
  for (const Point& p : points) {
    if (unit == 2 && p.event_time.ns % kNsPerMs != 0) unit = 1;
    if (unit == 1 && p.event_time.ns % kNsPerUs != 0) return 0;
  }
  return unit;
}

constexpr unsigned kSourceShift = 8;

SourceKind source_of(std::uint16_t flags) {
  return static_cast<SourceKind>(flags >> kSourceShift);
}

/// As a shape has them: the source, which the payload has by its name, above the payload's own.
std::uint16_t shape_flags_of(const Point& p) {
  return static_cast<std::uint16_t>((static_cast<unsigned>(p.source) << kSourceShift) |
                                    log::flags_of(p));
}

/// Appends the difference to `last`, which becomes `value`.
void push_difference(std::vector<std::uint64_t>& column, std::uint64_t& last, std::uint64_t value) {
  column.push_back(to_zigzag(value - last));
  last = value;
}

}  // namespace

static_assert(log::kOldSources <= kSourceKindCount);

PointLogEncoder::PointLogEncoder(const FieldTable& fields)
    : fields_(fields), chain_(fields), field_numbers_(FieldTable::kMaxFields) {}

/// The slot of what `is_it` says it is, or a free one.
template <typename IsIt>
PointLogEncoder::Slot& PointLogEncoder::Index::find(std::uint64_t hash, std::uint64_t epoch,
                                                    IsIt is_it) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].epoch == epoch && !(slots_[at].hash == hash && is_it(slots_[at].index))) {
    at = (at + 1) & mask;
  }
  return slots_[at];
}

void PointLogEncoder::Index::make_room(std::size_t entries, std::uint64_t epoch) {
  if (entries * 2 <= slots_.size()) return;
  std::vector<Slot> before(slots_.size() * 2);
  before.swap(slots_);
  for (const Slot& slot : before) {
    if (slot.epoch == epoch) find(slot.hash, epoch, [](auto) { return false; }) = slot;
  }
}

void PointLogEncoder::encode(const LogRows& rows, std::string& payload, bool may_lean) {
  const bool is_chain = rows.points().size() <= kChainPoints && rows.count() <= kChainPoints &&
                        chain_.encode(rows, may_lean, payload);
  if (is_chain) {
    leans_ = chain_.leans();
  } else {
    encode_columns(rows, payload);
  }
}

void PointLogEncoder::encode_columns(const LogRows& rows, std::string& payload) {
  chain_.end_chain();
  leans_ = false;
  begin();
  const std::uint8_t unit = time_unit(rows.points());
  for (const Point& p : rows.points()) add_point(rows, p, log::kTimeUnits[unit]);
  sort_values(rows);

  payload.clear();
  ByteWriter writer(payload);
  writer.fixed(rows.has_marks() ? log::kMarksVersion : log::kVersion);
  write_runs(rows, payload);
  write_dictionaries(payload);
  writer.fixed(unit);
  for (const auto& column : columns_) append_planes(payload, column);
  write_values(payload);
  for (const Point& p : rows.points()) {
    if (p.has_texts) payload += rows.str(p.json);
  }
}

void PointLogEncoder::begin() {
  ++epoch_;
  series_.clear();
  last_series_ = first_series_ = kNone;
  shapes_.clear();
  shape_fields_.clear();
  field_ids_.clear();
  point_series_.clear();
  point_shape_.clear();
  last_event_time_ = last_arrival_ = 0;
  for (auto& column : columns_) column.clear();
}

void PointLogEncoder::add_point(const LogRows& rows, const Point& p, std::int64_t unit) {
  const std::uint32_t series_number = series_of(rows, p);
  Series& series = series_[series_number];
  const Value* const values = rows.values().data() + p.first_value;
  const std::uint16_t flags = shape_flags_of(p);
  if (series.shape == kNone || !is_shape(series.shape, values, p.value_count, flags)) {
    series.shape = shape_of(values, p.value_count, flags);
  }
  ++shapes_[series.shape].points;
  point_series_.push_back(series_number);
  point_shape_.push_back(series.shape);

  columns_[log::kSeries].push_back(series_number);
  columns_[log::kShape].push_back(series.shape);
  const std::int64_t time = unit == kNsPerMs   ? p.event_time.ns / kNsPerMs
                            : unit == kNsPerUs ? p.event_time.ns / kNsPerUs
                                               : p.event_time.ns;
  push_difference(columns_[log::kEventTime], series.event_time, static_cast<std::uint64_t>(time));
  last_event_time_ = series.event_time;
  push_difference(columns_[log::kArrival], last_arrival_,
                  static_cast<std::uint64_t>(log::floor_ms(p.arrival_time.ns)));
  push_difference(columns_[log::kLap], series.lap, static_cast<std::uint64_t>(p.lap));
  if ((flags & log::kHasSector) != 0) {
    push_difference(columns_[log::kSector], series.sector, static_cast<std::uint64_t>(p.sector));
  }
  if (p.has_sequence) push_difference(columns_[log::kSequence], series.sequence, p.sequence);
  if (!p.has_texts) return;
  columns_[log::kTextLength].push_back(p.json.length);
  if (!p.lap_is_fault) return;
  const bool has_literal = p.lap_literal.length > 0;
  columns_[log::kLiteralOffset].push_back(has_literal ? p.lap_literal.offset - p.json.offset : 0);
  columns_[log::kLiteralLength].push_back(p.lap_literal.length);
}

std::uint32_t PointLogEncoder::series_of(const LogRows& rows, const Point& p) {
  const std::string_view track = rows.str(p.track);
  const std::string_view chassis = rows.str(p.chassis);
  const std::string_view tags = rows.str(p.tags);
  const auto is_it = [&](std::uint32_t i) {
    return series_[i].chassis == chassis && series_[i].track == track && series_[i].tags == tags;
  };
  // Machines send in turn: mostly it is the one that came behind the last one before.
  std::uint32_t& next = last_series_ < series_.size() ? series_[last_series_].next : first_series_;
  if (next < series_.size() && is_it(next)) return last_series_ = next;
  const std::uint64_t hash = series_hash(p.series_hash, tags);
  Slot& slot = series_index_.find(hash, epoch_, is_it);
  if (slot.epoch == epoch_) return last_series_ = next = slot.index;
  const auto number = static_cast<std::uint32_t>(series_.size());
  slot = {hash, epoch_, number};
  last_series_ = next = number;
  series_.push_back(
      {.track = track, .chassis = chassis, .tags = tags, .event_time = last_event_time_});
  series_index_.make_room(series_.size() + 1, epoch_);
  return number;
}

bool PointLogEncoder::is_shape(std::uint32_t number, const Value* values, std::uint16_t count,
                               std::uint16_t flags) const {
  const Shape& shape = shapes_[number];
  if (shape.flags != flags || shape.field_count != count) return false;
  const ShapeField* const fields = shape_fields_.data() + shape.first_field;
  unsigned differs = 0;
  for (std::uint16_t i = 0; i < count; ++i) {
    differs |= static_cast<unsigned>(fields[i].id ^ values[i].field);
  }
  return differs == 0;
}

std::uint32_t PointLogEncoder::shape_of(const Value* values, std::uint16_t count,
                                        std::uint16_t flags) {
  std::uint64_t hash = log::mix(flags, count);
  for (std::uint16_t i = 0; i < count; ++i) hash = log::mix(hash, values[i].field);
  Slot& slot = shape_index_.find(
      hash, epoch_, [&](std::uint32_t i) { return is_shape(i, values, count, flags); });
  if (slot.epoch == epoch_) return slot.index;
  const auto number = static_cast<std::uint32_t>(shapes_.size());
  slot = {hash, epoch_, number};
  shapes_.push_back({flags, count, static_cast<std::uint32_t>(shape_fields_.size()), 0});
  for (std::uint16_t i = 0; i < count; ++i) {
    FieldNumber& known = field_numbers_[values[i].field];
    if (known.epoch != epoch_) {
      known = {epoch_, static_cast<std::uint16_t>(field_ids_.size())};
      field_ids_.push_back(values[i].field);
    }
    shape_fields_.push_back({values[i].field, known.index});
  }
  shape_index_.make_room(shapes_.size() + 1, epoch_);
  return number;
}

/// Gathers the values of each field, in the order of the points.
void PointLogEncoder::sort_values(const LogRows& rows) {
  field_ends_.assign(field_ids_.size(), 0);
  for (const Shape& shape : shapes_) {
    for (std::uint32_t i = 0; i < shape.field_count; ++i) {
      field_ends_[shape_fields_[shape.first_field + i].index] += shape.points;
    }
  }
  std::size_t total = 0;
  for (std::size_t& end : field_ends_) {
    const std::size_t count = end;
    end = total;  // each goes to its end as its values are put down
    total += count;
  }
  values_.resize(total);
  value_series_.resize(total);
  for (std::size_t i = 0; i < rows.points().size(); ++i) {
    const Shape& shape = shapes_[point_shape_[i]];
    const ShapeField* const fields = shape_fields_.data() + shape.first_field;
    const Value* const values = rows.values().data() + rows.points()[i].first_value;
    for (std::uint16_t k = 0; k < shape.field_count; ++k) {
      const std::size_t at = field_ends_[fields[k].index]++;
      values_[at] = values[k].value;
      value_series_[at] = point_series_[i];
    }
  }
}

void PointLogEncoder::write_runs(const LogRows& rows, std::string& out) const {
  ByteWriter writer(out);
  writer.varint(rows.runs().size());
  for (const LogRows::Run& run : rows.runs()) {
    writer.fixed(static_cast<std::uint8_t>(run.kind));
    switch (run.kind) {
      case LogEntryKind::kPoints:
        writer.varint(run.partition);
        writer.varint(run.count);
        break;
      case LogEntryKind::kTick:
      case LogEntryKind::kClose:
        writer.zigzag(run.time.ns);
        break;
      case LogEntryKind::kDefinitions:
        writer.text(rows.str(run.text));
        break;
      case LogEntryKind::kVoid:
        writer.varint(run.count);
        break;
      case LogEntryKind::kMark:
        writer.zigzag(run.time.ns);
        writer.text(rows.str(run.text));
        break;
      case LogEntryKind::kKey:
        writer.zigzag(run.time.ns);
        writer.varint(run.status);
        writer.text(rows.str(run.key));
        writer.text(rows.str(run.text));
        break;
    }
  }
}

void PointLogEncoder::write_dictionaries(std::string& out) const {
  ByteWriter writer(out);
  writer.varint(series_.size());
  for (const Series& series : series_) {
    writer.text(series.track);
    writer.text(series.chassis);
    writer.text(series.tags);
  }
  writer.varint(field_ids_.size());
  for (const FieldId id : field_ids_) writer.text(fields_.name(id));
  write_shapes(out);
}

void PointLogEncoder::write_shapes(std::string& out) const {
  ByteWriter writer(out);
  // Sources by name, in the order in which shapes have them.
  std::array<std::size_t, kSourceKindCount> numbers;
  numbers.fill(kSourceKindCount);
  std::array<SourceKind, kSourceKindCount> sources;
  std::size_t count = 0;
  for (const Shape& shape : shapes_) {
    std::size_t& number = numbers[static_cast<std::size_t>(source_of(shape.flags))];
    if (number != kSourceKindCount) continue;
    number = count;
    sources[count++] = source_of(shape.flags);
  }
  writer.varint(count);
  for (std::size_t i = 0; i < count; ++i) {
    writer.text(kSourceNames[static_cast<std::size_t>(sources[i])]);
  }
  writer.varint(shapes_.size());
  for (const Shape& shape : shapes_) {
    writer.fixed(static_cast<std::uint8_t>(shape.flags));
    writer.varint(numbers[static_cast<std::size_t>(source_of(shape.flags))]);
    writer.varint(shape.field_count);
    for (std::uint32_t i = 0; i < shape.field_count; ++i) {
      writer.varint(shape_fields_[shape.first_field + i].index);
    }
  }
}

void PointLogEncoder::write_values(std::string& out) {
  std::size_t begin = 0;
  for (const std::size_t end : field_ends_) {
    value_column_.encode(out, std::span(values_).subspan(begin, end - begin),
                         std::span(value_series_).subspan(begin, end - begin), series_.size());
    begin = end;
  }
}

}  // namespace slipstream
