#include "cli/http_sender.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <optional>
#include <random>
#include <thread>

#include "source/peer_table.h"

namespace slipstream {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr std::chrono::seconds kAnswerLimit{30};
constexpr std::chrono::milliseconds kReconnectPause{200};
constexpr std::size_t kMessageBytes = 200;

std::string random_name() {
  std::random_device device;
  return fmt::format("replay-{:08x}{:08x}", device(), device());
}

/// What a refusal's body says, for people.
std::string message_of(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::element answer;
  std::string_view message;
  if (parser.parse(body).get(answer) == simdjson::SUCCESS &&
      (answer["error"].get(message) == simdjson::SUCCESS ||
       answer["errors"].at(0)["message"].get(message) == simdjson::SUCCESS)) {
    return printable_sample(message, kMessageBytes);
  }
  return printable_sample(body, kMessageBytes);
}

std::optional<std::chrono::seconds> seconds_of(std::string_view retry_after) {
  std::uint32_t seconds = 0;
  const auto [end, error] =
      std::from_chars(retry_after.data(), retry_after.data() + retry_after.size(), seconds);
  if (error != std::errc{} || end != retry_after.data() + retry_after.size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

struct HttpSender::Connection {
  asio::io_context context;
  beast::tcp_stream stream{context};
  beast::flat_buffer buffer;

  /// Starts an operation, which is given what to call with its outcome, and waits for its end.
  template <typename Start>
  beast::error_code wait(Start start) {
    beast::error_code outcome;
    stream.expires_after(kAnswerLimit);
    start([&outcome](beast::error_code error, const auto&...) { outcome = error; });
    context.restart();
    context.run();
    return outcome;
  }
};

struct HttpSender::Answer {
  unsigned status = 0;
  std::string body;
  std::optional<std::chrono::seconds> retry_after;
};

HttpSender::HttpSender(std::string host, std::uint16_t port, std::string token)
    : host_(std::move(host)), port_(port), token_(std::move(token)), run_(random_name()) {}

HttpSender::~HttpSender() = default;

Result<void> HttpSender::send(std::string_view json) {
  if (points_ == 0) first_at_ = std::chrono::steady_clock::now();
  const std::size_t begin = body_.size();
  body_ += json;
  // Within JSON it is white space; between two points it is what parts them.
  std::replace(body_.begin() + static_cast<std::ptrdiff_t>(begin), body_.end(), '\n', ' ');
  body_ += '\n';
  ++points_;
  const bool is_due = std::chrono::steady_clock::now() >= flush_due();
  return points_ >= kMaxPoints || body_.size() >= kMaxBytes || is_due ? flush() : Result<void>();
}

PointSender::Time HttpSender::flush_due() const {
  return points_ == 0 ? Time::max() : first_at_ + kMaxAge;
}

Result<void> HttpSender::flush() {
  if (points_ == 0) return {};
  const std::string key = fmt::format("{}-{}", run_, bodies_);
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    const auto answer = exchange(key);
    std::chrono::milliseconds pause = kReconnectPause;
    Error why;
    if (answer) {
      if (answer->status == 200) return take(*answer);
      why.message = fmt::format("{}:{} answered {}: {}", host_, port_, answer->status,
                                message_of(answer->body));
      const bool is_busy = answer->status == 503 || answer->status == 429;
      if (!is_busy || !answer->retry_after) return std::unexpected(why);
      pause = *answer->retry_after;
    } else {
      connection_.reset();
      why = answer.error();
      if (!has_connected_) return std::unexpected(why);
    }
    if (std::chrono::steady_clock::now() + pause > give_up) return std::unexpected(why);
    std::this_thread::sleep_for(pause);
  }
}

Result<void> HttpSender::take(const Answer& answer) {
  simdjson::dom::parser parser;
  simdjson::dom::element said;
  std::uint64_t refused = 0;
  if (parser.parse(answer.body).get(said) != simdjson::SUCCESS ||
      said["rejected"].get(refused) != simdjson::SUCCESS) {
    return fail(fmt::format("{}:{} is no Slipstream: it answered {}", host_, port_,
                            printable_sample(answer.body, kMessageBytes)));
  }
  if (refused > 0 && refused_ == 0) first_refusal_ = message_of(answer.body);
  refused_ += refused;
  body_.clear();
  points_ = 0;
  ++bodies_;
  return {};
}

Result<HttpSender::Answer> HttpSender::exchange(const std::string& key) {
  const auto failed = [&](const beast::error_code& error) {
    return fail(fmt::format("{}:{}: {}", host_, port_, error.message()));
  };
  if (!connection_) {
    connection_ = std::make_unique<Connection>();
    beast::error_code error;
    asio::ip::tcp::resolver resolver(connection_->context);
    const auto addresses = resolver.resolve(host_, std::to_string(port_), error);
    if (error) return failed(error);
    error = connection_->wait(
        [&](auto done) { connection_->stream.async_connect(addresses, std::move(done)); });
    if (error) return failed(error);
    has_connected_ = true;
  }
  Connection& c = *connection_;
  http::request<http::string_body> request{http::verb::post, "/api/ingest", 11};
  const bool is_v6 = host_.find(':') != std::string::npos;
  request.set(http::field::host,
              fmt::format("{}{}{}:{}", is_v6 ? "[" : "", host_, is_v6 ? "]" : "", port_));
  request.set(http::field::content_type, "application/x-ndjson");
  request.set("Idempotency-Key", key);
  if (!token_.empty()) request.set(http::field::authorization, "Bearer " + token_);
  request.body() = body_;
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
