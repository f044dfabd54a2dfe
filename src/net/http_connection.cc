#include "net/http_connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>

#include "net/answer_coding.h"
#include "net/ws_connection.h"
#include "net/ws_handshake.h"

namespace slipstream {
namespace asio = boost::asio;

namespace {

constexpr std::size_t kHeadReadBytes = 4'096;  // connections that wait cost no more
constexpr std::size_t kBodyReadBytes = 65'536;
constexpr std::size_t kMaxDiscardedBytes = std::size_t{64} << 20;
// Else the kernel keeps some MB of a long answer for each client that does not read.
constexpr int kPiecesSendBufferBytes = 256 << 10;
/// Browsers let pages set no header in the request that opens a WebSocket.
constexpr std::string_view kWsTokenParameter = "token";
constexpr int kWsSendBufferBytes = 128 << 10;  // small, so that a slow client shows as unsent

}  // namespace

/// Sees to it that who was asked answers once: with what it gives, or with `forgotten` when it let
/// go of the question.
template <typename Answer>
class HttpConnection::Ticket {
 public:
  using Take = void (HttpConnection::*)(Answer);
  Ticket(std::shared_ptr<HttpConnection> connection, Take take, Answer forgotten)
      : connection_(std::move(connection)), take_(take), forgotten_(std::move(forgotten)) {}
  ~Ticket() { answer(std::move(forgotten_)); }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

  void answer(Answer given) {
    if (answered_.exchange(true)) return;
    asio::post(connection_->timer_.get_executor(),
               [connection = connection_, take = take_, answer = std::move(given)]() mutable {
                 ((*connection).*take)(std::move(answer));
               });
  }

 private:
  const std::shared_ptr<HttpConnection> connection_;
  const Take take_;
  Answer forgotten_;
  std::atomic<bool> answered_{false};
};

HttpConnection::HttpConnection(std::unique_ptr<Stream> stream, int descriptor, const Address& peer,
                               std::shared_ptr<HttpService> service)
    : stream_(std::move(stream)),
      descriptor_(descriptor),
      peer_(peer),
      service_(std::move(service)),
      timer_(stream_->executor()) {}

HttpConnection::~HttpConnection() = default;

void HttpConnection::start() {
  // A new one has come to ask something: it gets the time of a head, not that of a pause.
  next_request();
  set_deadline(service_->options.header_timeout_ms, 0);
}

void HttpConnection::stop() {
  keep_alive_ = false;
  if (in_line_ && !head_begun_ && buffer_.size() == 0) close();
}

void HttpConnection::close() {
  if (state_ == State::kClosed || state_ == State::kUpgraded) return;
  state_ = State::kClosed;
  wait_in_line(false);
  count_body();
  timer_.cancel();
  writer_.cancel();
  stream_->close();
  service_->release_connection(peer_);
}

void HttpConnection::next_request() {
  head_parser_ = {};
  body_ = {};
  state_ = State::kHead;
  head_begun_ = false;
  origin_headers_.clear();
  error_shape_ = nullptr;
  is_head_ = false;
  is_get_ = false;
  is_old_ = false;
  wait_in_line(true);
  set_deadline(service_->options.keep_alive_timeout_ms, 0);
  if (buffer_.size() == 0) {
    if (buffer_.capacity() > kHeadReadBytes) buffer_.shrink_to_fit();
    return read();
  }
  // Pipelined: through the loop, so that many of them do not pile up on the stack.
  asio::post(timer_.get_executor(), [self = shared_from_this()] {
    if (self->state_ == State::kHead) self->parse_head();
  });
}

void HttpConnection::read() {
  const auto room = buffer_.prepare(state_ == State::kHead ? kHeadReadBytes : kBodyReadBytes);
  stream_->async_read_some(
      {static_cast<char*>(room.data()), room.size()},
      [self = shared_from_this()](Error error, std::size_t bytes) { self->on_read(error, bytes); });
}

void HttpConnection::on_read(Error error, std::size_t bytes) {
  if (state_ == State::kClosed) return;
  if (error) return close();
  buffer_.commit(bytes);
  if (state_ == State::kHead) return parse_head();
  if (state_ == State::kBody) return parse_body();
  discarded_ += bytes;
  buffer_.clear();
  if (discarded_ >= kMaxDiscardedBytes) return close();
  read();
}

std::string_view HttpConnection::unread() const {
  const auto data = buffer_.cdata();
  return {static_cast<const char*>(data.data()), data.size()};
}

void HttpConnection::parse_head() {
  if (!head_begun_) buffer_.consume(leading_empty_lines(unread()));
  // Empty lines are no head, and do not start its time.
  if (unread().empty() || (!head_begun_ && unread() == "\r")) return read();
  auto complete = head_parser_.parse(unread());
  if (complete && !*complete) {
    if (!std::exchange(head_begun_, true)) set_deadline(service_->options.header_timeout_ms, 0);
    return read();
  }
  wait_in_line(false);
  if (!complete) return refuse_head(std::move(complete.error()));
  buffer_.consume(head_parser_.size());
  on_head();
}

void HttpConnection::on_head() {
  RequestHead& head = head_parser_.head();
  HttpRequest request = std::move(head.request);
  is_head_ = request.method == "HEAD";
  is_get_ = is_head_ || request.method == "GET";
  coding_ = accepted_coding(request.headers);
  is_old_ = head.is_old;
  keep_alive_ = keep_alive_ && head.keep_alive;
  body_ = RequestBodyReader(head.framing, service_->options.max_body_bytes);
  const auto match = service_->router.find(request);
  error_shape_ = match.error_shape;
  if (!head.has_path) return refuse(error_response(400, "the request's target is no path"));
  const bool is_upgrade = wants_websocket(request);
  auto& guard = service_->guard;
  guard.identify(request, peer_, is_upgrade ? kWsTokenParameter : match.token_parameter);
  if (auto foreign = guard.check_host(request)) return refuse(std::move(*foreign));
  if (auto turned_away = guard.check_origin(request, match)) {
    if (turned_away->status == 204) {  // a preflight: what its page may do
      HttpResponse origin;
      guard.add_origin(request, origin);
      origin_headers_ = std::move(origin.headers);
    }
    return refuse(std::move(*turned_away));
  }
  HttpResponse origin;
  guard.add_origin(request, origin);
  origin_headers_ = std::move(origin.headers);
  const Scope scope = is_upgrade ? Scope::kRead : match.handler ? match.scope : Scope::kOpen;
  request.denied = guard.judge(request, scope, Clock::now());
  const bool is_denied = request.denied != Denial::kNone;
  if (is_denied && (is_upgrade || !match.hears_denials)) {
    return refuse(denial_response(request.denied));
  }
  if (is_upgrade) return upgrade(std::move(request));
  if (is_denied) {
    keep_alive_ = keep_alive_ && body_.is_done();
    return handle(std::move(request), *match.handler);
  }
  if (match.handler == nullptr && !match.allowed.empty()) {
    auto response = error_response(405, "the method is not allowed here: " + match.allowed);
    response.headers.emplace_back("Allow", match.allowed);
    return refuse(std::move(response));
  }
  if (match.handler == nullptr) return refuse(error_response(404, "there is nothing at this path"));
  if (const auto unknown = unknown_parameter(request, *match.parameters)) {
    return refuse(error_response(400, *unknown));
  }
  request_ = std::move(request);
  handler_ = match.handler;
  read_body();
}

void HttpConnection::handle(HttpRequest request, const HttpHandler& handler) {
  state_ = State::kHandling;
  deadline_ = Clock::time_point::max();
  const auto ticket = std::make_shared<Ticket<HttpResponse>>(
      shared_from_this(), &HttpConnection::answer, error_response(500, "the request was given up"));
  handler(std::move(request),
          [ticket](HttpResponse response) { ticket->answer(std::move(response)); });
}

void HttpConnection::read_body() {
  state_ = State::kBody;
  if (!body_.is_done()) {
    began_ = Clock::now();
    set_deadline(service_->options.body_timeout_ms, 0);
    if (!is_old_ && equal_ignoring_case(request_.header("Expect"), "100-continue")) {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      const std::array pieces{piece_of(kContinue)};
      // Where it cannot be written: a client sends its body some time anyway.
      static_cast<void>(stream_->try_write(pieces));
    }
  }
  parse_body();
}

void HttpConnection::parse_body() {
  const auto taken = body_.take(unread());
  if (!taken) return refuse_fault(taken.error());
  buffer_.consume(*taken);
  count_body();
  if (service_->body_bytes > service_->options.max_bodies_bytes) {
    auto response = error_response(503, "too many bodies are being received");
    response.headers.emplace_back("Retry-After", "1");
    return refuse(std::move(response));
  }
  if (!body_.is_done()) {
    set_deadline(service_->options.body_timeout_ms, body_bytes_);
    return read();
  }
  HttpRequest request = std::move(request_);
  request.body = std::move(body_.body());
  request.body.reserve(request.body.size() + HttpRequest::kBodyPadding);
  state_ = State::kHandling;
  count_body();
  handle(std::move(request), *handler_);
}

/// Keeps the service's sum at what this connection holds.
void HttpConnection::count_body() {
  const std::size_t held = state_ == State::kBody ? body_.body().size() : 0;
  service_->body_bytes += held - body_bytes_;
  body_bytes_ = held;
}

void HttpConnection::refuse(HttpResponse response) {
  // What is not read of the body cannot be told from the next request.
  keep_alive_ = keep_alive_ && body_.is_done();
  state_ = State::kHandling;
  count_body();
  answer(std::move(response));
}

/// Of a head that cannot be taken: its path, if it says one, tells how to answer.
void HttpConnection::refuse_head(HttpFault fault) {
  HttpRequest request;
  static_cast<void>(parse_target(head_parser_.target(unread()), request));
  error_shape_ = service_->router.find(request).error_shape;
  refuse_fault(std::move(fault));
}

void HttpConnection::refuse_fault(HttpFault fault) {
  keep_alive_ = false;
  refuse(error_response(fault.status, fault.message));
}

void HttpConnection::upgrade(HttpRequest request) {
  keep_alive_ = false;  // unless it is upgraded
  const auto websocket = service_->websockets.find(request.path);
  if (websocket == service_->websockets.end()) {
    return refuse(error_response(404, "no WebSocket at this path"));
  }
  if (is_old_) return refuse(error_response(400, "a WebSocket is opened by HTTP/1.1 or later"));
  // Its bytes would be taken for frames.
  if (!body_.is_done()) return refuse(error_response(400, "a WebSocket is opened without a body"));
  if (service_->stopping) {
    auto response = error_response(503, "the server is stopping");
    response.headers.emplace_back("Retry-After", "1");
    return refuse(std::move(response));
  }
  auto handshake = answer_handshake(request, service_->options.server_name,
                                    service_->options.ws_deflate, websocket->second.subprotocol);
  if (!handshake) return refuse(std::move(handshake.error()));
  state_ = State::kUpgraded;
  timer_.cancel();
  setsockopt(descriptor_, SOL_SOCKET, SO_SNDBUF, &kWsSendBufferBytes, sizeof kWsSendBufferBytes);
  const std::shared_ptr<void> alive(
      nullptr, [service = service_, peer = peer_](void*) { service->release_connection(peer); });
  const auto session = std::make_shared<WsConnection>(
      std::move(stream_), std::move(request),
      WsConnectionOptions{.ping_ms = service_->options.ws_ping_ms,
                          .silence_ms = service_->options.ws_silence_ms,
                          .deflate = handshake->deflate},
      alive);
  // The session is known before its handshake is answered: a client that has the answer misses
  // nothing from then on. What is sent until then waits.
  websocket->second.on_open(session);
  session->start(std::move(handshake->answer), std::string(unread()));
}

void HttpConnection::answer(HttpResponse response) {
  if (state_ != State::kHandling) return;
  state_ = State::kWriting;
  keep_alive_ = keep_alive_ && !service_->stopping;
  if (error_shape_ != nullptr && !response.error.empty()) error_shape_(response);
  if (is_get_) pack_answer(response, coding_);
  response.headers.insert(response.headers.end(), origin_headers_.begin(), origin_headers_.end());
  // HTTP/1.0 knows no chunks: what comes in pieces ends with the connection.
  if (response.source && is_old_) keep_alive_ = false;
  if (response.source) {
    setsockopt(descriptor_, SOL_SOCKET, SO_SNDBUF, &kPiecesSendBufferBytes,
               sizeof kPiecesSendBufferBytes);
  }
  writer_.begin(std::move(response),
                {.server_name = service_->options.server_name,
                 .is_tls = service_->tls != nullptr,
                 .keep_alive = keep_alive_,
                 .is_old = is_old_},
                is_head_);
  began_ = Clock::now();
  write();
}

void HttpConnection::write() {
  switch (writer_.write(*stream_)) {
    case AnswerWriter::Progress::kDone:
      return on_written();
    case AnswerWriter::Progress::kHungry:
      return ask_for_piece();
    case AnswerWriter::Progress::kFailed:
      return close();
    case AnswerWriter::Progress::kBlocked:
      break;
  }
  set_deadline(service_->options.body_timeout_ms, writer_.sent());
  stream_->async_wait_writable([self = shared_from_this()](Error failed) {
    if (self->state_ != State::kWriting) return;
    if (failed) return self->close();
    self->write();
  });
}

void HttpConnection::ask_for_piece() {
  deadline_ = Clock::time_point::max();
  asked_for_piece_ = Clock::now();
  const auto ticket = std::make_shared<Ticket<Result<std::string>>>(
      shared_from_this(), &HttpConnection::on_piece, fail("the answer was given up"));
  writer_.source().next([ticket](Result<std::string> piece) { ticket->answer(std::move(piece)); });
}

void HttpConnection::on_piece(Result<std::string> piece) {
  if (state_ != State::kWriting) return;
  if (piece) {
    began_ += Clock::now() - asked_for_piece_;
    writer_.take(*std::move(piece));
    return write();
  }
  if (writer_.has_begun()) return abort();
  writer_.cancel();
  state_ = State::kHandling;
  answer(error_response(500, piece.error().message));
}

void HttpConnection::on_written() {
  if (keep_alive_) return next_request();
  linger();
}

/// Ends an answer in its middle. By a reset, since a client of HTTP/1.0 takes an orderly end for
/// the body's.
void HttpConnection::abort() {
  service_->guard.stats().answers_broken.add();
  const ::linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

/// A connection closed with unread bytes is reset, and the answer lost with it: they are read
/// first.
void HttpConnection::linger() {
  state_ = State::kLingering;
  stream_->shutdown_send();
  began_ = Clock::now();
  deadline_ = Clock::now() + std::chrono::milliseconds(service_->options.linger_ms);
  arm();
  buffer_.clear();
  read();
}

void HttpConnection::wait_in_line(bool waits) {
  if (waits == in_line_.has_value()) return;
  if (waits) {
    in_line_ = service_->waiting.insert(service_->waiting.end(), this);
  } else {
    service_->waiting.erase(*in_line_);
    in_line_.reset();
  }
}

void HttpConnection::set_deadline(std::int64_t patience_ms, std::size_t bytes) {
  if (state_ == State::kHead) began_ = Clock::now();
  const auto earned_ms =
      static_cast<std::int64_t>(bytes) * 1'000 / service_->options.min_bytes_per_second;
  deadline_ = began_ + std::chrono::milliseconds(patience_ms + earned_ms);
  // A timer that is due earlier looks again when it is: deadlines mostly move on.
  if (!armed_ || timer_.expiry() > deadline_) arm();
}

void HttpConnection::arm() {
  armed_ = true;
  timer_.expires_at(deadline_);
  timer_.async_wait([weak = weak_from_this()](Error error) {
    if (error) return;
    if (const auto self = weak.lock()) self->on_timer();
  });
}

void HttpConnection::on_timer() {
  armed_ = false;
  if (state_ == State::kClosed || state_ == State::kUpgraded ||
      deadline_ == Clock::time_point::max()) {
    return;
  }
  if (Clock::now() < deadline_) return arm();
  const bool is_pause = state_ == State::kHead && !head_begun_;
  if (!is_pause && state_ != State::kLingering) service_->guard.stats().timeouts.add();
  close();
}

}  // namespace slipstream
