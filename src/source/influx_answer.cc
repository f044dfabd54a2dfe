#include "source/influx_answer.h"

#include <array>
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

}  // namespace

std::string influx_error_body(unsigned status, std::string_view message) {
  std::string body = R"({"code":")";
  body += code_of(status);
  body += R"(","message":)";
  append_json_string(body, message);
  body += '}';
  return body;
}

std::optional<std::int64_t> influx_unit_ns(const HttpRequest& request) {
  static constexpr std::array<std::pair<std::string_view, std::int64_t>, 10> kUnits = {{
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
  }};
  const auto given = request.query_value("precision").value_or("");
  for (const auto& [name, ns] : kUnits) {
    if (name == given) return ns;
  }
  return std::nullopt;
}

}  // namespace slipstream
