#pragma once
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/circuit_breaker.h"
#include "base/error.h"
#include "net/http_url.h"

namespace slipstream {

struct HttpReply {
  unsigned status = 0;
  std::string body;
  /// When to come again, as far as the server says so; a day at most.
  std::optional<std::chrono::seconds> retry_after = {};
};

/// Asks one HTTP/1.1 server, one request behind the other, over a connection that is kept, and made
/// anew where it was lost. Redirects are answers like others. Bounded: the time for a connection,
/// the time for all of a request (or that in which nothing of it moves), the size of an answer.
/// Where there was no answer the request may have been done or not: the client never sends one
/// twice. A breaker keeps from asking again and again who does not answer; any whole answer closes
/// it, whatever its status is. Threads: one; interrupt() and breaker() from any.
class HttpClient {
 public:
  struct Options {
    /// To find the host, connect and shake hands. A name is looked up by the system, which may take
    /// longer than that.
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds timeout{30'000};  ///< for all of a request, connecting included
    /// `timeout` is for nothing moving, once there is a connection: for as long as the other end's
    /// system confirms bytes, or bytes come, a request may take. Noticed within twice that time.
    bool waits_while_it_moves = false;
    std::size_t max_answer_bytes = std::size_t{1} << 20;
    /// A 2xx is the answer, whatever becomes of its body: that it is too large, or does not end in
    /// time.
    bool status_is_enough = false;
    /// Of TLS: PEM of who may sign the server's certificate; empty: whoever this system trusts.
    std::filesystem::path ca_file = {};
    CircuitBreaker::Options breaker = {};
  };
  using Headers = std::vector<std::pair<std::string, std::string>>;
  struct Request {
    std::string_view method = "GET";
    std::string_view target = "/";
    Headers headers = {};
    std::string_view body = {};
  };

  /// Connects with the first request. Errors: the CA file cannot be read, or holds no certificate.
  static Result<std::unique_ptr<HttpClient>> make(HttpUrl url, Options options,
                                                  const Clock& clock = system_clock());
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Errors: kTimeout; kIo: no connection, or it was lost; kCorrupt: what came is no answer, or is
  /// too large; kRefused: the breaker is open, or interrupt() was called.
  Result<HttpReply> ask(const Request& request);
  /// What is asked, now or later, ends with an error at once.
  void interrupt();
  /// Whether there has ever been a connection.
  bool has_connected() const { return has_connected_; }
  const CircuitBreaker& breaker() const { return breaker_; }
  const HttpUrl& url() const { return url_; }

 private:
  struct Connection;

  HttpClient(HttpUrl url, Options options, const Clock& clock);
  Result<HttpReply> ask_once(const Request& request);

  const HttpUrl url_;
  const Options options_;
  CircuitBreaker breaker_;
  std::unique_ptr<Connection> connection_;
  bool has_connected_ = false;
};

/// What a Retry-After says: seconds, or a date, against `now`. Nothing: neither.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, ArrivalTime now);

}  // namespace slipstream
