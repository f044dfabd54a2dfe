#include "cli/server_counts.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <utility>

#include "cli/client_socket.h"

namespace slipstream {
namespace beast = boost::beast;
namespace http = boost::beast::http;

struct ServerCounts::Connection {
  boost::asio::io_context context;
  beast::tcp_stream stream{context};
  beast::flat_buffer buffer;
};

ServerCounts::ServerCounts(BodySender::Server server) : server_(std::move(server)) {}
ServerCounts::~ServerCounts() = default;

Result<UdpCounts> ServerCounts::ask() {
  const auto where = client_socket::authority(server_.host, server_.port);
  auto body = get_health();
  if (!body) {
    connection_.reset();
    return fail(fmt::format("{}: {}", where, body.error().message));
  }
  simdjson::dom::parser parser;
  simdjson::dom::element udp;
  UdpCounts counts;
  if (parser.parse(*body).at_pointer("/sources/udp").get(udp) != simdjson::SUCCESS ||
      udp["accepted"].get(counts.accepted) != simdjson::SUCCESS) {
    return fail(fmt::format("{}: GET /api/health says nothing of points by UDP", where));
  }
  simdjson::dom::object rejected;
  if (udp["rejected"].get(rejected) == simdjson::SUCCESS) {
    for (const auto member : rejected) {
      std::uint64_t count = 0;
      if (member.value.get(count) == simdjson::SUCCESS) counts.rejected += count;
    }
  }
  std::uint64_t drops = 0;
  if (udp["kernelDrops"].get(drops) == simdjson::SUCCESS) counts.kernel_drops = drops;
  return counts;
}

/// 503 has the same body: the server is up, and not well.
Result<std::string> ServerCounts::get_health() {
  if (!connection_) {
    connection_ = std::make_unique<Connection>();
    if (const auto error = client_socket::connect(connection_->context, connection_->stream,
                                                  server_.host, server_.port)) {
      return fail(error.message());
    }
  }
  Connection& c = *connection_;
  http::request<http::empty_body> request{http::verb::get, "/api/health", 11};
  request.set(http::field::host, client_socket::authority(server_.host, server_.port));
  if (!server_.token.empty()) {
    request.set(http::field::authorization, "Bearer " + server_.token);
  }
  http::response<http::string_body> response;
  auto error = client_socket::await(c.context, c.stream, [&](auto done) {
    http::async_write(c.stream, request, std::move(done));
  });
  if (!error) {
    error = client_socket::await(c.context, c.stream, [&](auto done) {
      http::async_read(c.stream, c.buffer, response, std::move(done));
    });
  }
  if (error) return fail(error.message());
  if (response.result_int() != 200 && response.result_int() != 503) {
    return fail(fmt::format("GET /api/health is answered {}", response.result_int()));
  }
  std::string body = std::move(response.body());
  if (!response.keep_alive()) connection_.reset();
  return body;
}

}  // namespace slipstream
