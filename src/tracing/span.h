#pragma once
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tracing/trace_context.h"

namespace slipstream {

/// What a span says of itself. Names are constants of the program.
using SpanAttribute = std::pair<std::string_view, std::variant<std::int64_t, std::string>>;
using SpanAttributes = std::vector<SpanAttribute>;

/// The steps of a batch's way.
inline constexpr std::string_view kReceiveSpan = "receive";
inline constexpr std::string_view kDecodeSpan = "decode";
inline constexpr std::string_view kLogSpan = "log";
inline constexpr std::string_view kFoldSpan = "fold";
inline constexpr std::string_view kCommitSpan = "commit";
inline constexpr std::string_view kPublishSpan = "publish";
/// Of a body that is sent to another server.
inline constexpr std::string_view kForwardSpan = "forward";

inline constexpr std::string_view kSourceAttribute = "slipstream.source";
inline constexpr std::string_view kPointsAttribute = "slipstream.points";
inline constexpr std::string_view kBytesAttribute = "slipstream.bytes";
inline constexpr std::string_view kDecoderAttribute = "slipstream.decoder";
inline constexpr std::string_view kPartitionAttribute = "slipstream.partition";
inline constexpr std::string_view kRollupsAttribute = "slipstream.rollups";
inline constexpr std::string_view kClientsAttribute = "slipstream.clients";
inline constexpr std::string_view kTriesAttribute = "slipstream.tries";
inline constexpr std::string_view kStatusAttribute = "http.response.status_code";

/// A whole number as an attribute has it.
template <std::integral Number>
std::int64_t attribute_of(Number number) {
  return static_cast<std::int64_t>(number);
}

/// As OpenTelemetry numbers them.
enum class SpanKind : std::uint8_t { kInternal = 1, kServer = 2, kClient = 3, kConsumer = 5 };

/// From when to when, by our wall clock, since 1970.
struct SpanTimes {
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;
};

/// One step of a trace, done.
struct TraceSpan {
  TraceId trace;
  SpanId id;
  SpanId parent = {};  ///< not valid: it has none
  std::string_view name;
  SpanKind kind = SpanKind::kInternal;
  SpanTimes times;
  SpanAttributes attributes = {};
  std::string error = {};  ///< why it failed; empty: it did not
};

}  // namespace slipstream
