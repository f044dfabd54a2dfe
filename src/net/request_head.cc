#include "net/request_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "net/router.h"

namespace slipstream {
namespace {

using Outcome = std::expected<void, HttpFault>;

constexpr std::size_t kShownBytes = 80;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// What may stand in a target: no blank, no control character. Bytes beyond ASCII are let through:
/// clients that do not escape them mean UTF-8.
bool is_target_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte != 0x7f;
}

/// host, host:port, [v6] or [v6]:port. An empty one is that of a target without a host.
bool is_authority(std::string_view text) {
  constexpr std::string_view kSigns = "-._~!$&'()*+,;=%";
  const auto is_name_byte = [&](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || kSigns.contains(c);
  };
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return false;
    const auto name = text.substr(1, end - 1);
    const auto is_v6_byte = [&](char c) { return c == ':' || is_name_byte(c); };
    if (name.empty() || !std::ranges::all_of(name, is_v6_byte)) return false;
    port = text.substr(end + 1);
  } else {
    const auto colon = std::min(text.find(':'), text.size());
    if (!std::ranges::all_of(text.substr(0, colon), is_name_byte)) return false;
    if (colon == 0 && !text.empty()) return false;
    port = text.substr(colon);
  }
  return port.empty() || (port.starts_with(':') && std::ranges::all_of(port.substr(1), is_digit));
}

/// Takes the scheme and the host off a target that has them. Nothing: it has none.
std::optional<std::string_view> take_authority(std::string_view& target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equal_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    const auto end = std::min(target.find_first_of("/?#", scheme.size()), target.size());
    const auto authority = target.substr(scheme.size(), end - scheme.size());
    target.remove_prefix(end);
    return authority;
  }
  return std::nullopt;
}

Outcome read_target(std::string_view target, RequestHead& head) {
  const auto authority = take_authority(target);
  if (!authority) {
    head.has_path = parse_target(target, head.request);
    return {};
  }
  if (authority->empty() || !is_authority(*authority)) {
    return std::unexpected(malformed("the target names no host"));
  }
  head.has_path = parse_target(
      target.starts_with('/') ? std::string(target) : "/" + std::string(target), head.request);
  for (auto& [name, value] : head.request.headers) {
    if (equal_ignoring_case(name, "Host")) value = *authority;
  }
  if (head.request.header_count("Host") == 0) {
    head.request.headers.emplace_back("Host", *authority);
  }
  return {};
}

Outcome check_host(const RequestHead& head) {
  const auto hosts = head.request.header_count("Host");
  if (hosts > 1) return std::unexpected(malformed("several Host fields"));
  if (hosts == 0 && !head.is_old) return std::unexpected(malformed("no Host field"));
  if (!is_authority(head.request.header("Host"))) {
    return std::unexpected(malformed("the Host field names no host"));
  }
  return {};
}

/// What lists of one number name, the same over and over (RFC 9112 6.3).
Outcome read_length(std::string_view list, std::optional<std::uint64_t>& length) {
  while (true) {
    const auto comma = list.find(',');
    const auto text = trim_ows(list.substr(0, comma));
    if (text.empty() || !std::ranges::all_of(text, is_digit)) {
      return std::unexpected(malformed("the Content-Length is no number"));
    }
    std::uint64_t value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{}) {
      value = UINT64_MAX;  // larger than any body that is taken
    }
    if (length && *length != value) {
      return std::unexpected(malformed("several Content-Lengths that differ"));
    }
    length = value;
    if (comma == std::string_view::npos) return {};
    list.remove_prefix(comma + 1);
  }
}

Outcome read_framing(RequestHead& head) {
  auto& request = head.request;
  std::optional<std::uint64_t> length;
  for (const auto& [name, value] : request.headers) {
    if (!equal_ignoring_case(name, "Content-Length")) continue;
    if (auto read = read_length(value, length); !read) return read;
  }
  head.framing.length = length.value_or(0);
  const auto codings = request.header_count("Transfer-Encoding");
  if (codings == 0) return {};
  if (head.is_old) return std::unexpected(malformed("a Transfer-Encoding in HTTP/1.0"));
  if (codings > 1 || !equal_ignoring_case(request.header("Transfer-Encoding"), "chunked")) {
    const auto given = request.header("Transfer-Encoding").substr(0, kShownBytes);
    return std::unexpected(malformed(
        fmt::format("the Transfer-Encoding is '{}', where 'chunked' alone is known; a body that is "
                    "compressed says so in Content-Encoding",
                    given)));
  }
  head.framing = {.is_chunked = true};
  if (length) {
    head.keep_alive = false;
    std::erase_if(request.headers, [](const auto& field) {
      return equal_ignoring_case(field.first, "Content-Length");
    });
  }
  return {};
}

bool may_keep_alive(const RequestHead& head) {
  const auto options = list_members(head.request.headers, "Connection");
  const auto has = [&](std::string_view option) {
    return std::ranges::any_of(options, [&](auto o) { return equal_ignoring_case(o, option); });
  };
  return !has("close") && (!head.is_old || has("keep-alive"));
}

}  // namespace

std::expected<bool, HttpFault> RequestHeadParser::parse(std::string_view bytes) {
  for (; scanned_ < bytes.size(); ++scanned_) {
    if (scanned_ >= kMaxHeadBytes) return std::unexpected(too_large());
    const char c = bytes[scanned_];
    const bool follows_cr = scanned_ > line_begin_ && bytes[scanned_ - 1] == '\r';
    if (follows_cr != (c == '\n')) {
      return std::unexpected(malformed("a line that does not end in CR LF"));
    }
    if (c == '\n') {
      const auto line = bytes.substr(line_begin_, scanned_ - 1 - line_begin_);
      line_begin_ = scanned_ + 1;
      if (auto taken = take_line(line); !taken) return std::unexpected(std::move(taken.error()));
      if (!is_complete_) continue;
      ++scanned_;
      return true;
    }
    if (c != '\r' && !is_field_byte(c)) return std::unexpected(malformed("a control character"));
  }
  return false;
}

Outcome RequestHeadParser::take_line(std::string_view line) {
  if (!has_request_line_) return take_request_line(line);
  auto& fields = head_.request.headers;
  if (!line.empty()) {
    const auto field = parse_field_line(line);
    if (!field) return std::unexpected(field.error());
    if (fields.size() == kMaxFields) {
      return std::unexpected(HttpFault{431, fmt::format("more than {} header fields", kMaxFields)});
    }
    fields.emplace_back(field->first, field->second);
    return {};
  }
  is_complete_ = true;
  head_.keep_alive = may_keep_alive(head_);
  if (auto host = check_host(head_); !host) return host;
  if (auto framing = read_framing(head_); !framing) return framing;
  return read_target(target_, head_);
}

Outcome RequestHeadParser::take_request_line(std::string_view line) {
  has_request_line_ = true;
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return std::unexpected(malformed("the first line is not METHOD TARGET HTTP/1.1"));
  }
  const auto method = line.substr(0, first);
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (!is_token(method)) return std::unexpected(malformed("the method is none"));
  if (target.empty() || !std::ranges::all_of(target, is_target_byte)) {
    return std::unexpected(malformed("a blank in the target, or no target"));
  }
  target_ = target;
  if (version.size() != 8 || !version.starts_with("HTTP/1.") || !is_digit(version.back())) {
    return std::unexpected(malformed("the version is not HTTP/1.1 or HTTP/1.0"));
  }
  if (target.size() > kMaxTargetBytes) {
    return std::unexpected(
        HttpFault{414, fmt::format("the target is longer than {} bytes", kMaxTargetBytes)});
  }
  head_.request.method = method;
  head_.is_old = version.back() == '0';
  return {};
}

HttpFault RequestHeadParser::too_large() const {
  if (!has_request_line_) return {414, "the request line is too long"};
  return {431, fmt::format("the head is larger than {} bytes", kMaxHeadBytes)};
}

std::string RequestHeadParser::target(std::string_view bytes) const {
  if (!target_.empty()) return target_;
  std::string_view line = bytes.substr(0, bytes.find('\r'));
  line.remove_prefix(std::min(line.size(), line.find(' ')));
  line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
  return std::string(line.substr(0, line.find(' ')));
}

std::size_t leading_empty_lines(std::string_view bytes) {
  std::size_t size = 0;
  while (bytes.substr(size).starts_with("\r\n")) size += 2;
  return size;
}

}  // namespace slipstream
