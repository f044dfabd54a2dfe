#include "cli/client_socket.h"

#include <boost/asio/ip/tcp.hpp>

namespace slipstream::client_socket {

boost::beast::error_code connect(boost::asio::io_context& context, boost::beast::tcp_stream& stream,
                                 const std::string& host, std::uint16_t port) {
  boost::beast::error_code error;
  boost::asio::ip::tcp::resolver resolver(context);
  const auto addresses = resolver.resolve(host, std::to_string(port), error);
  if (error) return error;
  return await(context, stream,
               [&](auto done) { stream.async_connect(addresses, std::move(done)); });
}

}  // namespace slipstream::client_socket
