#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

#include "codec/text_origin.h"

namespace slipstream {

/// The text in bytes that somebody sent: without the mark that some programs put before UTF-8, and
/// the NULs that others send behind a C string.
inline std::string_view bare_text(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  while (!bytes.empty() && bytes.back() == '\0') bytes.remove_suffix(1);
  return bytes;
}

/// A format of points: bytes of one datagram or one body in, points out through the DraftFiller
/// that it was made for, what it refuses to the sink. It never fails as a whole, whatever the bytes
/// are, and costs no more memory than they do. It may keep state of each sender
/// (TextOrigin::sender); what it keeps is bounded. One thread.
class Decoder {
 public:
  /// So many bytes behind every text must be readable (not valid).
  static constexpr std::size_t kPadding = 64;

  virtual ~Decoder() = default;
  /// Returns how many points the bytes held, refused ones included; 0: none at all.
  virtual std::size_t decode(std::string_view bytes, const TextOrigin& origin,
                             RejectionSink& rejections) = 0;
  /// Whether what these bytes give hangs on what their sender sent before: then all that it sends
  /// has to go through one decoder, in its order. Else it may go through any.
  virtual bool needs_order(std::string_view /*bytes*/, const TextOrigin& /*origin*/) const {
    return false;
  }

  // Formats whose points are told by several datagrams together, as frames of games are, keep
  // pieces of them, and some have marks beside points. All others have nothing to say here.

  /// Whether the bytes that were decoded last were such pieces, or marks, so that no points are no
  /// fault.
  virtual bool kept_last() const { return false; }
  /// When points that wait for more pieces go out without them, on the clock of the origins'
  /// arrivals; nothing: none wait. Whoever gives the bytes calls flush() then.
  virtual std::optional<ArrivalTime> deadline() const { return std::nullopt; }
  /// Lets out what has waited until now. Returns points as decode() does.
  virtual std::size_t flush(ArrivalTime, RejectionSink&) { return 0; }
};

}  // namespace slipstream
