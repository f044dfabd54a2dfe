#include "codec/csv_decoder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

namespace slipstream {
namespace {

constexpr std::size_t kRequiredColumns = 6;
constexpr std::string_view kOpenQuote = "a quote is not closed, or not at its cell's end";

}  // namespace

CsvDecoder::CsvDecoder(DraftFiller& filler)
    : filler_(filler),
      empty_is_zero_(filler.builder().schema().options().csv.empty_is_zero),
      columns_(filler) {}

std::size_t CsvDecoder::decode(std::string_view text, const TextOrigin& origin,
                               RejectionSink& rejections) {
  const auto preamble = take_csv_preamble(text);
  const auto& dialect = preamble.dialect;
  CsvReader reader(text, dialect.delimiter, dialect.line_end);
  if (!reader.next()) return 0;
  const auto refuse_text = [&](std::string why) {
    rejections.rejected(0, {RejectReason::kMalformedCsv, std::move(why)}, reader.record());
    return std::size_t{1};
  };
  const std::size_t columns = reader.cells().size();
  const bool has_track = !origin.track.empty();
  // A first row that is too large is refused alone, as any other: nothing is made of its cells.
  const bool may_be_header = filler_.check_size(reader.record(), "line").has_value();
  if (may_be_header && columns > kMaxCsvColumns) {
    return refuse_text(fmt::format("{} columns, at most {}", columns, kMaxCsvColumns));
  }
  if (may_be_header && columns_.is_header(reader.cells(), dialect)) {
    if (!reader.well_formed()) return refuse_text(std::string(kOpenQuote));
    auto mapped = columns_.map(reader.cells(), dialect, has_track);
    if (!mapped) return refuse_text(std::move(mapped.error()));
    if (!reader.next()) return 0;
  } else if (!is_header_in_comment(preamble, has_track)) {
    return decode_rows(reader, {columns_.fixed(), kRequiredColumns, dialect, false}, origin,
                       rejections);
  }
  return decode_rows(
      reader, {columns_.named(), columns_.named().size(), dialect, true, columns_.other_times()},
      origin, rejections);
}

bool CsvDecoder::is_header_in_comment(const CsvPreamble& preamble, bool has_track) {
  CsvReader comment(preamble.comment, preamble.dialect.delimiter);
  return filler_.check_size(preamble.comment, "line").has_value() && comment.next() &&
         comment.cells().size() <= kMaxCsvColumns &&
         columns_.is_header(comment.cells(), preamble.dialect) &&
         columns_.map(comment.cells(), preamble.dialect, has_track).has_value();
}

std::size_t CsvDecoder::decode_rows(CsvReader& reader, const Table& table, const TextOrigin& origin,
                                    RejectionSink& rejections) {
  std::size_t index = 0;
  do {
    if (auto outcome = decode_row(reader, table, origin); !outcome) {
      rejections.rejected(index, outcome.error(), reader.record());
    }
    ++index;
  } while (reader.next());
  return index;
}

/// Cells beyond the last column are none where they are empty: many programs end a row with a
/// delimiter.
CsvDecoder::Outcome CsvDecoder::check_count(const std::vector<std::string_view>& cells,
                                            const Table& table) {
  const auto is_empty = [](std::string_view cell) { return trim_blanks(cell).empty(); };
  const std::size_t most = table.columns.size();
  if (cells.size() >= table.required &&
      (cells.size() <= most ||
       std::all_of(cells.begin() + static_cast<std::ptrdiff_t>(most), cells.end(), is_empty))) {
    return {};
  }
  const auto expected = table.has_header
                            ? fmt::format("the header has {}", table.required)
                            : fmt::format("from {} to {} are expected where no header names them",
                                          table.required, most);
  return reject(RejectReason::kMalformedCsv,
                fmt::format("{} columns, separated by {}: {}", cells.size(),
                            table.dialect.delimiter_name(), expected));
}

CsvDecoder::Outcome CsvDecoder::decode_row(const CsvReader& reader, const Table& table,
                                           const TextOrigin& origin) {
  const auto& cells = reader.cells();
  auto& columns = table.columns;
  if (auto fits = filler_.check_size(reader.record(), "line"); !fits) return fits;
  if (!reader.well_formed()) return reject(RejectReason::kMalformedCsv, std::string(kOpenQuote));
  if (auto counted = check_count(cells, table); !counted) return counted;
  if (!simdjson::validate_utf8(reader.record())) {
    return reject(RejectReason::kMalformedCsv, "the text is not UTF-8");
  }
  filler_.begin();
  json_.begin();
  bool has_track = false;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    auto& column = columns[i];
    if (column.is_raw_source && !origin.peer.empty()) continue;
    has_track |= column.member.role == MemberRole::kTrack;
    const auto cell = i < cells.size() ? cells[i] : std::string_view{};
    if (auto outcome = decode_cell(column, cell, table.dialect); !outcome) return outcome;
  }
  if (!filler_.draft().event_ns) look_for_time(cells, table);
  if (!has_track) {
    json_.add_text(filler_.builder().schema().options().track, origin.track);
    filler_.draft().track = origin.track;
  }
  if (!origin.peer.empty()) {
    json_.add_text(kRawSource, origin.peer.text());
    filler_.draft().has_texts = true;
  }
  json_.finish(filler_.draft());
  return filler_.finish(origin);
}

CsvDecoder::Outcome CsvDecoder::decode_cell(CsvColumn& column, std::string_view cell,
                                            const CsvDialect& dialect) {
  Member& member = column.member;
  switch (member.role) {
    case MemberRole::kTime:
      return decode_time(column, cell, dialect);
    case MemberRole::kTag:
      if (cell.empty()) return {};
      [[fallthrough]];
    case MemberRole::kTrack:
    case MemberRole::kChassis:
      cell = without_csv_guard(cell);
      json_.add_text(member.name(), cell);
      return filler_.take_text(member, cell);
    default:
      break;
  }
  // Of blanks in quotes a text may be, but no number.
  if (cell.empty() || (member.wants_number() && trim_blanks(cell).empty())) {
    const bool was_zero = member.role == MemberRole::kLap || member.is_well_known();
    if (!empty_is_zero_ || !was_zero) return {};
    cell = "0";
  }
  const auto text = dialect.number_text(cell, scratch_);
  if (const auto number = parse_number(text)) {
    json_.add_number(member, text, *number);
    return filler_.take_number(member, text, *number);
  }
  // A column that the schema does not know is a field where it holds a number, else text.
  if (!member.wants_number()) cell = without_csv_guard(cell);
  json_.add_text(member.name(), cell);
  return filler_.take_text(member, cell);
}

CsvDecoder::Outcome CsvDecoder::decode_time(CsvColumn& column, std::string_view cell,
                                            const CsvDialect& dialect) {
  cell = trim_blanks(cell);
  if (cell.empty()) return {};
  const auto text = dialect.number_text(cell, scratch_);
  const auto number = parse_number(text);
  if (number && column.ordinary && is_before_2000(text)) {
    filler_.draft().time_like = column.ordinary->name();
    filler_.draft().is_time_early = true;
    json_.add_number(*column.ordinary, text, *number);
    return filler_.take_number(*column.ordinary, text, *number);
  }
  auto taken = number ? filler_.take_number(column.member, text, *number)
                      : filler_.take_text(column.member, cell);
  if (taken) json_.add_time(column.member.name(), *filler_.draft().event_ns);
  return taken;
}

/// Another column of the row's that is called as times are, and holds one of today.
void CsvDecoder::look_for_time(const std::vector<std::string_view>& cells, const Table& table) {
  for (const std::size_t i : table.other_times) {
    const auto cell = i < cells.size() ? trim_blanks(cells[i]) : std::string_view{};
    const auto text = table.dialect.number_text(cell, scratch_);
    const auto ns = parse_number(text)
                        ? is_before_2000(text) ? std::nullopt : time_from_number(text)
                        : parse_iso_time(cell);
    if (!ns) continue;
    filler_.draft().event_ns = ns;
    json_.add_time(filler_.builder().schema().options().time, *ns);
    return;
  }
}

}  // namespace slipstream
