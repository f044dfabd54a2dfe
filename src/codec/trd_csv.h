#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "codec/point_builder.h"

namespace slipstream {

/// One point of a TRD long CSV export, put together from its rows.
struct TrdPoint {
  EventTime event_time;     ///< the car's clock (`timestamp`)
  std::int64_t receipt_ns;  ///< when the pipeline that made the export received it (`meta_time`)
  std::string json;         ///< the point as our JSON
};

/// The GR Cup's telemetry export: a row a channel and instant (columns `vehicle_id`, `timestamp`,
/// `telemetry_name`, `telemetry_value` ...), here pivoted to a point a (vehicle, timestamp). Where
/// a channel is there twice, the row that stands later in the file counts. Points come in the order
/// of receipt (`meta_time`), of one receipt in the order of the file.
/// `track` is put into the points; where it is empty, the export's `meta_event` is.
std::vector<TrdPoint> pivot_trd(std::string_view text, std::string_view track,
                                RejectionSink& rejections);

/// Whether the first line is the header of such an export.
bool looks_like_trd(std::string_view text);

}  // namespace slipstream
