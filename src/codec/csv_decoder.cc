#include "codec/csv_decoder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "base/iso_time.h"
#include "base/json_text.h"
#include "codec/event_time.h"

namespace slipstream {
namespace {

constexpr std::size_t kRequiredColumns = 6;
constexpr std::size_t kMaxColumns = 512;
constexpr std::string_view kRawSource = "raw_source";

}  // namespace

CsvDecoder::CsvDecoder(PointBuilder& builder) : builder_(builder) {
  const auto& names = builder.schema().options();
  for (const auto* name : {&names.time, &names.track, &names.chassis, &names.lap}) {
    fixed_.push_back(column(*name));
  }
  for (const auto& name : names.well_known) fixed_.push_back(column(name));
}

CsvDecoder::Column CsvDecoder::column(std::string_view name) const {
  name = without_csv_guard(trim_blanks(name));
  const auto& names = builder_.schema().options();
  const auto role = [&] {
    if (name == names.time) return Role::kTime;
    if (name == names.track) return Role::kTrack;
    if (name == names.chassis) return Role::kChassis;
    if (name == names.lap) return Role::kLap;
    if (name == names.sector) return Role::kSector;
    if (!names.sequence.empty() && name == names.sequence) return Role::kSequence;
    if (name == kRawSource) return Role::kRawSource;
    return Role::kOther;
  }();
  const auto known = std::ranges::find(names.well_known, name);
  if (known != names.well_known.end()) {
    return {std::string(name), Role::kField,
            static_cast<FieldId>(known - names.well_known.begin())};
  }
  return {std::string(name), role};
}

bool CsvDecoder::is_header(const std::vector<std::string_view>& cells) const {
  const auto& names = builder_.schema().options();
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(
        cells, [&](auto cell) { return without_csv_guard(trim_blanks(cell)) == name; });
  };
  return has(names.track) && has(names.chassis);
}

std::optional<std::string> CsvDecoder::fault_of(const std::vector<Column>& columns) {
  if (columns.size() > kMaxColumns) {
    return fmt::format("{} columns, at most {}", columns.size(), kMaxColumns);
  }
  for (auto column = columns.begin(); column != columns.end(); ++column) {
    if (!column->name.empty() &&
        std::ranges::find(columns.begin(), column, column->name, &Column::name) != column) {
      return fmt::format("the column '{}' stands twice", column->name.substr(0, 40));
    }
  }
  return std::nullopt;
}

std::size_t CsvDecoder::decode(std::string_view text, const TextOrigin& origin,
                               RejectionSink& rejections) {
  CsvReader reader(text);
  if (!reader.next()) return 0;
  return decode_rows(reader, fixed_, kRequiredColumns, origin, rejections);
}

std::size_t CsvDecoder::decode_body(std::string_view text, const TextOrigin& origin,
                                    RejectionSink& rejections) {
  CsvReader reader(without_byte_order_mark(text));
  if (!reader.next()) return 0;
  if (!is_header(reader.cells())) {
    return decode_rows(reader, fixed_, kRequiredColumns, origin, rejections);
  }
  std::vector<Column> columns;
  for (const auto cell : reader.cells()) columns.push_back(column(cell));
  if (auto fault = fault_of(columns)) {
    rejections.rejected(0, {RejectReason::kMalformedCsv, std::move(*fault)}, reader.record());
    return 1;
  }
  if (!reader.next()) return 0;
  return decode_rows(reader, columns, 1, origin, rejections);
}

std::size_t CsvDecoder::decode_rows(CsvReader& reader, const std::vector<Column>& columns,
                                    std::size_t required, const TextOrigin& origin,
                                    RejectionSink& rejections) {
  std::size_t index = 0;
  do {
    if (auto outcome = decode_row(reader, columns, required, origin); !outcome) {
      rejections.rejected(index, outcome.error(), reader.record());
    }
    ++index;
  } while (reader.next());
  return index;
}

CsvDecoder::Outcome CsvDecoder::decode_row(const CsvReader& reader,
                                           const std::vector<Column>& columns, std::size_t required,
                                           const TextOrigin& origin) {
  const auto& cells = reader.cells();
  const auto limit = builder_.schema().options().max_point_bytes;
  if (reader.record().size() > limit) {
    return reject(
        RejectReason::kTooLarge,
        fmt::format("the line has {} bytes, at most {} are taken", reader.record().size(), limit));
  }
  if (!reader.well_formed()) return reject(RejectReason::kMalformedCsv, "a quote is not closed");
  if (cells.size() < required || cells.size() > columns.size()) {
    return reject(RejectReason::kMalformedCsv, fmt::format("{} columns, from {} to {} are expected",
                                                           cells.size(), required, columns.size()));
  }
  if (!simdjson::validate_utf8(reader.record())) {
    return reject(RejectReason::kMalformedCsv, "the text is not UTF-8");
  }
  draft_.clear();
  json_ = "{";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].role == Role::kRawSource && !origin.peer.empty()) continue;
    const auto cell = i < cells.size() ? trim_blanks(cells[i]) : std::string_view{};
    if (auto outcome = decode_cell(columns[i], cell); !outcome) return outcome;
  }
  if (!origin.peer.empty()) {
    if (json_.size() > 1) json_ += ',';
    append_json_string(json_, kRawSource);
    json_ += ':';
    append_json_string(json_, origin.peer);
    draft_.has_texts = true;
  }
  json_ += '}';
  draft_.json = json_;
  if (draft_.lap) draft_.lap_literal = draft_.json.substr(lap_offset_, lap_length_);
  return builder_.finish(draft_, origin);
}

CsvDecoder::Outcome CsvDecoder::decode_cell(const Column& column, std::string_view cell) {
  const auto open_member = [&] {
    if (json_.size() > 1) json_ += ',';
    append_json_string(json_, column.name);
    json_ += ':';
  };
  const auto carry_text = [&] {
    open_member();
    append_json_string(json_, cell);
  };
  switch (column.role) {
    case Role::kTrack:
      draft_.track = cell = without_csv_guard(cell);
      carry_text();
      return {};
    case Role::kChassis:
      draft_.chassis = cell = without_csv_guard(cell);
      carry_text();
      return {};
    case Role::kTime: {
      if (cell.empty()) return {};
      if (const auto number = parse_number(cell)) {
        draft_.event_ns = time_from_number(cell);
        open_member();
        append_json_number(json_, cell, *number);
      } else {
        draft_.event_ns = parse_iso_time(cell);
        carry_text();
      }
      if (!draft_.event_ns) {
        return reject(RejectReason::kBadTime,
                      fmt::format("'{}' is no time: '{}'", column.name, cell.substr(0, 40)));
      }
      return {};
    }
    case Role::kRawSource:
    case Role::kOther:
      // A column that the schema does not know is a field where it holds a number, else text.
      if (cell.empty()) return {};
      if (parse_number(cell)) break;
      cell = without_csv_guard(cell);
      carry_text();
      draft_.has_texts = true;
      return {};
    case Role::kSector:
    case Role::kSequence:
      if (cell.empty()) return {};
      break;
    default:
      break;
  }
  const auto number = cell.empty() ? 0.0 : parse_number(cell);
  if (!number) {
    return reject(RejectReason::kBadNumber,
                  fmt::format("'{}' must be a number, got '{}'", column.name, cell.substr(0, 40)));
  }
  open_member();
  const std::size_t literal = json_.size();
  append_json_number(json_, cell.empty() ? "0" : cell, *number);
  switch (column.role) {
    case Role::kLap: {
      auto lap = to_index(*number, column.name, Schema::kLapFault);
      if (!lap) return std::unexpected(lap.error());
      draft_.lap = *lap;
      lap_offset_ = literal;
      lap_length_ = json_.size() - literal;
      return {};
    }
    case Role::kSector: {
      auto sector = to_index(*number, column.name, 1'000'000);
      if (!sector) return std::unexpected(sector.error());
      draft_.sector = *sector;
      return {};
    }
    case Role::kSequence: {
      auto sequence = to_index(*number, column.name, std::int64_t{1} << 53);
      if (!sequence) return std::unexpected(sequence.error());
      draft_.sequence = static_cast<std::uint64_t>(*sequence);
      return {};
    }
    case Role::kField:
      builder_.add_value(draft_, column.id, *number);
      return {};
    default:
      break;
  }
  return builder_.add_named(draft_, column.name, *number);
}

}  // namespace slipstream
