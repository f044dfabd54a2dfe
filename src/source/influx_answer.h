#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace slipstream {

/// The body of an error's answer to InfluxDB's clients: {"code":"...","message":"..."}.
std::string influx_error_body(unsigned status, std::string_view message);

/// The nanoseconds of `precision=`; nothing for one that is unknown. Without one: nanoseconds.
std::optional<std::int64_t> influx_unit_ns(const HttpRequest& request);

}  // namespace slipstream
