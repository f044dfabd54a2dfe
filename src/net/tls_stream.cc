#include "net/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <string>

namespace slipstream {
namespace {

namespace asio = boost::asio;
using Error = boost::system::error_code;

constexpr std::size_t kRecordBytes = 16'384;

/// A BIO over a socket as OpenSSL's own, but that a peer gone raises no signal.
int bio_write(BIO* bio, const char* data, int size) {
  int fd = -1;
  BIO_get_fd(bio, &fd);
  BIO_clear_retry_flags(bio);
  const auto sent = ::send(fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* data, int size) {
  int fd = -1;
  BIO_get_fd(bio, &fd);
  BIO_clear_retry_flags(bio);
  const auto received = ::recv(fd, data, static_cast<std::size_t>(size), 0);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  if (received == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(received);
}

long bio_control(BIO* bio, int command, long number, void* pointer) {
  switch (command) {
    case BIO_C_SET_FD:
      BIO_set_data(
          bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(*static_cast<int*>(pointer))));
      BIO_set_init(bio, 1);
      return 1;
    case BIO_C_GET_FD: {
      const int fd = static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
      if (pointer != nullptr) *static_cast<int*>(pointer) = fd;
      return fd;
    }
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP:
      return 1;
    default:
      static_cast<void>(number);
      return 0;
  }
}

BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(
        BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "socket without SIGPIPE");
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

/// Shared with its own wait for the socket, which may outlive the stream by a moment.
class TlsConnection : public std::enable_shared_from_this<TlsConnection> {
 public:
  TlsConnection(asio::ip::tcp::socket socket, const TlsContext& context, Counter& failed)
      : socket_(std::move(socket)), ssl_(SSL_new(context.native())), failed_(failed) {
    Error ignored;
    socket_.non_blocking(true, ignored);  // OpenSSL reads and writes it without waiting
    BIO* bio = BIO_new(socket_method());
    int fd = socket_.native_handle();
    BIO_ctrl(bio, BIO_C_SET_FD, 0, &fd);
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_accept_state(ssl_);
  }
  ~TlsConnection() { SSL_free(ssl_); }
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;

  void read(std::span<char> into, Stream::ReadHandler done) {
    Error error;
    std::size_t bytes = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_, into.data(), into.size(), &bytes);
    if (result != 1) {
      const int why = SSL_get_error(ssl_, result);
      if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        socket_.async_wait(
            why == SSL_ERROR_WANT_READ ? asio::socket_base::wait_read
                                       : asio::socket_base::wait_write,
            [self = shared_from_this(), into, done = std::move(done)](Error failed) mutable {
              if (failed) return done(failed, 0);
              self->read(into, std::move(done));
            });
        return;
      }
      error = failure(why);
    }
    asio::post(socket_.get_executor(),
               [self = shared_from_this(), done = std::move(done), error, bytes] {
                 done(self->socket_.is_open() ? error : asio::error::operation_aborted, bytes);
               });
  }

  std::expected<std::size_t, Error> write(std::span<const iovec> pieces) {
    std::size_t taken = 0;
    std::size_t skip = 0;  // of the first piece left
    Error error;
    while (flush(error)) {
      while (!pieces.empty() && record_.size() < kRecordBytes) {
        const auto part = std::min(pieces.front().iov_len - skip, kRecordBytes - record_.size());
        record_.append(static_cast<const char*>(pieces.front().iov_base) + skip, part);
        skip += part;
        taken += part;
        if (skip == pieces.front().iov_len) {
          pieces = pieces.subspan(1);
          skip = 0;
        }
      }
      if (record_.empty()) return taken;
    }
    if (error != asio::error::would_block) return std::unexpected(error);
    flush_later();
    return taken;
  }

  void wait_writable(Stream::WaitHandler done) {
    socket_.async_wait(asio::socket_base::wait_write,
                       [self = shared_from_this(), done = std::move(done)](Error error) mutable {
                         Error failed = error;
                         if (failed || self->flush(failed)) return done(failed);
                         if (failed != asio::error::would_block) return done(failed);
                         self->wait_writable(std::move(done));
                       });
  }

  void shutdown() {
    ends_ = true;
    Error error;
    if (flush(error)) send_end();
  }
  void close() {
    Error ignored;
    record_.clear();
    socket_.close(ignored);
  }
  asio::any_io_executor executor() { return socket_.get_executor(); }

 private:
  /// Sends the record in hand. False: it could not be, and `error` says why.
  bool flush(Error& error) {
    while (!record_.empty()) {
      std::size_t sent = 0;
      ERR_clear_error();
      const int result = SSL_write_ex(ssl_, record_.data(), record_.size(), &sent);
      if (result != 1) {
        const int why = SSL_get_error(ssl_, result);
        error = why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ
                    ? Error(asio::error::would_block)
                    : failure(why);
        return false;
      }
      record_.erase(0, sent);
    }
    return true;
  }

  void flush_later() {
    if (std::exchange(flushing_, true)) return;
    socket_.async_wait(asio::socket_base::wait_write, [self = shared_from_this()](Error failed) {
      self->flushing_ = false;
      Error error;
      if (failed) return;
      if (self->flush(error)) {
        if (self->ends_) self->send_end();
      } else if (error == asio::error::would_block) {
        self->flush_later();
      }
    });
  }

  void send_end() {
    if (SSL_is_init_finished(ssl_) != 0) {
      ERR_clear_error();
      SSL_shutdown(ssl_);
    }
    Error ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  }

  Error failure(int why) {
    const int error_number = errno;
    if (SSL_is_init_finished(ssl_) == 0 && !std::exchange(counted_, true)) failed_.add();
    if (why == SSL_ERROR_ZERO_RETURN) return asio::error::eof;
    if (why == SSL_ERROR_SYSCALL) {
      return error_number == 0 ? Error(asio::error::eof)
                               : Error(error_number, boost::system::system_category());
    }
    return asio::error::connection_aborted;  // no TLS, or broken
  }

  asio::ip::tcp::socket socket_;
  SSL* const ssl_;
  Counter& failed_;
  std::string record_;  ///< taken, and not yet with the kernel
  bool flushing_ = false;
  bool ends_ = false;
  bool counted_ = false;
};

class TlsStream final : public Stream {
 public:
  explicit TlsStream(std::shared_ptr<TlsConnection> connection)
      : connection_(std::move(connection)) {}
  ~TlsStream() override { connection_->close(); }

  void async_read_some(std::span<char> buffer, ReadHandler done) override {
    connection_->read(buffer, std::move(done));
  }
  std::expected<std::size_t, Error> try_write(std::span<const iovec> pieces) override {
    return connection_->write(pieces);
  }
  void async_wait_writable(WaitHandler done) override {
    connection_->wait_writable(std::move(done));
  }
  void shutdown_send() override { connection_->shutdown(); }
  void close() override { connection_->close(); }
  asio::any_io_executor executor() override { return connection_->executor(); }

 private:
  const std::shared_ptr<TlsConnection> connection_;
};

}  // namespace

std::unique_ptr<Stream> make_tls_stream(asio::ip::tcp::socket socket, const TlsContext& context,
                                        Counter& handshakes_failed) {
  return std::make_unique<TlsStream>(
      std::make_shared<TlsConnection>(std::move(socket), context, handshakes_failed));
}

}  // namespace slipstream
