#include "codec/point_log_decoder.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <span>
#include <utility>

#include "codec/byte_planes.h"
#include "codec/point_form.h"
#include "codec/point_log_format.h"

namespace slipstream {
namespace {

namespace log = point_log;

/// Adds a difference as push_difference() wrote it.
std::uint64_t follow(std::uint64_t& last, std::uint64_t difference) {
  return last += from_zigzag(difference);
}

}  // namespace

Result<void> PointLogDecoder::open(std::string_view payload) {
  // What TextRef reaches, with room for the spare bytes behind each text.
  constexpr std::size_t kMaxBytes = std::size_t{1} << 30;
  if (payload.size() > kMaxBytes) return fail("the log's payload is too large");
  const auto version = payload.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(payload[0]);
  is_chain_ = version == log::kChainVersion || version == log::kMarksChainVersion;
  if (is_chain_) {
    if (chain_.open(payload)) return {};
    return fail("the log's payload is damaged, or what it goes on with was not read");
  }
  chain_.end_chain();
  const bool is_known =
      version == log::kOldestVersion || version == log::kVersion || version == log::kMarksVersion;
  if (!payload.empty() && !is_known) {
    return fail("the log's payload is of a version that is not known");
  }
  next_run_ = next_row_ = next_text_ = 0;
  if (!read(payload)) {
    runs_.clear();
    count_ = 0;
    return fail("the log's payload is damaged");
  }
  return {};
}

bool PointLogDecoder::read(std::string_view payload) {
  ByteReader reader(payload);
  version_ = reader.fixed<std::uint8_t>();
  return read_runs(reader) && read_dictionaries(reader) && read_sources(reader) &&
         read_shapes(reader) && read_rows(reader) && read_values(reader) && read_texts(reader);
}

bool PointLogDecoder::read_runs(ByteReader& reader) {
  runs_.clear();
  point_count_ = 0;
  const std::uint64_t runs = reader.varint();
  if (!reader.ok() || runs > reader.left()) return false;
  std::uint64_t index = 0;
  for (std::uint64_t i = 0; i < runs; ++i) {
    LogEntry& run = runs_.emplace_back();
    const auto kind = reader.fixed<std::uint8_t>();
    if (kind >= log::kind_count(version_)) return false;
    run.kind = static_cast<LogEntryKind>(kind);
    run.index = static_cast<std::uint32_t>(index);
    switch (run.kind) {
      case LogEntryKind::kPoints:
        if (!log::narrow(reader.varint(), run.partition) ||
            !log::narrow(reader.varint(), run.count)) {
          return false;
        }
        if (run.count == 0 || run.count > LogRows::kMaxRun) return false;
        point_count_ += run.count;
        break;
      case LogEntryKind::kTick:
      case LogEntryKind::kClose:
        run.time = {reader.zigzag()};
        break;
      case LogEntryKind::kDefinitions:
        run.text = reader.text();
        break;
      case LogEntryKind::kKey:
        run.time = {reader.zigzag()};
        if (!log::narrow(reader.varint(), run.status)) return false;
        run.key = reader.text();
        run.text = reader.text();
        break;
      case LogEntryKind::kVoid:
        if (!log::narrow(reader.varint(), run.count) || run.count == 0) return false;
        break;
      case LogEntryKind::kMark:
        run.time = {reader.zigzag()};
        run.text = reader.text();
        break;
    }
    if (!reader.ok()) return false;
    index += run.count;
  }
  return log::narrow(index, count_);
}

bool PointLogDecoder::read_dictionaries(ByteReader& reader) {
  series_.clear();
  const std::uint64_t series = reader.varint();
  if (!reader.ok() || series > reader.left()) return false;
  for (std::uint64_t i = 0; i < series; ++i) {
    const std::string_view track = reader.text();
    const std::string_view chassis = reader.text();
    const std::string_view tags =
        version_ == log::kOldestVersion ? std::string_view{} : reader.text();
    if (!reader.ok()) return false;
    series_.push_back(
        {.track = track, .chassis = chassis, .tags = tags, .hash = series_hash(track, chassis)});
  }
  field_list_.clear();
  const std::uint64_t fields = reader.varint();
  if (!reader.ok() || fields > reader.left()) return false;
  for (std::uint64_t i = 0; i < fields; ++i) {
    const std::string_view name = reader.text();
    if (!reader.ok()) return false;
    const auto id = fields_.intern(name);
    field_list_.push_back({id.value_or(0), id.has_value(), 0, 0});
  }
  return true;
}

bool PointLogDecoder::read_sources(ByteReader& reader) {
  sources_.clear();
  if (version_ == log::kOldestVersion) return true;
  const std::uint64_t sources = reader.varint();
  if (!reader.ok() || sources > reader.left()) return false;
  for (std::uint64_t i = 0; i < sources; ++i) {
    const auto source = log::source_named(reader.text());
    if (!reader.ok()) return false;
    if (!source) ++sources_unknown_;
    sources_.push_back(source.value_or(SourceKind::kReplay));
  }
  return true;
}

bool PointLogDecoder::read_source(ByteReader& reader, Shape& shape) const {
  const auto old_number = static_cast<std::uint8_t>(shape.flags & log::kOldSourceMask);
  if (version_ == log::kOldestVersion) {
    shape.source = static_cast<SourceKind>(old_number);
    return old_number < log::kOldSources;
  }
  const std::uint64_t number = reader.varint();
  if (old_number != 0 || number >= sources_.size()) return false;
  shape.source = sources_[number];
  return true;
}

bool PointLogDecoder::read_shapes(ByteReader& reader) {
  shapes_.clear();
  shape_fields_.clear();
  const std::uint64_t shapes = reader.varint();
  if (!reader.ok() || shapes > reader.left()) return false;
  for (std::uint64_t i = 0; i < shapes; ++i) {
    Shape shape{.flags = reader.fixed<std::uint8_t>(),
                .first_field = static_cast<std::uint32_t>(shape_fields_.size())};
    if (!read_source(reader, shape)) return false;
    if (!log::narrow(reader.varint(), shape.field_count)) return false;
    for (std::uint32_t k = 0; k < shape.field_count; ++k) {
      const std::uint64_t field = reader.varint();
      if (!reader.ok() || field >= field_list_.size()) return false;
      shape_fields_.push_back(static_cast<std::uint32_t>(field));
    }
    shapes_.push_back(shape);
  }
  return reader.ok();
}

bool PointLogDecoder::read_column(ByteReader& reader, std::uint64_t count) {
  if (count > reader.left()) return false;
  column_.resize(count);
  return read_planes(reader, column_);
}

bool PointLogDecoder::read_rows(ByteReader& reader) {
  const auto unit = reader.fixed<std::uint8_t>();
  if (unit >= std::size(log::kTimeUnits)) return false;

  if (!read_column(reader, point_count_)) return false;
  rows_.resize(point_count_);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (column_[i] >= series_.size()) return false;
    rows_[i] = {};
    rows_[i].series = static_cast<std::uint32_t>(column_[i]);
  }
  if (!read_column(reader, point_count_)) return false;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (column_[i] >= shapes_.size()) return false;
    rows_[i].shape = static_cast<std::uint32_t>(column_[i]);
    ++shapes_[rows_[i].shape].points;
  }
  if (!read_column(reader, point_count_)) return false;
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    Series& series = series_[rows_[i].series];
    if (!series.has_time) series.event_time = before;
    series.has_time = true;
    before = follow(series.event_time, column_[i]);
    rows_[i].event_time = before * static_cast<std::uint64_t>(log::kTimeUnits[unit]);
  }
  if (!read_column(reader, point_count_)) return false;
  std::uint64_t arrival = 0;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const auto ms = static_cast<std::int64_t>(follow(arrival, column_[i]));
    if (ms > log::kMaxArrivalMs || ms < -log::kMaxArrivalMs) return false;
    rows_[i].arrival_ms = ms;
  }
  if (!read_column(reader, point_count_)) return false;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (!log::narrow(follow(series_[rows_[i].series].lap, column_[i]), rows_[i].lap)) return false;
  }
  return read_rare(reader);
}

/// What not every point has.
bool PointLogDecoder::read_rare(ByteReader& reader) {
  const auto read_where = [&](unsigned flags, auto take) {
    std::uint64_t count = 0;
    for (const Shape& shape : shapes_) count += (shape.flags & flags) == flags ? shape.points : 0;
    if (!read_column(reader, count)) return false;
    if (count == 0) return true;
    std::size_t at = 0;
    for (Row& row : rows_) {
      if ((shapes_[row.shape].flags & flags) != flags) continue;
      if (!take(row, column_[at++])) return false;
    }
    return true;
  };
  constexpr unsigned kHasLiteral = unsigned{log::kHasTexts} | log::kLapIsFault;
  return read_where(log::kHasSector,
                    [&](Row& row, std::uint64_t sector) {
                      return log::narrow(follow(series_[row.series].sector, sector), row.sector);
                    }) &&
         read_where(log::kHasSequence,
                    [&](Row& row, std::uint64_t sequence) {
                      row.sequence = follow(series_[row.series].sequence, sequence);
                      return true;
                    }) &&
         read_where(
             log::kHasTexts,
             [](Row& row, std::uint64_t size) { return log::narrow(size, row.text_length); }) &&
         read_where(kHasLiteral,
                    [](Row& row, std::uint64_t offset) {
                      return log::narrow(offset, row.literal.offset) && offset <= row.text_length;
                    }) &&
         read_where(kHasLiteral, [](Row& row, std::uint64_t length) {
           return log::narrow(length, row.literal.length) &&
                  length <= row.text_length - row.literal.offset;
         });
}

bool PointLogDecoder::read_values(ByteReader& reader) {
  std::uint64_t total = 0;
  for (const Shape& shape : shapes_) {
    for (std::uint32_t k = 0; k < shape.field_count; ++k) {
      field_list_[shape_fields_[shape.first_field + k]].next += shape.points;
      total += shape.points;
    }
  }
  if (total > reader.left()) return false;
  values_.resize(total);
  value_series_.resize(total);
  std::size_t begin = 0;
  for (Field& field : field_list_) {
    field.begin = begin;
    begin += std::exchange(field.next, begin);
  }
  for (const Row& row : rows_) {
    const Shape& shape = shapes_[row.shape];
    const std::uint32_t* const fields = shape_fields_.data() + shape.first_field;
    for (std::uint32_t k = 0; k < shape.field_count; ++k) {
      value_series_[field_list_[fields[k]].next++] = row.series;
    }
  }
  for (Field& field : field_list_) {
    const std::size_t count = field.next - field.begin;
    const auto values = std::span(values_).subspan(field.begin, count);
    if (wanted_ != nullptr && field.is_known && !(*wanted_)[field.id]) {
      if (!ValueColumn::skip(reader, count)) return false;
      std::ranges::fill(values, std::numeric_limits<double>::quiet_NaN());
    } else if (!value_column_.decode(reader, values,
                                     std::span(value_series_).subspan(field.begin, count),
                                     series_.size())) {
      return false;
    }
    field.next = field.begin;
  }
  return true;
}

bool PointLogDecoder::read_texts(ByteReader& reader) {
  std::uint64_t bytes = 0;
  for (const Row& row : rows_) bytes += row.text_length;
  texts_ = reader.bytes(bytes);
  return reader.at_end();
}

bool PointLogDecoder::next(LogEntry& entry) {
  if (is_chain_) return chain_.next(entry);
  if (next_run_ == runs_.size()) return false;
  const LogEntry& run = runs_[next_run_++];
  copy_without_points(run, entry);
  if (run.kind == LogEntryKind::kPoints) entry.points = take_points(run);
  return true;
}

PointBatchPtr PointLogDecoder::take_points(const LogEntry& run) {
  PointBatchPtr batch = pool_.get();
  batch->clear();
  batch->partition = run.partition;
  ++batch_;
  std::size_t values = 0;
  for (std::size_t i = next_row_; i < next_row_ + run.count; ++i) {
    values += shapes_[rows_[i].shape].field_count;
  }
  batch->points.resize(run.count);
  batch->values.resize(values);
  values = 0;
  for (Point& point : batch->points) values += fill_point(*batch, point, values);
  batch->values.resize(values);
  return batch;
}

/// Fills `point` from the next row, and its values from `first_value` on; returns how many.
std::size_t PointLogDecoder::fill_point(PointBatch& batch, Point& point, std::size_t first_value) {
  const Row& row = rows_[next_row_++];
  const Shape& shape = shapes_[row.shape];
  Series& series = series_[row.series];
  if (series.batch != batch_) {
    series.batch = batch_;
    series.track_ref = {static_cast<std::uint32_t>(batch.text.size()),
                        static_cast<std::uint32_t>(series.track.size())};
    batch.text += series.track;
    series.chassis_ref = {static_cast<std::uint32_t>(batch.text.size()),
                          static_cast<std::uint32_t>(series.chassis.size())};
    batch.text += series.chassis;
    series.tags_ref = {static_cast<std::uint32_t>(batch.text.size()),
                       static_cast<std::uint32_t>(series.tags.size())};
    batch.text += series.tags;
  }
  point.event_time = {static_cast<std::int64_t>(row.event_time)};
  point.arrival_time = {row.arrival_ms * kNsPerMs};
  point.series_hash = series.hash;
  point.sequence = row.sequence;
  point.track = series.track_ref;
  point.chassis = series.chassis_ref;
  point.tags = series.tags_ref;
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
    Field& field = field_list_[fields[k]];
    const double value = values_[field.next++];
    if (field.is_known) {
      values[count++] = {value, field.id};
    } else {
      ++values_dropped_;
    }
  }
  point.value_count = count;
  return count;
}

}  // namespace slipstream
