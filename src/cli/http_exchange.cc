#include "cli/http_exchange.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "cli/client_socket.h"

namespace slipstream {
namespace beast = boost::beast;
namespace http = boost::beast::http;

struct HttpExchange::Connection {
  boost::asio::io_context context;
  beast::tcp_stream stream{context};
  beast::flat_buffer buffer;

  template <typename Start>
  beast::error_code wait(Start start) {
    return client_socket::await(context, stream, std::move(start));
  }
};

HttpExchange::HttpExchange(BodySender::Server server) : server_(std::move(server)) {}
HttpExchange::~HttpExchange() = default;

Result<HttpAnswer> HttpExchange::ask(std::string_view method, std::string_view target,
                                     const Headers& headers, std::string_view body) {
  const auto failed = [this](const beast::error_code& error) {
    connection_.reset();
    return fail(error.message());
  };
  if (!connection_) {
    connection_ = std::make_unique<Connection>();
    const auto error = client_socket::connect(connection_->context, connection_->stream,
                                              server_.host, server_.port);
    if (error) return failed(error);
    has_connected_ = true;
  }
  Connection& c = *connection_;
  http::request<http::string_body> request{http::string_to_verb(method), target, 11};
  request.set(http::field::host, client_socket::authority(server_.host, server_.port));
  for (const auto& [name, value] : headers) request.set(name, value);
  if (!server_.token.empty()) {
    request.set(http::field::authorization, "Bearer " + server_.token);
  }
  request.body() = body;
  request.prepare_payload();
  if (const auto error =
          c.wait([&](auto done) { http::async_write(c.stream, request, std::move(done)); })) {
    return failed(error);
  }
  http::response<http::string_body> response;
  if (const auto error = c.wait(
          [&](auto done) { http::async_read(c.stream, c.buffer, response, std::move(done)); })) {
    return failed(error);
  }
  HttpAnswer answer{response.result_int(), std::move(response.body()),
                    std::string(response[http::field::retry_after])};
  if (!response.keep_alive()) connection_.reset();
  return answer;
}

}  // namespace slipstream
