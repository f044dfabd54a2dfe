#include "net/http_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace slipstream {
namespace {

/// What would be another line of a request, or none at all.
bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

/// Scheme and host: what is behind them, or before an @, may be a secret.
std::string shown(std::string_view url) {
  const auto scheme = url.find("://");
  const auto begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  const auto end = std::min(url.find_first_of("/?#", begin), url.size());
  const std::string_view host = url.substr(begin, end - begin);
  if (host.find('@') != std::string_view::npos) return "a URL";
  return std::string(url.substr(0, end)) + (end < url.size() ? "/..." : "");
}

}  // namespace

Result<HttpUrl> HttpUrl::parse(std::string_view url) {
  const auto wrong = [url](std::string_view what) {
    return fail(fmt::format("{}: {}", shown(url), what));
  };
  HttpUrl parsed;
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    parsed.is_tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return wrong("http://HOST:PORT or https://HOST:PORT is expected");
  }
  if (!is_printable(rest)) return fail("a URL has neither blanks nor letters beyond ASCII");
  const auto end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view path = rest.substr(end);
  rest = rest.substr(0, end);
  path = path.substr(0, path.find('#'));
  if (!path.empty())
    parsed.path = path.front() == '/' ? std::string(path) : "/" + std::string(path);
  // Not shown: it may be a password.
  if (rest.find('@') != std::string_view::npos) {
    return fail("a URL is expected without a name or password in it");
  }
  parsed.port = parsed.is_tls ? 443 : 80;
  std::string_view digits;
  if (rest.starts_with('[')) {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) return wrong("] is missing");
    parsed.host = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
    if (!rest.empty() && rest.front() != ':') return wrong("a port is expected behind ]");
    digits = rest.empty() ? rest : rest.substr(1);
  } else {
    const auto colon = rest.find(':');
    parsed.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) digits = rest.substr(colon + 1);
    if (colon != std::string_view::npos && digits.empty()) return wrong("a port is expected");
  }
  if (parsed.host.empty()) return wrong("a host is expected");
  if (!digits.empty()) {
    const auto [read, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), parsed.port);
    if (error != std::errc{} || read != digits.data() + digits.size() || parsed.port == 0) {
      return wrong("a port from 1 to 65535 is expected");
    }
  }
  return parsed;
}

std::string HttpUrl::authority() const {
  return http_authority(host, port);
}

std::string HttpUrl::server() const {
  return fmt::format("{}://{}", is_tls ? "https" : "http", authority());
}

std::string http_authority(std::string_view host, std::uint16_t port) {
  const bool is_v6 = host.find(':') != std::string_view::npos;
  return fmt::format("{}{}{}:{}", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

}  // namespace slipstream
