#include "redis/socket.h"

#include <netinet/tcp.h>

#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <vector>

namespace slipstream {

namespace asio = boost::asio;
using boost::system::error_code;
using Protocol = asio::generic::stream_protocol;

namespace {

constexpr std::size_t kReadBytes = 128 << 10;
// A peer whose machine is gone is noticed within about a minute, even when nothing is sent.
constexpr int kKeepaliveIdleSeconds = 30;
constexpr int kKeepaliveIntervalSeconds = 10;
constexpr int kKeepaliveProbes = 3;
constexpr int kUnacknowledgedMs = 30'000;

template <int Level, int Name>
using IntegerOption = asio::detail::socket_option::integer<Level, Name>;

Result<void> prepare(asio::ssl::context& context, const RedisTlsOptions& options) {
  error_code error;
  if (options.verify) {
    if (options.ca_file.empty()) {
      context.set_default_verify_paths(error);
      if (error) return fail("TLS: the system's authorities: " + error.message());
    } else {
      context.load_verify_file(options.ca_file, error);
      if (error) return fail("TLS: " + options.ca_file + ": " + error.message());
    }
  }
  context.set_verify_mode(options.verify ? asio::ssl::verify_peer : asio::ssl::verify_none, error);
  if (error) return fail("TLS: " + error.message());
  if (options.certificate_file.empty()) return {};
  context.use_certificate_chain_file(options.certificate_file, error);
  if (error) return fail("TLS: " + options.certificate_file + ": " + error.message());
  context.use_private_key_file(options.key_file, asio::ssl::context::pem, error);
  if (error) return fail("TLS: " + options.key_file + ": " + error.message());
  return {};
}

}  // namespace

struct RedisSocket::Impl {
  using TlsStream = asio::ssl::stream<Protocol::socket&>;

  /// Turns the loop until `done`, or `is_ended` says that the waiting is over, or the deadline.
  template <typename Ended>
  bool turn_until(const bool& done, RedisDeadline deadline, Ended is_ended) {
    while (!done) {
      if (context.poll_one() > 0) continue;
      if (is_ended()) return false;
      if (context.run_one_until(deadline) == 0) return false;
    }
    return true;
  }
  bool turn_until(const bool& done, RedisDeadline deadline) {
    return turn_until(done, deadline, [] { return false; });
  }

  Result<std::vector<Protocol::endpoint>> endpoints(const RedisAddress& address,
                                                    RedisDeadline deadline) {
    if (address.kind == RedisAddress::Kind::kUnix) {
      return std::vector{Protocol::endpoint(asio::local::stream_protocol::endpoint(address.path))};
    }
    error_code error;
    const auto literal = asio::ip::make_address(address.host, error);
    if (!error) {
      return std::vector{Protocol::endpoint(asio::ip::tcp::endpoint(literal, address.port))};
    }
    asio::ip::tcp::resolver resolver(context);
    std::vector<Protocol::endpoint> found;
    bool done = false;
    resolver.async_resolve(address.host, std::to_string(address.port),
                           [&](error_code e, const asio::ip::tcp::resolver::results_type& results) {
                             done = true;
                             error = e;
                             for (const auto& result : results) {
                               found.emplace_back(result.endpoint());
                             }
                           });
    error = {};
    if (!turn_until(done, deadline)) {
      resolver.cancel();
      turn_until(done, RedisDeadline::max());  // the handler refers to what is here
      return fail("no answer to the name lookup in time");
    }
    if (error) return fail(error.message());
    return found;
  }

  Result<void> connect(const RedisAddress& address, RedisDeadline deadline) {
    auto candidates = endpoints(address, deadline);
    if (!candidates) return std::unexpected(candidates.error());
    bool done = false;
    error_code error;
    asio::async_connect(socket, *candidates, [&](error_code e, const Protocol::endpoint&) {
      done = true;
      error = e;
    });
    if (!turn_until(done, deadline)) {
      socket.close(error);
      turn_until(done, RedisDeadline::max());
      return fail("no answer to the connect in time");
    }
    if (error) return fail(error.message());
    if (address.kind == RedisAddress::Kind::kUnix) return {};
    // None of these is needed for the connection to work.
    socket.set_option(asio::ip::tcp::no_delay(true), error);
    socket.set_option(asio::socket_base::keep_alive(true), error);
    socket.set_option(IntegerOption<IPPROTO_TCP, TCP_KEEPIDLE>(kKeepaliveIdleSeconds), error);
    socket.set_option(IntegerOption<IPPROTO_TCP, TCP_KEEPINTVL>(kKeepaliveIntervalSeconds), error);
    socket.set_option(IntegerOption<IPPROTO_TCP, TCP_KEEPCNT>(kKeepaliveProbes), error);
    socket.set_option(IntegerOption<IPPROTO_TCP, TCP_USER_TIMEOUT>(kUnacknowledgedMs), error);
    return {};
  }

  Result<void> handshake(const std::string& host, const RedisTlsOptions& options,
                         RedisDeadline deadline) {
    tls_context.emplace(asio::ssl::context::tls_client);
    if (auto done = prepare(*tls_context, options); !done) return done;
    tls.emplace(socket, *tls_context);
    error_code error;
    asio::ip::make_address(host, error);
    const bool is_name = error.failed();
    if (is_name && SSL_set_tlsext_host_name(tls->native_handle(), host.c_str()) != 1) {
      return fail("TLS: '" + host + "' is no server name");
    }
    if (options.verify) tls->set_verify_callback(asio::ssl::host_name_verification(host));
    bool done = false;
    error = {};
    tls->async_handshake(asio::ssl::stream_base::client, [&](error_code e) {
      done = true;
      error = e;
    });
    if (!turn_until(done, deadline)) {
      error_code ignored;
      socket.close(ignored);
      turn_until(done, RedisDeadline::max());
      return fail("TLS: no answer to the handshake in time");
    }
    if (!error) return {};
    const long verdict = SSL_get_verify_result(tls->native_handle());
    return fail("TLS: " + (verdict == X509_V_OK ? error.message()
                                                : std::string("the server's certificate: ") +
                                                      X509_verify_cert_error_string(verdict)));
  }

  void lose(const error_code& error) {
    if (!why.empty()) return;
    why = error == asio::error::eof || error == asio::ssl::error::stream_truncated
              ? "closed by the server"
              : error.message();
  }

  void start_read() {
    read_done = false;
    is_reading = true;
    const auto done = [this](error_code error, std::size_t size) {
      is_reading = false;
      read_done = true;
      read_size = size;
      read_lost = error.failed();
      if (error) lose(error);
    };
    if (tls) {
      tls->async_read_some(asio::buffer(incoming), done);
    } else {
      socket.async_read_some(asio::buffer(incoming), done);
    }
  }

  void start_write() {
    write_done = false;
    const auto done = [this](error_code error, std::size_t) {
      write_done = true;
      write_lost = error.failed();
      if (error) lose(error);
    };
    if (tls) {
      asio::async_write(*tls, asio::buffer(outgoing), done);
    } else {
      asio::async_write(socket, asio::buffer(outgoing), done);
    }
  }

  // In this order: what is below refers to what is above, and the loop's end drops what is under
  // way.
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  Protocol::socket socket{context};
  std::optional<asio::ssl::context> tls_context;
  std::optional<TlsStream> tls;

  std::vector<char> incoming = std::vector<char>(kReadBytes);
  std::string outgoing;
  std::size_t read_size = 0;
  bool is_reading = false;
  bool read_done = false;
  bool write_done = true;
  bool read_lost = false;
  bool write_lost = false;  // what the server sent before it went can still be read
  std::string why;
  std::atomic<bool> interrupted{false};
};

RedisSocket::RedisSocket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RedisSocket::~RedisSocket() = default;

Result<std::unique_ptr<RedisSocket>> RedisSocket::connect(const RedisAddress& address,
                                                          const RedisTlsOptions& tls,
                                                          RedisDeadline deadline) {
  auto impl = std::make_unique<Impl>();
  if (auto done = impl->connect(address, deadline); !done) return std::unexpected(done.error());
  if (address.kind == RedisAddress::Kind::kTls) {
    if (auto done = impl->handshake(address.host, tls, deadline); !done) {
      return std::unexpected(done.error());
    }
  }
  return std::unique_ptr<RedisSocket>(new RedisSocket(std::move(impl)));
}

std::string& RedisSocket::outgoing() {
  return impl_->outgoing;
}

void RedisSocket::write() {
  if (!impl_->write_lost) impl_->start_write();
}

bool RedisSocket::is_writing() const {
  return !impl_->write_done;
}

RedisSocket::Wait RedisSocket::wait_written(RedisDeadline deadline) {
  impl_->turn_until(impl_->write_done, deadline);
  if (impl_->read_lost || impl_->write_lost) return Wait::kLost;
  return impl_->write_done ? Wait::kDone : Wait::kTimeout;
}

RedisSocket::Wait RedisSocket::read(RedisDeadline deadline, std::string_view& bytes,
                                    bool has_more) {
  if (!impl_->is_reading && !impl_->read_done) {
    if (impl_->read_lost) return Wait::kLost;
    impl_->start_read();
  }
  bool is_interrupted = false;
  const auto is_written = [&] { return has_more && impl_->write_done && !impl_->write_lost; };
  impl_->turn_until(impl_->read_done, deadline, [&] {
    is_interrupted = impl_->interrupted.exchange(false, std::memory_order_acq_rel);
    return is_interrupted || is_written();
  });
  if (impl_->read_done && impl_->read_size > 0) {
    impl_->read_done = false;
    bytes = {impl_->incoming.data(), impl_->read_size};
    return Wait::kDone;
  }
  if (impl_->read_lost) return Wait::kLost;
  return is_written() && !is_interrupted ? Wait::kWritten : Wait::kTimeout;
}

void RedisSocket::interrupt() {
  impl_->interrupted.store(true, std::memory_order_release);
  asio::post(impl_->context, [] {});
}

std::string_view RedisSocket::error() const {
  return impl_->why;
}

}  // namespace slipstream
