#include "net/http.h"

#include <algorithm>

#include "base/json_text.h"
#include "base/letter_case.h"

namespace slipstream {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, small_letter, small_letter);
}

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (equal_ignoring_case(key, name)) return value;
  }
  return {};
}

std::size_t HttpRequest::header_count(std::string_view name) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      headers, [&](const auto& header) { return equal_ignoring_case(header.first, name); }));
}

std::optional<std::string_view> HttpRequest::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string_view HttpRequest::path_parameter(std::string_view name) const {
  for (const auto& [key, value] : path_parameters) {
    if (key == name) return value;
  }
  return {};
}

HttpResponse error_response(unsigned status, std::string_view message) {
  std::string body = R"({"ok":false,"error":)";
  append_json_string(body, message);
  body += '}';
  return {.status = status, .body = std::move(body), .error = std::string(message)};
}

}  // namespace slipstream
