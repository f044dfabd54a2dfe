#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slipstream {

/// Why a point was refused. The texts are part of the contract with clients.
enum class RejectReason : std::uint8_t {
  kEmpty,
  kMalformedJson,
  kMalformedCsv,
  kNotAnObject,
  kMissingDimension,
  kBadNumber,
  kOutOfRange,
  kBadTime,
  kFutureTime,
  kTooLarge,
  kRateLimited,
  kOverloaded,
  kUnauthorized,
  kUnknownFormat,  ///< bytes that no decoder knows; one a datagram
  kTooManySeries,  ///< of one machine (SeriesLimit)
};
inline constexpr std::size_t kRejectReasonCount = 15;

inline constexpr std::array<std::string_view, kRejectReasonCount> kRejectReasonNames = {
    "empty",        "malformed_json", "malformed_csv", "not_an_object",  "missing_dimension",
    "bad_number",   "out_of_range",   "bad_time",      "future_time",    "too_large",
    "rate_limited", "overloaded",     "unauthorized",  "unknown_format", "too_many_series"};

constexpr std::string_view to_string(RejectReason reason) {
  return kRejectReasonNames[static_cast<std::size_t>(reason)];
}

struct Rejection {
  RejectReason reason;
  std::string message;  ///< for a person: what, where, why
};

}  // namespace slipstream
