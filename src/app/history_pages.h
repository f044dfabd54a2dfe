#pragma once
#include <string>

#include "codec/csv_text.h"
#include "history/lap_history.h"

namespace slipstream {

/// {"lap","x","fields","x_unit","points","of"}, and `lost` where a part of the log could not be
/// read; `gone_before` where a part of what was asked for was removed from it.
std::string trace_json(const TraceRequest& request, const TraceAnswer& answer);
/// A row a place of the axis; the first column is named after the axis.
std::string trace_csv(const TraceRequest& request, const TraceAnswer& answer, CsvTexts texts);
/// {"x","x_unit","laps":[{"id","chassis","lap","lap_time_s","fields","delta_s"}]}, and `lost`
/// likewise.
std::string comparison_json(const Comparison& comparison);
/// A row a place of the axis; the columns of a lap begin with its id.
std::string comparison_csv(const Comparison& comparison, CsvTexts texts);

}  // namespace slipstream
