#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/clock.h"

/// The bytes of a payload, as docs/log_payload.md tells them; shared by encoder and decoder.
namespace slipstream::point_log {

inline constexpr std::uint8_t kVersion = 2;
inline constexpr std::uint8_t kOldestVersion = 1;  ///< 0.1's: it has no voids

/// Of a shape: what its points have in common.
inline constexpr std::uint8_t kSourceMask = 0x07;
inline constexpr std::uint8_t kLapIsFault = 0x08;
inline constexpr std::uint8_t kHasSequence = 0x10;
inline constexpr std::uint8_t kHasTexts = 0x20;
inline constexpr std::uint8_t kSectorDerived = 0x40;
inline constexpr std::uint8_t kHasSector = 0x80;

/// Either way from 1970: what nanoseconds in 64 bits can tell.
inline constexpr std::int64_t kMaxArrivalMs = std::numeric_limits<std::int64_t>::max() / kNsPerMs;

/// Columns of what is no value, in the order in which they are written.
enum Column : std::size_t {
  kSeries,
  kShape,
  kEventTime,
  kArrival,
  kLap,
  kSector,
  kSequence,
  kTextLength,
  kLiteralOffset,
  kLiteralLength,
  kColumnCount
};

}  // namespace slipstream::point_log
