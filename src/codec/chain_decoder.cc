#include "codec/chain_decoder.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "codec/chain_forms.h"
#include "codec/log_rows.h"
#include "codec/point_form.h"
#include "codec/point_log_format.h"

namespace slipstream {
namespace {

namespace log = point_log;

constexpr std::uint64_t kMaxTextBytes = std::uint64_t{1} << 30;

/// How many of a list are told, each of which takes a byte at least.
bool read_count(ByteReader& reader, std::size_t most, std::uint64_t& count) {
  count = reader.varint();
  return reader.ok() && count <= reader.left() && count <= most;
}

/// The next number of a column; false: something that is none.
bool read_number(BitReader& bits, chain::Column& column, chain::History& of, std::uint64_t& out) {
  const chain::Column::Guess guess = column.guess(of);
  bool is_raw = false;
  out = guess.value + from_zigzag(bits.get_rice(guess.k, is_raw));
  column.learn(of, out);
  return !is_raw;
}

}  // namespace

bool ChainDecoder::open(std::string_view payload) {
  next_run_ = next_row_ = next_value_ = next_text_ = 0;
  is_open_ = read(payload);
  if (!is_open_) {
    runs_.clear();
    count_ = 0;
  }
  return is_open_;
}

bool ChainDecoder::read(std::string_view payload) {
  ByteReader reader(payload);
  version_ = reader.fixed<std::uint8_t>();
  if (version_ != log::kChainVersion && version_ != log::kMarksChainVersion) return false;
  const auto flags = reader.fixed<std::uint8_t>();
  if ((flags & ~(log::kLeans | log::kHasNames | log::kHasControls)) != 0) return false;
  if ((flags & log::kLeans) != 0) {
    if (!is_open_ || reader.fixed<std::uint8_t>() != place_) return false;
    ++place_;
  } else if (!begin_chain(reader)) {
    return false;
  }
  const std::uint64_t points = reader.varint();
  if (!reader.ok() || points > chain::kMaxPoints) return false;
  if ((flags & log::kHasNames) != 0 && !read_names(reader)) return false;
  controls_.clear();
  if ((flags & log::kHasControls) != 0 && !read_controls(reader)) return false;
  return read_points(reader, points) && make_runs();
}

bool ChainDecoder::begin_chain(ByteReader& reader) {
  place_ = 1;
  text_.clear();
  series_.clear();
  field_list_.clear();
  sources_.clear();
  shapes_.clear();
  shape_fields_.clear();
  strands_.clear();
  histories_.clear();
  lag_ = {};
  last_strand_ = 0;
  last_control_ns_ = 0;
  unit_ = reader.fixed<std::uint8_t>();
  for (auto& column : plain_) column.begin(0, 0);
  plain_[chain::kTime].begin(0, 0, static_cast<std::uint64_t>(reader.zigzag()));
  plain_[chain::kLag].begin(0, 0, static_cast<std::uint64_t>(reader.zigzag()));
  return unit_ < std::size(log::kTimeUnits);
}

TextRef ChainDecoder::keep(std::string_view text) {
  const TextRef ref{static_cast<std::uint32_t>(text_.size()),
                    static_cast<std::uint32_t>(text.size())};
  text_ += text;
  return ref;
}

bool ChainDecoder::read_names(ByteReader& reader) {
  return read_series(reader) && read_fields(reader) && read_sources(reader) &&
         read_shapes(reader) && read_strands(reader);
}

bool ChainDecoder::read_series(ByteReader& reader) {
  std::uint64_t count = 0;
  if (!read_count(reader, chain::kMaxNames - series_.size(), count)) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string_view track = reader.text();
    const std::string_view chassis = reader.text();
    const std::string_view tags = reader.text();
    if (!reader.ok() ||
        track.size() + chassis.size() + tags.size() > chain::kMaxNameBytes - text_.size()) {
      return false;
    }
    series_.push_back({.track = keep(track),
                       .chassis = keep(chassis),
                       .tags = keep(tags),
                       .hash = series_hash(track, chassis)});
  }
  return true;
}

bool ChainDecoder::read_fields(ByteReader& reader) {
  std::uint64_t count = 0;
  if (!read_count(reader, chain::kMaxNames - field_list_.size(), count)) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string_view name = reader.text();
    const unsigned form = reader.fixed<std::uint8_t>();
    const unsigned first_exponent = reader.fixed<std::uint8_t>();
    const unsigned exponent = reader.fixed<std::uint8_t>();
    if (!reader.ok() || !chain::is_form(form) || first_exponent > chain::Mean::kMaxExponent ||
        exponent > chain::Mean::kMaxExponent) {
      return false;
    }
    const auto id = fields_.intern(name);
    Field& field = field_list_.emplace_back();
    field.id = id.value_or(0);
    field.is_known = id.has_value();
    field.form = form;
    field.column.begin(first_exponent, exponent);
  }
  return true;
}

bool ChainDecoder::read_sources(ByteReader& reader) {
  std::uint64_t count = 0;
  if (!read_count(reader, chain::kMaxNames - sources_.size(), count)) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto source = log::source_named(reader.text());
    if (!reader.ok()) return false;
    if (!source) ++sources_unknown_;
    sources_.push_back(source.value_or(SourceKind::kReplay));
  }
  return true;
}

bool ChainDecoder::read_shapes(ByteReader& reader) {
  std::uint64_t count = 0;
  if (!read_count(reader, chain::kMaxNames - shapes_.size(), count)) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    Shape shape{.flags = reader.fixed<std::uint8_t>(),
                .first_field = static_cast<std::uint32_t>(shape_fields_.size())};
    const std::uint64_t source = reader.varint();
    const std::uint64_t fields = reader.varint();
    if (!reader.ok() || (shape.flags & log::kOldSourceMask) != 0 || source >= sources_.size() ||
        fields > reader.left() || fields > 0xFFFF ||
        fields > chain::kMaxShapeFields - shape_fields_.size()) {
      return false;
    }
    shape.source = sources_[source];
    shape.field_count = static_cast<std::uint32_t>(fields);
    for (std::uint32_t k = 0; k < shape.field_count; ++k) {
      const std::uint64_t field = reader.varint();
      if (!reader.ok() || field >= field_list_.size()) return false;
      shape_fields_.push_back(static_cast<std::uint32_t>(field));
    }
    shapes_.push_back(shape);
  }
  return true;
}

bool ChainDecoder::read_strands(ByteReader& reader) {
  std::uint64_t count = 0;
  if (!read_count(reader, chain::kMaxNames - strands_.size(), count)) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t series = reader.varint();
    const std::uint64_t shape = reader.varint();
    Strand strand;
    if (!log::narrow(reader.varint(), strand.partition) || !reader.ok() ||
        series >= series_.size() || shape >= shapes_.size()) {
      return false;
    }
    strand.series = static_cast<std::uint32_t>(series);
    strand.shape = static_cast<std::uint32_t>(shape);
    strand.next = static_cast<std::uint32_t>(strands_.size()) + 1;
    strand.first_value = static_cast<std::uint32_t>(histories_.size());
    const std::size_t histories = histories_.size() + shapes_[strand.shape].field_count;
    if (histories > chain::kMaxValues) return false;
    histories_.resize(histories);
    strands_.push_back(strand);
  }
  return true;
}

bool ChainDecoder::read_controls(ByteReader& reader) {
  std::uint64_t count = 0;
  if (!read_count(reader, chain::kMaxControls, count) || count == 0) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    Control& control = controls_.emplace_back();
    control.points_before = reader.varint();
    if (!read_control(reader, control.entry)) return false;
  }
  return true;
}

bool ChainDecoder::read_control(ByteReader& reader, LogEntry& entry) {
  const auto kind = reader.fixed<std::uint8_t>();
  if (kind >= log::kind_count(version_)) return false;
  entry.kind = static_cast<LogEntryKind>(kind);
  const auto read_time = [&] {
    last_control_ns_ = static_cast<std::int64_t>(static_cast<std::uint64_t>(last_control_ns_) +
                                                 from_zigzag(reader.varint()));
    return ArrivalTime{last_control_ns_};
  };
  switch (entry.kind) {
    case LogEntryKind::kPoints:
      return false;
    case LogEntryKind::kTick:
    case LogEntryKind::kClose:
      entry.time = read_time();
      break;
    case LogEntryKind::kDefinitions:
      entry.text = reader.text();
      break;
    case LogEntryKind::kKey:
      entry.time = read_time();
      if (!log::narrow(reader.varint(), entry.status)) return false;
      entry.key = reader.text();
      entry.text = reader.text();
      break;
    case LogEntryKind::kVoid:
      if (!log::narrow(reader.varint(), entry.count) || entry.count == 0) return false;
      break;
    case LogEntryKind::kMark:
      entry.time = read_time();
      entry.text = reader.text();
      break;
  }
  return reader.ok();
}

bool ChainDecoder::read_points(ByteReader& reader, std::uint64_t points) {
  // A point takes a bit at least.
  if (points > reader.left() * 8) return false;
  rows_.clear();
  values_.clear();
  const std::string_view rest = reader.bytes(reader.left());
  BitReader bits(rest);
  std::uint64_t text_bytes = 0;
  for (std::uint64_t i = 0; i < points; ++i) {
    if (!read_point(bits, rows_.emplace_back())) return false;
    text_bytes += rows_.back().text_length;
  }
  texts_ = rest.substr(bits.bytes_taken());
  return bits.ends_blank() && texts_.size() == text_bytes;
}

bool ChainDecoder::read_point(BitReader& bits, Row& row) {
  row = {};
  if (strands_.empty()) return false;
  Strand& before = strands_[last_strand_];
  const bool is_regular = bits.get(1) != 0;
  std::uint64_t number = before.next;
  if (!is_regular && bits.get(1) == 0) {
    number = bits.get(static_cast<unsigned>(std::bit_width(strands_.size() - 1)));
  }
  if (!bits.ok() || number >= strands_.size()) return false;
  before.next = last_strand_ = row.strand = static_cast<std::uint32_t>(number);
  Strand& strand = strands_[number];
  const Shape& shape = shapes_[strand.shape];

  const auto take_rare = [&](chain::Plain plain, bool is_there, std::uint64_t& out) {
    if (!is_there) return true;
    chain::Column& column = plain_[plain];
    chain::History& of = strand.plain[plain];
    if (!is_regular) return read_number(bits, column, of, out);
    if (!of.is_begun) return false;
    out = column.guess(of).value;
    column.learn(of, out);
    return true;
  };
  std::uint64_t number_of = 0;
  if (!take_rare(chain::kLap, true, number_of) || !log::narrow(number_of, row.lap)) return false;
  number_of = 0;
  if (!take_rare(chain::kSector, (shape.flags & log::kHasSector) != 0, number_of) ||
      !log::narrow(number_of, row.sector)) {
    return false;
  }
  if (!take_rare(chain::kSequence, (shape.flags & log::kHasSequence) != 0, row.sequence)) {
    return false;
  }
  std::uint64_t time = 0;
  std::uint64_t lag = 0;
  if (!read_number(bits, plain_[chain::kTime], strand.plain[chain::kTime], time) ||
      !read_number(bits, plain_[chain::kLag], lag_, lag)) {
    return false;
  }
  row.event_ns =
      static_cast<std::int64_t>(time * static_cast<std::uint64_t>(log::kTimeUnits[unit_]));
  row.arrival_ms =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(log::floor_ms(row.event_ns)) + lag);
  if (row.arrival_ms > log::kMaxArrivalMs || row.arrival_ms < -log::kMaxArrivalMs) return false;
  return read_rare(bits, shape, strand, row) && read_values(bits, shape, strand);
}

/// What belongs to texts.
bool ChainDecoder::read_rare(BitReader& bits, const Shape& shape, Strand& strand, Row& row) {
  if ((shape.flags & log::kHasTexts) == 0) return true;
  std::uint64_t number = 0;
  if (!read_number(bits, plain_[chain::kText], strand.plain[chain::kText], number) ||
      number > kMaxTextBytes || !log::narrow(number, row.text_length)) {
    return false;
  }
  if ((shape.flags & log::kLapIsFault) == 0) return true;
  std::uint64_t size = 0;
  return read_number(bits, plain_[chain::kPlace], strand.plain[chain::kPlace], number) &&
         number <= row.text_length && log::narrow(number, row.literal.offset) &&
         read_number(bits, plain_[chain::kSize], strand.plain[chain::kSize], size) &&
         size <= row.text_length - number && log::narrow(size, row.literal.length);
}

bool ChainDecoder::read_values(BitReader& bits, const Shape& shape, const Strand& strand) {
  if (values_.size() + shape.field_count > chain::kMaxValues) return false;
  const std::uint32_t* const fields = shape_fields_.data() + shape.first_field;
  chain::History* const histories = histories_.data() + strand.first_value;
  for (std::uint32_t i = 0; i < shape.field_count; ++i) {
    Field& field = field_list_[fields[i]];
    const chain::Column::Guess guess = field.column.guess(histories[i]);
    bool is_raw = false;
    const std::uint64_t coded = bits.get_rice(guess.k, is_raw);
    if (is_raw) {
      values_.push_back(std::bit_cast<double>(coded));
      continue;
    }
    const std::uint64_t number = guess.value + from_zigzag(coded);
    field.column.learn(histories[i], number);
    values_.push_back(chain::to_value(number, field.form));
  }
  return bits.ok();
}

/// Points of one partition that follow each other are a run.
bool ChainDecoder::make_runs() {
  runs_.clear();
  std::uint64_t index = 0;
  std::size_t row = 0;
  const auto add_points = [&](std::uint64_t points) {
    for (const std::size_t end = row + points; row < end; ++row, ++index) {
      const std::uint32_t partition = strands_[rows_[row].strand].partition;
      if (points == end - row || runs_.back().partition != partition ||
          runs_.back().count == LogRows::kMaxRun) {
        runs_.push_back(
            {.index = static_cast<std::uint32_t>(index), .count = 0, .partition = partition});
      }
      ++runs_.back().count;
    }
  };
  for (Control& control : controls_) {
    if (control.points_before > rows_.size() - row) return false;
    add_points(control.points_before);
    runs_.push_back(std::move(control.entry));
    runs_.back().index = static_cast<std::uint32_t>(index);
    index += control.entry.count;
  }
  add_points(rows_.size() - row);
  return log::narrow(index, count_);
}

bool ChainDecoder::next(LogEntry& entry) {
  if (next_run_ == runs_.size()) return false;
  const LogEntry& run = runs_[next_run_++];
  copy_without_points(run, entry);
  if (run.kind == LogEntryKind::kPoints) entry.points = take_points(run);
  return true;
}

PointBatchPtr ChainDecoder::take_points(const LogEntry& run) {
  PointBatchPtr batch = pool_.get();
  batch->clear();
  batch->partition = run.partition;
  ++batch_;
  std::size_t values = 0;
  for (std::size_t i = next_row_; i < next_row_ + run.count; ++i) {
    values += shapes_[strands_[rows_[i].strand].shape].field_count;
  }
  batch->points.resize(run.count);
  batch->values.resize(values);
  values = 0;
  for (Point& point : batch->points) values += fill_point(*batch, point, values);
  batch->values.resize(values);
  return batch;
}

/// Fills `point` from the next row, and its values from `first_value` on; returns how many.
std::size_t ChainDecoder::fill_point(PointBatch& batch, Point& point, std::size_t first_value) {
  const Row& row = rows_[next_row_++];
  const Strand& strand = strands_[row.strand];
  const Shape& shape = shapes_[strand.shape];
  fill_names(batch, point, series_[strand.series]);
  point.event_time = {row.event_ns};
  point.arrival_time = {row.arrival_ms * kNsPerMs};
  point.sequence = row.sequence;
  point.first_value = static_cast<std::uint32_t>(first_value);
  point.lap = row.lap;
  point.source = shape.source;
  log::set_flags(point, shape.flags, row.sector);
  if (point.has_texts) {
    log::add_text(batch, point, texts_.substr(next_text_, row.text_length), row.literal);
    next_text_ += row.text_length;
  }
  Value* const values = batch.values.data() + first_value;
  const std::uint32_t* const fields = shape_fields_.data() + shape.first_field;
  std::uint16_t count = 0;
  for (std::uint32_t k = 0; k < shape.field_count; ++k) {
    const Field& field = field_list_[fields[k]];
    const double value = values_[next_value_++];
    if (field.is_known) {
      values[count++] = {value, field.id};
    } else {
      ++values_dropped_;
    }
  }
  point.value_count = count;
  return count;
}

void ChainDecoder::fill_names(PointBatch& batch, Point& point, Series& series) {
  if (series.batch != batch_) {
    series.batch = batch_;
    const auto put = [&](TextRef ref) {
      const TextRef there{static_cast<std::uint32_t>(batch.text.size()), ref.length};
      batch.text.append(text_, ref.offset, ref.length);
      return there;
    };
    series.track_there = put(series.track);
    series.chassis_there = put(series.chassis);
    series.tags_there = put(series.tags);
  }
  point.series_hash = series.hash;
  point.track = series.track_there;
  point.chassis = series.chassis_there;
  point.tags = series.tags_there;
}

}  // namespace slipstream
