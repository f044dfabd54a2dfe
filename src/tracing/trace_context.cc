#include "tracing/trace_context.h"

#include <fmt/format.h>

#include <charconv>

namespace slipstream {
namespace {

constexpr std::size_t kTextBytes = 55;  ///< of version 00
constexpr unsigned kSampled = 1;

/// Of lower-case hex digits alone, as many as `Number` has.
template <typename Number>
std::optional<Number> parse_hex(std::string_view digits) {
  if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  Number number = 0;
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, number, 16);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

std::string TraceId::text() const {
  return fmt::format("{:016x}{:016x}", high, low);
}

std::string SpanId::text() const {
  return fmt::format("{:016x}", value);
}

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  if (text.size() < kTextBytes) return std::nullopt;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  const auto version = parse_hex<std::uint8_t>(text.substr(0, 2));
  if (!version || *version == 0xff) return std::nullopt;
  const bool has_more = text.size() > kTextBytes;
  if (has_more && (*version == 0 || text[kTextBytes] != '-')) return std::nullopt;
  const auto high = parse_hex<std::uint64_t>(text.substr(3, 16));
  const auto low = parse_hex<std::uint64_t>(text.substr(19, 16));
  const auto span = parse_hex<std::uint64_t>(text.substr(36, 16));
  const auto flags = parse_hex<std::uint8_t>(text.substr(53, 2));
  if (!high || !low || !span || !flags) return std::nullopt;
  const TraceContext context{{*high, *low}, {*span}, (*flags & kSampled) != 0};
  if (!context.trace.is_valid() || !context.span.is_valid()) return std::nullopt;
  return context;
}

std::string to_traceparent(const TraceContext& context) {
  return fmt::format("00-{}-{}-{:02x}", context.trace.text(), context.span.text(),
                     context.is_sampled ? kSampled : 0);
}

}  // namespace slipstream
