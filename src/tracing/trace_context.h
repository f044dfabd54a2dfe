#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipstream {

/// Of all spans that belong together; valid where it is not zero.
struct TraceId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  bool is_valid() const { return (high | low) != 0; }
  /// 32 lower-case hex digits.
  std::string text() const;
  friend bool operator==(const TraceId&, const TraceId&) = default;
};

/// Of one span; valid where it is not zero.
struct SpanId {
  std::uint64_t value = 0;

  bool is_valid() const { return value != 0; }
  /// 16 lower-case hex digits.
  std::string text() const;
  friend bool operator==(const SpanId&, const SpanId&) = default;
};

/// What travels from one program to the next: a span that others may be children of.
struct TraceContext {
  TraceId trace;
  SpanId span;
  bool is_sampled = false;

  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

/// Of a `traceparent` as W3C's Trace Context writes it: of version 00 exactly, of later ones what
/// stands where version 00 has it. Nothing: it is none, and to be passed over.
std::optional<TraceContext> parse_traceparent(std::string_view text);
/// In version 00.
std::string to_traceparent(const TraceContext& context);

}  // namespace slipstream
