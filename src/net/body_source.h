#pragma once
#include <cstddef>
#include <functional>
#include <string>

#include "base/error.h"

namespace slipstream {

/// Takes what a BodySource was asked for: a piece of a body, an empty one where the body ends, or
/// why it cannot go on. To be called once, from any thread, at once or later; letting go of it
/// uncalled is a failure of the body. Calling it after the client has gone does nothing. It keeps
/// the connection alive, and so the source: one that stores it in itself must see to calling it.
using PieceTaker = std::function<void(Result<std::string>)>;

/// The body of an answer that is made while it is sent, for answers too large to be held whole. It
/// is asked for a piece when all before it is with the kernel and the socket has room again: a
/// client that does not read makes nobody work, and costs one piece of memory.
///
/// Threads: next() and the destructor on the I/O thread (the latter, when the server ends, after
/// it). Neither may block. A source whose pieces
/// are made on another thread hands the taker over there; what that thread works with must then
/// be kept by the job itself, since the source may be destroyed at any time while a piece is owed:
/// that is how it learns that the client has gone, was too slow, or that the server stops.
///
/// On the wire: chunks in HTTP/1.1; in HTTP/1.0 bytes until the connection's end. HEAD, 204 and 304
/// never ask. A failure at the first piece is answered as an error of its own (500), since nothing
/// was sent yet; a later one resets the connection, so that no client can take the part that it has
/// for the whole. The wait for a piece is not counted as the client's time.
class BodySource {
 public:
  /// What a piece should have about: larger ones cost memory, smaller ones system calls. The
  /// connection takes any size.
  static constexpr std::size_t kPieceBytes = std::size_t{64} << 10;

  virtual ~BodySource() = default;
  /// Asks for the next piece. Never called again before the taker was called, nor after the end.
  virtual void next(PieceTaker give) = 0;
};

}  // namespace slipstream
