#include "cli/ws_sender.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include "cli/client_socket.h"
#include "net/http_url.h"

namespace slipstream {
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

namespace {

constexpr std::chrono::seconds kBusyPause{1};
constexpr std::string_view kNothingBack = R"({"type":"subscribe","channels":[]})";

std::string publish(std::string_view lines, const std::string& key) {
  std::string points(lines.substr(0, lines.size() - 1));
  std::replace(points.begin(), points.end(), '\n', ',');
  return fmt::format(R"({{"type":"publish","id":"{}","points":[{}]}})", key, points);
}

}  // namespace

struct WsSender::Connection {
  boost::asio::io_context context;
  websocket::stream<beast::tcp_stream> stream{context};
  beast::flat_buffer buffer;

  template <typename Start>
  beast::error_code wait(Start start) {
    return client_socket::await(context, beast::get_lowest_layer(stream), std::move(start));
  }
  beast::error_code write(std::string_view text) {
    return wait([&](auto done) {
      stream.async_write(boost::asio::buffer(text.data(), text.size()), std::move(done));
    });
  }
};

WsSender::WsSender(Server server, std::string path)
    : BodySender(std::move(server), kMaxBytes), path_(std::move(path)) {}

WsSender::~WsSender() = default;

std::expected<BodySender::Taken, BodySender::Failure> WsSender::exchange(std::string_view lines,
                                                                         const std::string& key) {
  if (!connection_) {
    if (auto opened = open(); !opened) return std::unexpected(std::move(opened.error()));
  }
  if (const auto error = connection_->write(publish(lines, key))) {
    return std::unexpected(drop(error.message()));
  }
  auto answer = answer_to(key);
  if (!answer) return std::unexpected(std::move(answer.error()));
  simdjson::dom::parser parser;
  std::string_view reason;
  if (parser.parse(*answer)["reason"].get(reason) != simdjson::SUCCESS) return taken(*answer);
  Failure failure{fmt::format("{} answered {}: {}", where(), reason, message_of(*answer))};
  if (reason == "overloaded" || reason == "unavailable" || reason == "rate_limited") {
    failure.again_in = kBusyPause;
  }
  return std::unexpected(failure);
}

std::expected<void, BodySender::Failure> WsSender::open() {
  connection_ = std::make_unique<Connection>();
  Connection& c = *connection_;
  if (const auto error = client_socket::connect(c.context, beast::get_lowest_layer(c.stream),
                                                server_.host, server_.port)) {
    return std::unexpected(drop(error.message()));
  }
  c.stream.set_option(websocket::stream_base::decorator([&](websocket::request_type& request) {
    if (!server_.token.empty()) {
      request.set(http::field::authorization, "Bearer " + server_.token);
    }
  }));
  websocket::response_type response;
  const auto error = c.wait([&](auto done) {
    c.stream.async_handshake(response, http_authority(server_.host, server_.port), path_,
                             std::move(done));
  });
  if (error == websocket::error::upgrade_declined) {
    const auto status = response.result_int();
    auto failure = drop(fmt::format("answered {}: {}", status, message_of(response.body())));
    const bool is_busy = status == 503 || status == 429;
    failure.again_in.reset();
    if (is_busy && has_connected_) failure.again_in = kBusyPause;
    return std::unexpected(failure);
  }
  if (error) return std::unexpected(drop(error.message()));
  has_connected_ = true;
  if (const auto unsent = c.write(kNothingBack)) return std::unexpected(drop(unsent.message()));
  return {};
}

std::expected<std::string, BodySender::Failure> WsSender::answer_to(const std::string& key) {
  Connection& c = *connection_;
  simdjson::dom::parser parser;
  while (true) {
    c.buffer.clear();
    const auto error = c.wait([&](auto done) { c.stream.async_read(c.buffer, std::move(done)); });
    if (error == websocket::error::closed) {
      const auto& close = c.stream.reason();
      const unsigned code = close.code;
      auto failure = drop(fmt::format("closed with {}: {}", code, close.reason.c_str()));
      if (code == websocket::close_code::policy_error || code == websocket::close_code::too_big) {
        failure.again_in.reset();
      }
      return std::unexpected(failure);
    }
    if (error) return std::unexpected(drop(error.message()));
    std::string message = beast::buffers_to_string(c.buffer.data());
    std::string_view id;
    if (parser.parse(message)["id"].get(id) == simdjson::SUCCESS && id == key) return message;
  }
}

BodySender::Failure WsSender::drop(std::string_view why) {
  connection_.reset();
  return lost(why);
}

}  // namespace slipstream
