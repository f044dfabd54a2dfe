#pragma once
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "net/accept.h"
#include "net/answer_writer.h"
#include "net/http_service.h"
#include "net/request_body.h"
#include "net/request_head.h"
#include "net/stream.h"

namespace slipstream {

/// One HTTP/1.1 connection: a request, its answer, the next request. Lives by its pending
/// operations; a request that waits for its answer keeps it too. Everything has its time: a head,
/// a body by its bytes, the reading of an answer by its bytes, the wait for the next request.
/// Whatever a head tells (limits, origin, rate, token, path) is judged before a body is read.
/// I/O thread only.
class HttpConnection final : public std::enable_shared_from_this<HttpConnection> {
 public:
  /// `descriptor` is the stream's socket.
  HttpConnection(std::unique_ptr<Stream> stream, int descriptor, const Address& peer,
                 std::shared_ptr<HttpService> service);
  ~HttpConnection();

  void start();
  /// Closes now if it waits for a request; else once the answer is out.
  void stop();
  /// Closes now, whatever it does.
  void close();

 private:
  template <typename Answer>
  class Ticket;
  using Clock = std::chrono::steady_clock;
  using Error = boost::system::error_code;
  enum class State { kHead, kBody, kHandling, kWriting, kLingering, kUpgraded, kClosed };

  void next_request();
  void read();
  void on_read(Error error, std::size_t bytes);
  void parse_head();
  void on_head();
  void handle(HttpRequest request, const HttpHandler& handler);
  void read_body();
  void parse_body();
  void refuse(HttpResponse response);
  void refuse_fault(HttpFault fault);
  void refuse_head(HttpFault fault);
  void upgrade(HttpRequest request);
  void answer(HttpResponse response);
  void write();
  void ask_for_piece();
  void on_piece(Result<std::string> piece);
  void on_written();
  void abort();
  void linger();
  /// What was read and not yet taken.
  std::string_view unread() const;

  void wait_in_line(bool waits);
  void count_body();
  /// Of what may take `patience` and besides as long as `bytes` take at the least rate.
  void set_deadline(std::int64_t patience_ms, std::size_t bytes);
  void arm();
  void on_timer();

  std::unique_ptr<Stream> stream_;
  const int descriptor_;
  const Address peer_;
  const std::shared_ptr<HttpService> service_;
  boost::asio::steady_timer timer_;
  boost::beast::flat_buffer buffer_;
  RequestHeadParser head_parser_;
  RequestBodyReader body_;
  State state_ = State::kHead;
  std::optional<std::list<HttpConnection*>::iterator> in_line_;
  HttpRequest request_;  ///< whose body is being read
  const HttpHandler* handler_ = nullptr;
  ErrorShape error_shape_ = nullptr;  ///< of the request's path
  std::vector<std::pair<std::string, std::string>> origin_headers_;
  std::size_t body_bytes_ = 0;  ///< counted in the service
  AnswerWriter writer_;
  std::size_t discarded_ = 0;
  bool keep_alive_ = true;
  bool is_head_ = false;
  bool is_get_ = false;            ///< HEAD too
  bool is_old_ = false;            ///< HTTP/1.0
  Coding coding_ = Coding::kNone;  ///< that the client wants an answer in
  bool head_begun_ = false;

  Clock::time_point began_;
  Clock::time_point asked_for_piece_;
  Clock::time_point deadline_ = Clock::time_point::max();
  bool armed_ = false;
};

}  // namespace slipstream
