#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace slipstream {

/// InfluxDB's APIs, each of which its clients know by paths and by a shape of errors.
enum class InfluxApi : std::uint8_t {
  kV1,  ///< /write, /query: {"error":"..."}, and the same in X-Influxdb-Error
  kV2,  ///< /api/v2: {"code":"...","message":"..."}
  kV3,  ///< /api/v3: {"error":"...","data":null}
};

/// An error's answer as clients of that API look for it.
std::string influx_error_body(InfluxApi api, unsigned status, std::string_view message);
ErrorShape influx_error_shape(InfluxApi api);

/// The nanoseconds of `precision=`; nothing for one that the API does not know. 0: told by each
/// number's size (v3's `auto`). Without one: nanoseconds; of v3 0.
std::optional<std::int64_t> influx_unit_ns(InfluxApi api, const HttpRequest& request);
/// "ns, us, ms or s", for messages.
std::string_view influx_units(InfluxApi api);

}  // namespace slipstream
