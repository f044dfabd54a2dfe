#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/signal.h"
#include "source/datagram_buffers.h"
#include "source/datagram_decoder.h"

namespace slipstream {

/// What one receiver has received and others decode: each piece has its place in the order in which
/// it was received, and in that order it is handed over, whoever has decoded it. Bounded: kPlaces
/// of them, each with buffers of its own. Threads: the receiver's; decoded() any.
class DecodeLine {
 public:
  static constexpr std::size_t kPlaces = 8;

  struct Piece {
    DatagramBuffers received;
    DecodedBatches decoded;
    std::uint64_t number = 0;  ///< its place in the line
    bool is_decoded = false;
  };

  explicit DecodeLine(const UdpParts& parts) : parts_(parts) {}

  /// Buffers for what comes next, which has no place yet; nullptr: all are on their way.
  Piece* spare();
  /// The spare piece is received and gets the next place.
  void add();
  /// A piece's points are in it, or in one that is right before it in line: hands over what is
  /// first in order and decoded, unless another thread is about to.
  void decoded(Piece& piece);
  /// All that was added is handed over.
  bool is_empty() const;
  /// Until a piece was handed over since the last call, or for a moment.
  void wait();
  /// Gives the buffers back. While it is empty.
  void shed();

 private:
  bool is_first_decoded_locked() const;
  std::unique_ptr<Piece>& place(std::uint64_t number) { return pieces_[number % kPlaces]; }

  const UdpParts& parts_;
  Signal handed_over_;
  mutable std::mutex mutex_;  // guards all below, and is_decoded; a piece itself has one owner
  std::array<std::unique_ptr<Piece>, kPlaces> pieces_;
  std::uint64_t first_ = 0;  ///< of those on their way, by their number
  std::uint64_t next_ = 0;   ///< the number that the next one gets
  bool is_handing_over_ = false;
};

}  // namespace slipstream
