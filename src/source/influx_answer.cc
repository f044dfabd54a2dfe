#include "source/influx_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/clock.h"
#include "base/json_text.h"

namespace slipstream {
namespace {

std::string_view code_of(unsigned status) {
  switch (status) {
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not found";
    case 405:
      return "method not allowed";
    case 413:
      return "request too large";
    case 429:
      return "too many requests";
    case 503:
      return "unavailable";
    default:
      return status >= 500 ? "internal error" : "invalid";
  }
}

/// What a header may say: one line of it.
std::string in_one_line(std::string_view message) {
  std::string line(message);
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return line;
}

template <InfluxApi kApi>
void shape_error(HttpResponse& response) {
  response.body = influx_error_body(kApi, response.status, response.error);
  if (kApi == InfluxApi::kV1) {
    response.headers.emplace_back("X-Influxdb-Error", in_one_line(response.error));
  }
}

struct Unit {
  std::string_view name;
  std::int64_t ns;
};

constexpr Unit kUnits[] = {
    {"", 1},
    {"n", 1},
    {"ns", 1},
    {"u", kNsPerUs},
    {"\u00b5", kNsPerUs},
    {"us", kNsPerUs},
    {"ms", kNsPerMs},
    {"s", kNsPerSecond},
    {"m", 60 * kNsPerSecond},
    {"h", 3'600 * kNsPerSecond},
};
constexpr Unit kV3Units[] = {
    {"", 0},
    {"auto", 0},
    {"n", 1},
    {"ns", 1},
    {"nanosecond", 1},
    {"u", kNsPerUs},
    {"us", kNsPerUs},
    {"microsecond", kNsPerUs},
    {"ms", kNsPerMs},
    {"millisecond", kNsPerMs},
    {"s", kNsPerSecond},
    {"second", kNsPerSecond},
};

}  // namespace

std::string influx_error_body(InfluxApi api, unsigned status, std::string_view message) {
  std::string text;
  append_json_string(text, message);
  switch (api) {
    case InfluxApi::kV1:
      return fmt::format(R"({{"error":{}}})", text);
    case InfluxApi::kV3:
      return fmt::format(R"({{"error":{},"data":null}})", text);
    case InfluxApi::kV2:
      break;
  }
  return fmt::format(R"({{"code":"{}","message":{}}})", code_of(status), text);
}

ErrorShape influx_error_shape(InfluxApi api) {
  return api == InfluxApi::kV1   ? shape_error<InfluxApi::kV1>
         : api == InfluxApi::kV2 ? shape_error<InfluxApi::kV2>
                                 : shape_error<InfluxApi::kV3>;
}

std::optional<std::int64_t> influx_unit_ns(InfluxApi api, const HttpRequest& request) {
  const auto given = request.query_value("precision").value_or("");
  const auto units = api == InfluxApi::kV3 ? std::span<const Unit>(kV3Units) : std::span(kUnits);
  const auto unit = std::ranges::find(units, given, &Unit::name);
  if (unit == units.end()) return std::nullopt;
  return unit->ns;
}

std::string_view influx_units(InfluxApi api) {
  return api == InfluxApi::kV3   ? "auto, nanosecond, microsecond, millisecond or second"
         : api == InfluxApi::kV1 ? "n, u, ms, s, m or h"
                                 : "ns, us, ms or s";
}

}  // namespace slipstream
