#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace slipstream {

/// What InfluxDB's clients are answered: 204 without a body, else {"code":"...","message":"..."}.
HttpResponse influx_answer(unsigned status, std::string_view message);
/// The body alone, of a status that is an error.
std::string influx_error_body(unsigned status, std::string_view message);

/// The nanoseconds of `precision=`; nothing for one that is unknown. Without one: nanoseconds.
std::optional<std::int64_t> influx_unit_ns(const HttpRequest& request);

}  // namespace slipstream
