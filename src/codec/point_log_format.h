#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/clock.h"

/// The bytes of a payload, as docs/log_payload.md tells them; shared by encoder and decoder.
namespace slipstream::point_log {

inline constexpr std::uint8_t kVersion = 2;  ///< of columns
/// Of chains, beside it: for few points, and for what is rewritten.
inline constexpr std::uint8_t kChainVersion = 3;
/// Of either form, where a payload has marks, which the others cannot have; else the same.
inline constexpr std::uint8_t kMarksVersion = 4;
inline constexpr std::uint8_t kMarksChainVersion = 5;
/// 0.1's: it has no voids, and numbers of its own for sources in place of their names.
inline constexpr std::uint8_t kOldestVersion = 1;

// Of a payload of a chain, its flags.
inline constexpr std::uint8_t kLeans = 0x01;  ///< it goes on with the chain of the one before
inline constexpr std::uint8_t kHasNames = 0x02;
inline constexpr std::uint8_t kHasControls = 0x04;

/// Of a shape: what its points have in common.
inline constexpr std::uint8_t kOldSourceMask = 0x07;  ///< in version 1; zero since
inline constexpr std::uint8_t kLapIsFault = 0x08;
inline constexpr std::uint8_t kHasSequence = 0x10;
inline constexpr std::uint8_t kHasTexts = 0x20;
inline constexpr std::uint8_t kSectorDerived = 0x40;
inline constexpr std::uint8_t kHasSector = 0x80;

/// The sources that version 1 numbered: SourceKind's first.
inline constexpr std::uint8_t kOldSources = 5;

/// Nanoseconds in what a block's event times count, by the unit that it names.
inline constexpr std::int64_t kTimeUnits[] = {1, kNsPerUs, kNsPerMs};

/// Either way from 1970: what nanoseconds in 64 bits can tell.
inline constexpr std::int64_t kMaxArrivalMs = std::numeric_limits<std::int64_t>::max() / kNsPerMs;

/// Rounded down, and within what a payload can tell.
inline std::int64_t floor_ms(std::int64_t ns) {
  const std::int64_t ms = ns / kNsPerMs - (ns % kNsPerMs < 0 ? 1 : 0);
  return ms < -kMaxArrivalMs ? -kMaxArrivalMs : ms;
}

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
