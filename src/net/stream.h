#pragma once
#include <sys/uio.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace slipstream {

/// A text as a piece of what Stream::try_write() takes, which reads it only.
inline iovec piece_of(std::string_view text) {
  return {const_cast<char*>(text.data()), text.size()};
}

/// The bytes of a WebSocket connection after its handshake, whatever carries them (TCP, TLS).
/// Threads: the I/O thread. Handlers are never called from within the call that takes them; at most
/// one read and one wait are under way at a time. Whoever starts one keeps the stream alive.
class Stream {
 public:
  using ReadHandler = std::function<void(boost::system::error_code, std::size_t bytes)>;
  using WaitHandler = std::function<void(boost::system::error_code)>;

  virtual ~Stream() = default;

  /// Reads what is there, at least a byte; an error says that no more will come. `buffer` must live
  /// until `done` is called.
  virtual void async_read_some(std::span<char> buffer, ReadHandler done) = 0;
  /// Hands over as much of the pieces, in their order, as can be taken without waiting; returns how
  /// many bytes that was. Fewer than were given: no more for now, see async_wait_writable(). What
  /// was taken needs its memory no longer.
  virtual std::expected<std::size_t, boost::system::error_code> try_write(
      std::span<const iovec> pieces) = 0;
  /// The socket, where its bytes go out as they are and may be written by other means than
  /// try_write(); -1: they may not.
  virtual int plain_descriptor() const { return -1; }
  /// Calls `done` once try_write() may take something again.
  virtual void async_wait_writable(WaitHandler done) = 0;
  /// No more will be written; what was taken is still delivered.
  virtual void shutdown_send() = 0;
  /// Ends everything at once; what is under way is called back with an error.
  virtual void close() = 0;
  virtual boost::asio::any_io_executor executor() = 0;
};

/// A plain TCP connection.
std::unique_ptr<Stream> make_tcp_stream(boost::asio::ip::tcp::socket socket);

}  // namespace slipstream
