#include "net/http_client.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <variant>

namespace slipstream {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using std::chrono::steady_clock;
using ErrorOf = beast::error_code;

constexpr std::uint32_t kMaxAnswerHeadBytes = 64 << 10;
constexpr int kMostInterim = 8;  ///< answers before the answer (1xx)
/// A server that does not take all of a request has perhaps said why.
constexpr std::chrono::seconds kAnswerAfterCut{2};

/// What the system tells of a connection, with what the C library's own struct leaves out.
struct TcpFigures {
  tcp_info known;
  std::uint64_t pacing_rate;
  std::uint64_t max_pacing_rate;
  std::uint64_t bytes_acked;
  std::uint64_t bytes_received;
};

/// Bytes that the other end has confirmed, and that came from there. What was written is no
/// measure: a system keeps megabytes that a slow link takes minutes for.
std::uint64_t bytes_moved(int socket) {
  TcpFigures figures{};
  socklen_t size = sizeof figures;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &figures, &size) != 0) return 0;
  return figures.bytes_acked + figures.bytes_received;
}

Result<asio::ssl::context> tls_context(const std::filesystem::path& ca_file) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  ErrorOf error;
  if (ca_file.empty()) {
    context.set_default_verify_paths(error);
  } else {
    context.load_verify_file(ca_file.string(), error);
  }
  if (error) {
    return fail(fmt::format("certificates of '{}': {}",
                            ca_file.empty() ? "this system" : ca_file.string(), error.message()));
  }
  context.set_verify_mode(asio::ssl::verify_peer);
  return context;
}

bool is_address(const std::string& host) {
  ErrorOf error;
  asio::ip::make_address(host, error);
  return !error;
}

ErrorCode code_of(const ErrorOf& error) {
  if (error == asio::error::timed_out) return ErrorCode::kTimeout;
  // Beast's own are of what was read, but for the one that says that nothing was.
  const bool is_of_parser =
      error.category() == http::make_error_code(http::error::bad_method).category();
  const bool is_cut = error == http::error::end_of_stream || error == http::error::partial_message;
  return is_of_parser && !is_cut ? ErrorCode::kCorrupt : ErrorCode::kIo;
}

std::string text_of(const ErrorOf& error) {
  if (error == asio::error::timed_out) return "no answer in time";
  if (error == http::error::end_of_stream) return "the connection ended before an answer";
  if (error == http::error::partial_message) return "the connection ended within the answer";
  if (error == http::error::body_limit) return "the answer is too large";
  return error.message();
}

}  // namespace

struct HttpClient::Connection {
  using Plain = tcp::socket;
  using Tls = asio::ssl::stream<tcp::socket>;

  explicit Connection(std::optional<asio::ssl::context> tls_context)
      : tls(std::move(tls_context)) {}

  tcp::socket& socket() {
    return std::holds_alternative<Tls>(stream) ? std::get<Tls>(stream).next_layer()
                                               : std::get<Plain>(stream);
  }
  bool is_open() const { return !std::holds_alternative<std::monostate>(stream); }
  void close() {
    stream.emplace<std::monostate>();
    buffer.clear();
  }
  /// Ends whatever is under way.
  void cut() {
    ErrorOf ignored;
    resolver.cancel();
    if (is_open()) socket().close(ignored);
  }

  /// Runs what was started until `is_done`; at `deadline`, or when interrupted, it is cut off.
  template <typename IsDone>
  void run_until(steady_clock::time_point deadline, IsDone is_done) {
    set_deadline(deadline);
    context.restart();
    while (!is_done()) {
      if (is_interrupted) cut();
      context.run_one();
    }
    timer.cancel();
    // Handlers of the timer, which refer to nothing that ends here.
    context.poll();
  }
  void set_deadline(steady_clock::time_point deadline) {
    timer.expires_at(deadline);
    timer.async_wait([this](ErrorOf error) {
      if (error || steady_clock::now() < timer.expiry()) return;
      if (has_moved()) {
        set_deadline(steady_clock::now() + patience);
        return;
      }
      has_timed_out = true;
      cut();
    });
  }
  /// Since it was asked last; never where that is no reason to wait.
  bool has_moved() {
    if (patience.count() == 0 || !is_open()) return false;
    const auto now = bytes_moved(socket().native_handle());
    return std::exchange(moved, now) != now;
  }
  template <typename Start>
  ErrorOf await(steady_clock::time_point deadline, Start start) {
    ErrorOf outcome;
    bool is_done = false;
    start([&](ErrorOf error, const auto&...) {
      outcome = error;
      is_done = true;
    });
    run_until(deadline, [&] { return is_done; });
    return told(outcome);
  }
  ErrorOf told(ErrorOf error) {
    return std::exchange(has_timed_out, false) && error ? asio::error::timed_out : error;
  }

  ErrorOf connect(const HttpUrl& url, steady_clock::time_point deadline);
  /// Whether the server has closed what was kept.
  bool is_stale() {
    char byte;
    const auto got = recv(socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    const bool is_quiet = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    // Of TLS something may wait that is no answer.
    return !is_quiet && !(got > 0 && std::holds_alternative<Tls>(stream));
  }
  template <typename Stream>
  ErrorOf exchange(Stream& via, http::request<http::span_body<const char>>& request,
                   std::size_t max_answer_bytes, steady_clock::time_point deadline,
                   http::response<http::string_body>& answer);

  asio::io_context context{1};
  std::optional<asio::ssl::context> tls;
  tcp::resolver resolver{context};
  asio::steady_timer timer{context};
  std::variant<std::monostate, Plain, Tls> stream;
  beast::flat_buffer buffer{kMaxAnswerHeadBytes + (64u << 10)};
  std::chrono::milliseconds patience{0};  ///< with a request that moves; 0: none
  std::uint64_t moved = 0;
  bool has_timed_out = false;
  bool status_is_enough = false;
  std::atomic<bool> is_interrupted = false;
};

ErrorOf HttpClient::Connection::connect(const HttpUrl& url, steady_clock::time_point deadline) {
  tcp::resolver::results_type found;
  auto error = await(deadline, [&](auto done) {
    resolver.async_resolve(url.host, std::to_string(url.port),
                           [&found, done](ErrorOf outcome, tcp::resolver::results_type all) {
                             found = std::move(all);
                             done(outcome);
                           });
  });
  if (error) return error;
  if (tls) {
    stream.emplace<Tls>(context, *tls);
  } else {
    stream.emplace<Plain>(context);
  }
  error = await(deadline, [&](auto done) { asio::async_connect(socket(), found, done); });
  if (error) return error;
  socket().set_option(tcp::no_delay(true), error);
  if (!tls) return {};
  Tls& secured = std::get<Tls>(stream);
  if (!is_address(url.host)) SSL_set_tlsext_host_name(secured.native_handle(), url.host.c_str());
  secured.set_verify_callback(asio::ssl::host_name_verification(url.host));
  return await(deadline,
               [&](auto done) { secured.async_handshake(asio::ssl::stream_base::client, done); });
}

template <typename Stream>
ErrorOf HttpClient::Connection::exchange(Stream& via,
                                         http::request<http::span_body<const char>>& request,
                                         std::size_t max_answer_bytes,
                                         steady_clock::time_point deadline,
                                         http::response<http::string_body>& answer) {
  bool is_written = false;
  ErrorOf write_error;
  http::request_serializer<http::span_body<const char>> serializer(request);
  // Written and read at once: who refuses a request may do so before all of it is there, and end
  // the connection.
  http::async_write(via, serializer, [&](ErrorOf error, std::size_t) {
    is_written = true;
    if (has_timed_out) return;  // which is why
    write_error = error;
    const auto soon = steady_clock::now() + kAnswerAfterCut;
    if (error) set_deadline(patience.count() > 0 ? soon : std::min(deadline, soon));
    if (error) patience = {};
  });
  ErrorOf read_error;
  for (int interim = 0; interim <= kMostInterim; ++interim) {
    http::response_parser<http::string_body> parser;
    parser.header_limit(kMaxAnswerHeadBytes);
    parser.body_limit(max_answer_bytes);
    if (request.method() == http::verb::head) parser.skip(true);
    bool is_read = false;
    http::async_read(via, buffer, parser, [&](ErrorOf error, std::size_t) {
      is_read = true;
      read_error = error;
    });
    run_until(deadline, [&] { return is_read; });
    const bool is_taken =
        status_is_enough && parser.is_header_done() && parser.get().result_int() / 100 == 2;
    const bool is_cut_short = static_cast<bool>(read_error);
    answer = parser.release();
    if (is_taken && is_cut_short && !is_interrupted) {
      answer.keep_alive(false);
      read_error = {};
      break;
    }
    const bool is_interim = !read_error && answer.result_int() / 100 == 1;
    if (!is_interim) break;
  }
  const bool is_early = !is_written;
  if (!is_written) {
    cut();
    run_until(deadline, [&] { return is_written; });
  }
  if (is_early || write_error || buffer.size() > 0) answer.keep_alive(false);
  const auto error = told(read_error);
  return error == asio::error::timed_out && write_error && !is_early ? write_error : error;
}

Result<std::unique_ptr<HttpClient>> HttpClient::make(HttpUrl url, Options options,
                                                     const Clock& clock) {
  std::optional<asio::ssl::context> tls;
  if (url.is_tls) {
    auto context = tls_context(options.ca_file);
    if (!context) return std::unexpected(context.error());
    tls = std::move(*context);
  }
  std::unique_ptr<HttpClient> client(new HttpClient(std::move(url), std::move(options), clock));
  client->connection_ = std::make_unique<Connection>(std::move(tls));
  client->connection_->status_is_enough = client->options_.status_is_enough;
  return client;
}

HttpClient::HttpClient(HttpUrl url, Options options, const Clock& clock)
    : url_(std::move(url)), options_(std::move(options)), breaker_(options_.breaker, clock) {}

HttpClient::~HttpClient() = default;

void HttpClient::interrupt() {
  connection_->is_interrupted = true;
  asio::post(connection_->context, [c = connection_.get()] { c->cut(); });
}

Result<HttpReply> HttpClient::ask(const Request& request) {
  if (connection_->is_interrupted) return fail("interrupted", ErrorCode::kRefused);
  if (!breaker_.allow()) {
    return fail(fmt::format("{} has not answered {} times, and is asked again in {} ms",
                            url_.server(), breaker_.failures(), breaker_.retry_in_ms()),
                ErrorCode::kRefused);
  }
  auto reply = ask_once(request);
  if (reply) {
    breaker_.success();
    return reply;
  }
  connection_->close();
  breaker_.failure();
  if (connection_->is_interrupted) return fail("interrupted", ErrorCode::kRefused);
  return reply;
}

Result<HttpReply> HttpClient::ask_once(const Request& asked) {
  Connection& c = *connection_;
  const auto begun = steady_clock::now();
  const auto deadline = begun + options_.timeout;
  if (c.is_open() && c.is_stale()) c.close();
  if (!c.is_open()) {
    const auto error = c.connect(url_, std::min(deadline, begun + options_.connect_timeout));
    if (error) return fail(text_of(error), code_of(error));
    has_connected_ = true;
  }
  http::request<http::span_body<const char>> request;
  request.version(11);
  request.method_string(asked.method);
  request.target(asked.target);
  request.set(http::field::host, url_.authority());
  for (const auto& [name, value] : asked.headers) request.set(name, value);
  request.body() = {asked.body.data(), asked.body.size()};
  request.prepare_payload();
  http::response<http::string_body> answer;
  c.patience = options_.waits_while_it_moves ? options_.timeout : std::chrono::milliseconds(0);
  static_cast<void>(c.has_moved());
  const auto error = c.tls ? c.exchange(std::get<Connection::Tls>(c.stream), request,
                                        options_.max_answer_bytes, deadline, answer)
                           : c.exchange(std::get<Connection::Plain>(c.stream), request,
                                        options_.max_answer_bytes, deadline, answer);
  c.patience = {};
  if (error) return fail(text_of(error), code_of(error));
  HttpReply reply{answer.result_int(), std::move(answer.body())};
  reply.retry_after =
      parse_retry_after(std::string_view(answer[http::field::retry_after]), system_clock().now());
  if (!answer.keep_alive()) c.close();
  return reply;
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, ArrivalTime now) {
  constexpr std::int64_t kDay = 86'400;
  std::uint64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc{} && end == text.data() + text.size()) {
    return std::chrono::seconds(std::min<std::uint64_t>(seconds, kDay));
  }
  tm date{};
  const std::string terminated(text);
  const char* const rest = strptime(terminated.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (rest == nullptr || *rest != '\0') return std::nullopt;
  return std::chrono::seconds(
      std::clamp<std::int64_t>(timegm(&date) - now.ns / kNsPerSecond, 0, kDay));
}

}  // namespace slipstream
