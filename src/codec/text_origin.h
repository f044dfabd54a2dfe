#pragma once
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "model/point.h"
#include "model/rejection.h"

namespace slipstream {

/// What a sender is called ("udp:ADDRESS:PORT"), written out only where somebody asks: most formats
/// do not, and writing costs more than reading a point. Borrows what it is made of.
class PeerName {
 public:
  using Write = std::string_view (*)(void* sender);

  PeerName() = default;
  template <std::convertible_to<std::string_view> Text>
  PeerName(const Text& text) : text_(text) {}
  PeerName(Write write, void* sender) : write_(write), sender_(sender) {}

  bool empty() const { return write_ == nullptr && text_.empty(); }
  std::string_view text() const { return write_ == nullptr ? text_ : write_(sender_); }

 private:
  std::string_view text_ = {};
  Write write_ = nullptr;
  void* sender_ = nullptr;
};

/// Where a text came from; the same for all of its points.
struct TextOrigin {
  SourceKind source = SourceKind::kUdp;
  ArrivalTime arrival = {};
  PeerName peer = {};                     ///< raw_source of CSV points
  std::optional<EventTime> written = {};  ///< event time of points without one; none: the arrival
  /// Tells senders apart, for decoders that keep state of each; 0: not known.
  std::uint64_t sender = 0;
  /// A whole body or file, whose first line may name its columns; else a datagram or a message.
  bool is_body = false;
  /// It was taken before, and comes from a log: nothing that it has may refuse it now. Its tags are
  /// those of its member `tags` alone.
  bool is_admitted = false;
  /// False: it is read again, or by another one too, who counts what of it is refused.
  bool is_counted = true;
  std::string_view track = {};  ///< of a TRD export, instead of what it says itself
  /// Of line protocol's timestamps; 0: told by each number's size.
  std::int64_t timestamp_unit_ns = 1;

  std::int64_t default_event_ns() const { return written ? written->ns : arrival.ns; }
};

/// Told of each point that a decoder refuses. `index` counts the points of the text from 0;
/// `sample` is the refused text, valid during the call.
class RejectionSink {
 public:
  virtual ~RejectionSink() = default;
  virtual void rejected(std::size_t index, const Rejection& rejection, std::string_view sample) = 0;
};

}  // namespace slipstream
