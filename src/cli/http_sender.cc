#include "cli/http_sender.h"

#include <fmt/format.h>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <optional>

#include "cli/client_socket.h"

namespace slipstream {
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

std::optional<std::chrono::seconds> seconds_of(std::string_view retry_after) {
  std::uint32_t seconds = 0;
  const auto [end, error] =
      std::from_chars(retry_after.data(), retry_after.data() + retry_after.size(), seconds);
  if (error != std::errc{} || end != retry_after.data() + retry_after.size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

struct HttpSender::Connection {
  boost::asio::io_context context;
  beast::tcp_stream stream{context};
  beast::flat_buffer buffer;

  template <typename Start>
  beast::error_code wait(Start start) {
    return client_socket::await(context, stream, std::move(start));
  }
};

struct HttpSender::Answer {
  unsigned status = 0;
  std::string body;
  std::optional<std::chrono::seconds> retry_after;
};

HttpSender::HttpSender(Server server) : BodySender(std::move(server), kMaxBytes) {}

HttpSender::~HttpSender() = default;

std::expected<BodySender::Taken, BodySender::Failure> HttpSender::exchange(std::string_view lines,
                                                                           const std::string& key) {
  const auto answer = post(lines, key);
  if (!answer) {
    connection_.reset();
    return std::unexpected(lost(answer.error().message));
  }
  if (answer->status == 200) return taken(answer->body);
  Failure failure{
      fmt::format("{} answered {}: {}", where(), answer->status, message_of(answer->body))};
  if (answer->status == 503 || answer->status == 429) failure.again_in = answer->retry_after;
  return std::unexpected(failure);
}

Result<HttpSender::Answer> HttpSender::post(std::string_view lines, const std::string& key) {
  const auto failed = [](const beast::error_code& error) { return fail(error.message()); };
  if (!connection_) {
    connection_ = std::make_unique<Connection>();
    const auto error = client_socket::connect(connection_->context, connection_->stream,
                                              server_.host, server_.port);
    if (error) return failed(error);
    has_connected_ = true;
  }
  Connection& c = *connection_;
  http::request<http::string_body> request{http::verb::post, "/api/ingest", 11};
  request.set(http::field::host, client_socket::authority(server_.host, server_.port));
  request.set(http::field::content_type, "application/x-ndjson");
  request.set("Idempotency-Key", key);
  if (!server_.token.empty()) {
    request.set(http::field::authorization, "Bearer " + server_.token);
  }
  request.body() = lines;
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
  Answer answer{response.result_int(), std::move(response.body()),
                seconds_of(std::string(response[http::field::retry_after]))};
  if (!response.keep_alive()) connection_.reset();
  return answer;
}

}  // namespace slipstream
