#include "codec/trd_csv.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/iso_time.h"
#include "base/json_text.h"
#include "codec/csv_dialect.h"
#include "codec/csv_text.h"
#include "codec/synonyms.h"

namespace slipstream {
namespace {

struct Columns {
  std::size_t lap, event, receipt, name, value, timestamp, vehicle, count;
};

std::optional<Columns> find_columns(const std::vector<std::string_view>& header) {
  const auto at = [&](std::string_view name) {
    return static_cast<std::size_t>(std::ranges::find(header, name, plain_name) - header.begin());
  };
  const Columns c{at("lap"),
                  at("meta_event"),
                  at("meta_time"),
                  at("telemetry_name"),
                  at("telemetry_value"),
                  at("timestamp"),
                  at("vehicle_id"),
                  header.size()};
  const auto required = {c.name, c.value, c.timestamp, c.vehicle};
  if (std::ranges::any_of(required, [&](auto i) { return i == c.count; })) return std::nullopt;
  return c;
}

/// In whichever case a channel comes: of ours it gets our spelling, which Steering_Angle has a
/// capital in.
std::string_view our_name(std::string_view channel) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"laptrigger_lapdist_dls", "lapdist_m"},
      {"speed", "speed_kmh"},
      {"nmot", "rpm"},
      {"accx_can", "accx_can"},
      {"accy_can", "accy_can"},
      {"steering_angle", "Steering_Angle"},
      {"pbrake_f", "pbrake_f"}};
  const auto plain = plain_name(channel);
  const auto* known =
      std::ranges::find(kNames, plain, &std::pair<std::string_view, std::string_view>::first);
  return known == std::end(kNames) ? channel : known->second;
}

struct Row {
  std::string channel;
  std::string number;
};

struct Gathered {
  std::string vehicle, timestamp, track, lap;
  std::int64_t event_ns = 0;
  std::int64_t receipt_ns = 0;
  std::vector<Row> rows;
};

std::string to_json(const Gathered& point) {
  std::string json = "{\"meta_time\":";
  append_json_string(json, point.timestamp);
  json += ",\"track\":";
  append_json_string(json, point.track);
  json += ",\"chassis\":";
  append_json_string(json, point.vehicle);
  if (!point.lap.empty()) json += ",\"lap\":" + point.lap;
  for (const auto& row : point.rows) {
    json += ',';
    append_json_string(json, row.channel);
    json += ':';
    json += row.number;
  }
  json += '}';
  return json;
}

/// Reads rows into points; what is wrong with a row costs that row only.
class Pivot {
 public:
  Pivot(const Columns& columns, CsvDialect dialect, std::string_view track)
      : at_(columns), dialect_(dialect), track_(track) {}

  std::expected<void, Rejection> add(const CsvReader& reader) {
    const auto& cells = reader.cells();
    if (!reader.well_formed() || cells.size() != at_.count ||
        !simdjson::validate_utf8(reader.record())) {
      return reject(RejectReason::kMalformedCsv,
                    fmt::format("{} columns, {} are expected, in UTF-8 with closed quotes",
                                cells.size(), at_.count));
    }
    const auto cell = [&](std::size_t i) {
      return i < cells.size() ? trim_blanks(cells[i]) : std::string_view{};
    };
    const auto event_ns = parse_iso_time(cell(at_.timestamp));
    if (!event_ns) {
      return reject(RejectReason::kBadTime,
                    fmt::format("timestamp is no ISO 8601 time: '{}'", cell(at_.timestamp)));
    }
    if (cell(at_.vehicle).empty()) {
      return reject(RejectReason::kMissingDimension, "vehicle_id is empty");
    }
    std::string scratch;
    const auto reading = dialect_.number_text(cell(at_.value), scratch);
    const auto value = parse_number(reading);
    std::optional<double> lap = 0.0;
    if (!cell(at_.lap).empty()) lap = parse_number(cell(at_.lap));
    if (!value || !lap || cell(at_.name).empty()) {
      return reject(RejectReason::kBadNumber,
                    fmt::format("telemetry_value of '{}' must be a number, got '{}' (lap '{}')",
                                cell(at_.name), cell(at_.value), cell(at_.lap)));
    }
    Gathered& point = gather(cell(at_.vehicle), *event_ns);
    point.timestamp = cell(at_.timestamp);
    if (point.track.empty()) point.track = track_.empty() ? cell(at_.event) : track_;
    if (!cell(at_.lap).empty()) {
      point.lap.clear();
      append_json_number(point.lap, cell(at_.lap), *lap);
    }
    // A point is there once the last of its rows is.
    const auto receipt = parse_iso_time(cell(at_.receipt)).value_or(*event_ns);
    point.receipt_ns = std::max(point.receipt_ns, receipt);
    const auto channel = our_name(cell(at_.name));
    auto row = std::ranges::find(point.rows, channel, &Row::channel);
    if (row == point.rows.end()) row = point.rows.insert(row, Row{std::string(channel), {}});
    row->number.clear();
    append_json_number(row->number, reading, *value);
    return {};
  }

  std::vector<TrdPoint> finish() {
    std::ranges::stable_sort(points_, {}, &Gathered::receipt_ns);
    std::vector<TrdPoint> result;
    result.reserve(points_.size());
    for (const auto& point : points_) {
      result.push_back({{point.event_ns}, point.receipt_ns, to_json(point)});
    }
    return result;
  }

 private:
  Gathered& gather(std::string_view vehicle, std::int64_t event_ns) {
    const auto [found, is_new] =
        index_.try_emplace({std::string(vehicle), event_ns}, points_.size());
    if (is_new) {
      points_.emplace_back();
      points_.back().vehicle = vehicle;
      points_.back().event_ns = event_ns;
    }
    return points_[found->second];
  }

  const Columns at_;
  const CsvDialect dialect_;
  const std::string_view track_;
  std::map<std::pair<std::string, std::int64_t>, std::size_t> index_;
  std::vector<Gathered> points_;
};

}  // namespace

bool looks_like_trd(std::string_view text) {
  const auto dialect = take_csv_preamble(text).dialect;
  CsvReader reader(text.substr(0, text.find(dialect.line_end)), dialect.delimiter);
  return reader.next() && find_columns(reader.cells()).has_value();
}

std::vector<TrdPoint> pivot_trd(std::string_view text, std::string_view track,
                                RejectionSink& rejections) {
  const auto dialect = take_csv_preamble(text).dialect;
  CsvReader reader(text, dialect.delimiter, dialect.line_end);
  if (!reader.next()) return {};
  const auto columns = find_columns(reader.cells());
  if (!columns) {
    rejections.rejected(
        0, {RejectReason::kMalformedCsv, "the header lacks a column of the TRD export"},
        reader.record());
    return {};
  }
  Pivot pivot(*columns, dialect, track);
  for (std::size_t row = 0; reader.next(); ++row) {
    if (auto added = pivot.add(reader); !added) {
      rejections.rejected(row, added.error(), reader.record());
    }
  }
  return pivot.finish();
}

}  // namespace slipstream
