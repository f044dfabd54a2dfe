#include <errno.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <utility>

#include "net/stream.h"

namespace slipstream {
namespace asio = boost::asio;

namespace {

class TcpStream final : public Stream {
 public:
  explicit TcpStream(asio::ip::tcp::socket socket)
      : descriptor_(socket.native_handle()), socket_(std::move(socket)) {}

  void async_read_some(std::span<char> buffer, ReadHandler done) override {
    socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()), std::move(done));
  }

  std::expected<std::size_t, boost::system::error_code> try_write(
      std::span<const iovec> pieces) override {
    const auto sent = write(pieces);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS) return 0;
    return std::unexpected(boost::system::error_code(errno, boost::system::system_category()));
  }

  int plain_descriptor() const override { return descriptor_; }

  void async_wait_writable(WaitHandler done) override {
    socket_.async_wait(asio::ip::tcp::socket::wait_write, std::move(done));
  }

  void shutdown_send() override {
    boost::system::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  }

  void close() override {
    descriptor_ = -1;
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  asio::any_io_executor executor() override { return socket_.get_executor(); }

 private:
  ssize_t write(std::span<const iovec> pieces) const {
    constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
    // The usual case; the kernel has a shorter way for it.
    if (pieces.size() == 1) {
      return ::send(descriptor_, pieces[0].iov_base, pieces[0].iov_len, kFlags);
    }
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());  // sendmsg() reads them only
    message.msg_iovlen = pieces.size();
    return sendmsg(descriptor_, &message, kFlags);
  }

  int descriptor_;  ///< the socket's, nearer at hand
  asio::ip::tcp::socket socket_;
};

}  // namespace

std::unique_ptr<Stream> make_tcp_stream(asio::ip::tcp::socket socket) {
  return std::make_unique<TcpStream>(std::move(socket));
}

}  // namespace slipstream
