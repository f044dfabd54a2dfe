#include "app/history_pages.h"

#include <cmath>
#include <utility>
#include <vector>

#include "base/iso_time.h"
#include "base/object_writer.h"
#include "codec/lap_json.h"

namespace slipstream {
namespace {

/// Computed figures have no more digits than they deserve.
double to_micro(double value) {
  return std::round(value * 1e6) / 1e6 + 0.0;
}
double as_it_is(double value) {
  return value;
}
using Rounding = double (*)(double);

void append_numbers(std::string& out, const std::vector<double>& values, Rounding rounding) {
  out += '[';
  for (const double& value : values) {
    if (&value != values.data()) out += ',';
    append_json_number(out, rounding(value));
  }
  out += ']';
}

void append_fields(std::string& out, const std::vector<MachinePoints::Column>& fields,
                   Rounding rounding) {
  ObjectWriter object(out);
  for (const auto& field : fields) append_numbers(object.key(field.name), field.values, rounding);
}

std::string_view axis_name(TraceBy by) {
  switch (by) {
    case TraceBy::kTime:
      return "time_s";
    case TraceBy::kDistance:
      return "distance_m";
    case TraceBy::kPosition:
      return "position_m";
  }
  return "";
}

struct CsvColumn {
  std::string name;
  const std::vector<double>* values;
  Rounding rounding;
};

std::string table_of(const std::vector<CsvColumn>& columns, CsvTexts texts) {
  std::string out;
  for (const CsvColumn& column : columns) {
    if (&column != columns.data()) out += ',';
    append_csv_text(out, column.name, texts);
  }
  out += "\r\n";
  for (std::size_t row = 0; row < columns.front().values->size(); ++row) {
    for (const CsvColumn& column : columns) {
      if (&column != columns.data()) out += ',';
      const double value = (*column.values)[row];
      if (!std::isnan(value)) append_json_number(out, column.rounding(value));
    }
    out += "\r\n";
  }
  return out;
}

}  // namespace

std::string trace_json(const TraceRequest& request, const TraceAnswer& answer) {
  std::string out;
  {
    ObjectWriter object(out);
    std::string& lap = object.key("lap");
    if (!request.lap) {
      lap += "null";
    } else {
      append_lap_json(lap, *request.lap);
    }
    append_numbers(object.key("x"), answer.trace.x, to_micro);
    append_fields(object.key("fields"), answer.trace.fields, as_it_is);
    object.text("x_unit", request.by == TraceBy::kTime ? "s" : "m");
    object.number("points", answer.trace.x.size());
    object.number("of", answer.trace.of);
    if (answer.lost > 0) object.number("lost", answer.lost);
    if (answer.gone_before) object.text("gone_before", iso_time(answer.gone_before->ns));
  }
  return out;
}

std::string trace_csv(const TraceRequest& request, const TraceAnswer& answer, CsvTexts texts) {
  std::vector<CsvColumn> columns = {
      {std::string(axis_name(request.by)), &answer.trace.x, to_micro}};
  for (const auto& field : answer.trace.fields) {
    columns.push_back({field.name, &field.values, as_it_is});
  }
  return table_of(columns, texts);
}

std::string comparison_json(const Comparison& comparison) {
  std::string out;
  {
    ObjectWriter object(out);
    append_numbers(object.key("x"), comparison.x, to_micro);
    object.text("x_unit", "m");
    std::string& laps = object.key("laps");
    laps += '[';
    for (const ComparedLap& compared : comparison.laps) {
      if (laps.back() != '[') laps += ',';
      ObjectWriter lap(laps);
      lap.text("id", compared.lap.id);
      lap.text("chassis", compared.lap.lap->activity.chassis);
      lap.number("lap", compared.lap.lap->lap);
      lap.number_or_null("lap_time_s", compared.lap.lap->lap_time_s);
      append_fields(lap.key("fields"), compared.fields, to_micro);
      append_numbers(lap.key("delta_s"), compared.delta_s, to_micro);
      if (compared.lost > 0) lap.number("lost", compared.lost);
    }
    laps += ']';
  }
  return out;
}

std::string comparison_csv(const Comparison& comparison, CsvTexts texts) {
  std::vector<CsvColumn> columns = {{"position_m", &comparison.x, to_micro}};
  for (const ComparedLap& lap : comparison.laps) {
    for (const auto& field : lap.fields) {
      columns.push_back({lap.lap.id + "." + field.name, &field.values, to_micro});
    }
    columns.push_back({lap.lap.id + ".delta_s", &lap.delta_s, to_micro});
  }
  return table_of(columns, texts);
}

}  // namespace slipstream
