#include "codec/csv_decoder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

namespace slipstream {
namespace {

constexpr std::size_t kRequiredColumns = 6;
constexpr std::size_t kMaxColumns = 512;
constexpr std::string_view kRawSource = "raw_source";

}  // namespace

CsvDecoder::CsvDecoder(DraftFiller& filler) : filler_(filler) {
  const auto& names = filler.builder().schema().options();
  for (const auto* name : {&names.time, &names.track, &names.chassis, &names.lap}) {
    fixed_.push_back(column(*name));
  }
  for (const auto& name : names.well_known) fixed_.push_back(column(name));
}

CsvDecoder::Column CsvDecoder::column(std::string_view name) {
  name = without_csv_guard(trim_blanks(name));
  Member member = filler_.members().copy_of(name);
  const bool is_free = member.role == MemberRole::kOther || member.role == MemberRole::kField;
  const bool is_raw_source = name == kRawSource && is_free && !member.is_well_known();
  return {std::move(member), is_raw_source};
}

bool CsvDecoder::is_header(const std::vector<std::string_view>& cells) const {
  const auto& names = filler_.builder().schema().options();
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
    const auto& name = column->member.name();
    if (!name.empty() && std::ranges::find(columns.begin(), column, name, [](const Column& c) {
                           return std::string_view(c.member.name());
                         }) != column) {
      return fmt::format("the column '{}' stands twice", name.substr(0, 40));
    }
  }
  return std::nullopt;
}

std::size_t CsvDecoder::decode(std::string_view text, const TextOrigin& origin,
                               RejectionSink& rejections) {
  if (origin.is_body) return decode_body(text, origin, rejections);
  CsvReader reader(without_byte_order_mark(text));
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

std::size_t CsvDecoder::decode_rows(CsvReader& reader, std::vector<Column>& columns,
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

CsvDecoder::Outcome CsvDecoder::decode_row(const CsvReader& reader, std::vector<Column>& columns,
                                           std::size_t required, const TextOrigin& origin) {
  const auto& cells = reader.cells();
  if (auto fits = filler_.check_size(reader.record(), "line"); !fits) return fits;
  if (!reader.well_formed()) return reject(RejectReason::kMalformedCsv, "a quote is not closed");
  if (cells.size() < required || cells.size() > columns.size()) {
    return reject(RejectReason::kMalformedCsv, fmt::format("{} columns, from {} to {} are expected",
                                                           cells.size(), required, columns.size()));
  }
  if (!simdjson::validate_utf8(reader.record())) {
    return reject(RejectReason::kMalformedCsv, "the text is not UTF-8");
  }
  filler_.begin();
  json_.begin();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].is_raw_source && !origin.peer.empty()) continue;
    const auto cell = i < cells.size() ? trim_blanks(cells[i]) : std::string_view{};
    if (auto outcome = decode_cell(columns[i].member, cell); !outcome) return outcome;
  }
  if (!origin.peer.empty()) {
    json_.add_text(kRawSource, origin.peer.text());
    filler_.draft().has_texts = true;
  }
  json_.finish(filler_.draft());
  return filler_.finish(origin);
}

CsvDecoder::Outcome CsvDecoder::decode_cell(Member& member, std::string_view cell) {
  switch (member.role) {
    case MemberRole::kTime:
      return decode_time(member, cell);
    case MemberRole::kTrack:
    case MemberRole::kChassis:
      cell = without_csv_guard(cell);
      json_.add_text(member.name(), cell);
      return filler_.take_text(member, cell);
    default:
      break;
  }
  const bool may_be_absent = member.role != MemberRole::kLap && !member.is_well_known();
  if (cell.empty() && may_be_absent) return {};
  const auto number = cell.empty() ? 0.0 : parse_number(cell);
  if (number) {
    if (cell.empty()) cell = "0";
    json_.add_number(member, cell, *number);
    return filler_.take_number(member, cell, *number);
  }
  // A column that the schema does not know is a field where it holds a number, else text.
  if (!member.wants_number()) cell = without_csv_guard(cell);
  json_.add_text(member.name(), cell);
  return filler_.take_text(member, cell);
}

CsvDecoder::Outcome CsvDecoder::decode_time(Member& member, std::string_view cell) {
  if (cell.empty()) return {};
  if (const auto number = parse_number(cell)) {
    json_.add_number(member, cell, *number);
    return filler_.take_number(member, cell, *number);
  }
  json_.add_text(member.name(), cell);
  return filler_.take_text(member, cell);
}

}  // namespace slipstream
