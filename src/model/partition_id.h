#pragma once
#include <compare>
#include <cstdint>

#include "base/check.h"

namespace slipstream {

/// Which log a partition's entries stand in.
enum class PartitionOrigin : std::uint8_t {
  kEmbedded,  ///< this instance's own
  kStream,    ///< one that instances share: a stream of points
};

/// Names a partition: partitions of either log are numbered from 0.
struct PartitionId {
  /// Those of streams are written from the next number on.
  static constexpr std::uint32_t kMaxEmbedded = (1U << 16) - 1;

  PartitionOrigin origin = PartitionOrigin::kEmbedded;
  std::uint32_t number = 0;

  bool is_of_stream() const { return origin == PartitionOrigin::kStream; }
  /// As one number. The store and the ids of rollups have partitions by it.
  std::uint32_t to_number() const {
    if (is_of_stream()) return kStreams + number;
    CHECK(number < kStreams, "partitions of the embedded log end where those of streams begin");
    return number;
  }
  static PartitionId from_number(std::uint32_t number) {
    if (number < kStreams) return {PartitionOrigin::kEmbedded, number};
    return {PartitionOrigin::kStream, number - kStreams};
  }

  friend auto operator<=>(const PartitionId&, const PartitionId&) = default;

 private:
  static constexpr std::uint32_t kStreams = kMaxEmbedded + 1;
};

constexpr PartitionId embedded_partition(std::uint32_t number) {
  return {PartitionOrigin::kEmbedded, number};
}
constexpr PartitionId stream_partition(std::uint32_t number) {
  return {PartitionOrigin::kStream, number};
}

}  // namespace slipstream
