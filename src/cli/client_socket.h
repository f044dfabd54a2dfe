#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <chrono>
#include <cstdint>
#include <string>

namespace slipstream {

/// Asio for who waits for each operation before the next one.
namespace client_socket {

inline constexpr std::chrono::seconds kAnswerLimit{30};

/// Starts an operation on the stream, which is given what to call with its outcome, and waits for
/// its end; for kAnswerLimit at most.
template <typename Start>
boost::beast::error_code await(boost::asio::io_context& context, boost::beast::tcp_stream& stream,
                               Start start) {
  boost::beast::error_code outcome;
  stream.expires_after(kAnswerLimit);
  start([&outcome](boost::beast::error_code error, const auto&...) { outcome = error; });
  context.restart();
  context.run();
  return outcome;
}

boost::beast::error_code connect(boost::asio::io_context& context, boost::beast::tcp_stream& stream,
                                 const std::string& host, std::uint16_t port);

}  // namespace client_socket
}  // namespace slipstream
