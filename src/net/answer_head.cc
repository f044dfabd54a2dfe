#include "net/answer_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/status.hpp>

namespace slipstream {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view kSafeHeaders =
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nX-Frame-Options: DENY\r\n";
constexpr std::string_view kStrictTransport = "Strict-Transport-Security: max-age=31536000\r\n";
/// Unless an answer says others: it is data, no page, and of this moment.
constexpr std::string_view kDataPolicy =
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n";
constexpr std::string_view kNotStored = "Cache-Control: no-store\r\n";

bool has(const HttpResponse& response, std::string_view name) {
  return std::ranges::any_of(response.headers, [&](const auto& header) {
    return equal_ignoring_case(header.first, name);
  });
}

}  // namespace

std::string answer_head(const HttpResponse& response, const AnswerFraming& framing) {
  std::string out;
  auto to = std::back_inserter(out);
  const bool has_content = response.status != 204 && response.status != 304;
  const auto reason = http::obsolete_reason(static_cast<http::status>(response.status));
  fmt::format_to(to, "HTTP/1.1 {} {}\r\nServer: {}\r\n", response.status,
                 std::string_view(reason.data(), reason.size()), framing.server_name);
  if (has_content) fmt::format_to(to, "Content-Type: {}\r\n", response.content_type);
  out += kSafeHeaders;
  if (framing.is_tls) out += kStrictTransport;
  if (!has(response, "Content-Security-Policy")) out += kDataPolicy;
  if (!has(response, "Cache-Control")) out += kNotStored;
  for (const auto& [name, value] : response.headers) {
    fmt::format_to(to, "{}: {}\r\n", name, value);
  }
  if (!framing.keep_alive) out += "Connection: close\r\n";
  if (framing.keep_alive && framing.is_old) out += "Connection: keep-alive\r\n";
  if (has_content && response.source == nullptr) {
    fmt::format_to(to, "Content-Length: {}\r\n", response.body.size());
  } else if (has_content && !framing.is_old) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  out += "\r\n";
  return out;
}

}  // namespace slipstream
