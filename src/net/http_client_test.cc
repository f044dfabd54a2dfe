#include "net/http_client.h"

#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <thread>

#include "net/http_server.h"
#include "net/io_thread.h"
#include "net/testing.h"
#include "net/tls_testing.h"

namespace slipstream {
namespace {

using boost::asio::ip::tcp;
using testing::HasSubstr;
using testing::Not;

/// A server that does with each connection what a test says, one after the other.
class Scripted {
 public:
  using Script = std::function<void(tcp::socket&, int connection)>;

  /// `receive_bytes`: what its system keeps of what was not read yet; 0: as much as it likes.
  explicit Scripted(Script script, int receive_bytes = 0) : script_(std::move(script)) {
    if (receive_bytes > 0) {
      acceptor_.set_option(boost::asio::socket_base::receive_buffer_size(receive_bytes));
    }
    thread_ = std::thread([this] {
      for (int n = 0;; ++n) {
        tcp::socket socket(context_);
        boost::system::error_code error;
        acceptor_.accept(socket, error);
        if (error || is_over_) return;
        ++connections_;
        script_(socket, n);
      }
    });
  }
  ~Scripted() {
    is_over_ = true;
    net_testing::RawClient{port()};  // wakes it
    thread_.join();
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  int connections() const { return connections_; }

 private:
  const Script script_;
  boost::asio::io_context context_;
  tcp::acceptor acceptor_{context_, {boost::asio::ip::address_v4::loopback(), 0}};
  std::atomic<int> connections_ = 0;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

std::string read_head(tcp::socket& socket) {
  std::string text;
  boost::system::error_code error;
  boost::asio::read_until(socket, boost::asio::dynamic_buffer(text), "\r\n\r\n", error);
  return text;
}
void say(tcp::socket& socket, const std::string& text) {
  boost::system::error_code error;
  boost::asio::write(socket, boost::asio::buffer(text), error);
}
void wait_for_its_end(tcp::socket& socket) {
  std::string rest;
  boost::system::error_code error;
  boost::asio::read(socket, boost::asio::dynamic_buffer(rest), error);
}

std::unique_ptr<HttpClient> client_for(std::uint16_t port, HttpClient::Options options = {},
                                       const Clock& clock = system_clock()) {
  return HttpClient::make({.host = "127.0.0.1", .port = port}, std::move(options), clock).value();
}

HttpClient::Options impatient() {
  return {.timeout = std::chrono::milliseconds(net_testing::kShortMs)};
}

TEST(HttpClientUrl, SaysWhatIsExpected) {
  const auto url = HttpUrl::parse("https://pit.example/path?a=b#c").value();
  EXPECT_TRUE(url.is_tls);
  EXPECT_EQ(url.authority(), "pit.example:443");
  EXPECT_EQ(url.path, "/path?a=b");
  EXPECT_EQ(HttpUrl::parse("http://[::1]:8081").value().authority(), "[::1]:8081");
  EXPECT_EQ(HttpUrl::parse("http://a").value().server(), "http://a:80");
  EXPECT_EQ(HttpUrl::parse("http://a:81?x").value().path, "/?x");
  for (const std::string bad :
       {"", "a:80", "ftp://a", "http://", "http://:80", "http://a:", "http://a:0", "http://a:65536",
        "http://a:80x", "http://[::1", "http://[::1]80", "http://a b", "http://a\r\nX: y",
        "http://user:secret@a"}) {
    const auto parsed = HttpUrl::parse(bad);
    EXPECT_FALSE(parsed) << bad;
    if (!parsed) {
      EXPECT_THAT(parsed.error().message, Not(HasSubstr("secret")));
    }
  }
}

TEST(HttpClientRetryAfter, IsSecondsOrADate) {
  const ArrivalTime now{1'760'000'000 * kNsPerSecond};
  EXPECT_EQ(parse_retry_after("7", now), std::chrono::seconds(7));
  EXPECT_EQ(parse_retry_after("99999999999", now), std::chrono::hours(24));
  EXPECT_EQ(parse_retry_after("Thu, 09 Oct 2025 08:53:25 GMT", now), std::chrono::seconds(5));
  EXPECT_EQ(parse_retry_after("Thu, 09 Oct 2025 08:53:15 GMT", now), std::chrono::seconds(0));
  for (const auto* bad : {"", "-1", "soon", "7 s", "Thu, 09 Oct 2025"}) {
    EXPECT_EQ(parse_retry_after(bad, now), std::nullopt) << bad;
  }
}

TEST(HttpClientAsks, OverOneConnectionThatIsKept) {
  Scripted server([](tcp::socket& socket, int) {
    EXPECT_THAT(read_head(socket), HasSubstr("GET /a HTTP/1.1\r\nHost: 127.0.0.1:"));
    say(socket,
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "
        "OK\r\nContent-Length: 3\r\n\r\none");
    const auto head = read_head(socket);
    EXPECT_THAT(head, HasSubstr("POST /b HTTP/1.1"));
    EXPECT_THAT(head, HasSubstr("Content-Length: 4"));
    EXPECT_THAT(head, HasSubstr("X-It: is"));
    say(socket,
        "HTTP/1.1 503 No\r\nRetry-After: 3\r\nTransfer-Encoding: "
        "chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n");
    wait_for_its_end(socket);
  });
  {
    const auto client = client_for(server.port());
    EXPECT_FALSE(client->has_connected());
    const auto first = client->ask({"GET", "/a"}).value();
    EXPECT_EQ(first.status, 200u);
    EXPECT_EQ(first.body, "one");
    EXPECT_EQ(first.retry_after, std::nullopt);
    const auto second = client->ask({"POST", "/b", {{"X-It", "is"}}, "body"}).value();
    EXPECT_EQ(second.status, 503u);
    EXPECT_EQ(second.body, "two");
    EXPECT_EQ(second.retry_after, std::chrono::seconds(3));
    EXPECT_TRUE(client->has_connected());
    EXPECT_EQ(client->breaker().failures(), 0) << "an answer is an answer";
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClientAsks, AnewWhereTheConnectionWasClosedMeanwhile) {
  std::atomic<bool> is_closed = false;
  Scripted server([&](tcp::socket& socket, int n) {
    read_head(socket);
    say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(n));
    socket.close();
    is_closed = true;
  });
  const auto client = client_for(server.port());
  for (const auto* expected : {"0", "1", "2"}) {
    EXPECT_EQ(client->ask({}).value().body, expected);
    while (!is_closed.exchange(false)) std::this_thread::yield();
  }
}

TEST(HttpClientAsks, ReadsToTheEndWhereNoLengthIsSaid) {
  Scripted server([](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it");
  });
  EXPECT_EQ(client_for(server.port())->ask({}).value().body, "all of it");
}

TEST(HttpClientAsks, HearsWhyABodyIsNotTaken) {
  Scripted server([](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, "HTTP/1.1 401 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    // The rest of the body is not read: closing says so with a reset.
  });
  const auto client = client_for(server.port());
  const std::string body(std::size_t{32} << 20, 'x');
  const auto answer = client->ask({"POST", "/", {}, body});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 401u);
  EXPECT_EQ(client->ask({"POST", "/", {}, body}).value().body, "no");
}

TEST(HttpClientFails, WhereNobodyAnswersInTime) {
  Scripted server([](tcp::socket& socket, int n) {
    if (n > 0) {
      read_head(socket);
      say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal");
    }
    wait_for_its_end(socket);
  });
  const auto client = client_for(server.port(), impatient());
  EXPECT_EQ(client->ask({}).error().code, ErrorCode::kTimeout) << "nothing comes";
  EXPECT_EQ(client->ask({}).error().code, ErrorCode::kTimeout) << "half of it comes";
  const std::string body(std::size_t{32} << 20, 'x');
  EXPECT_EQ(client->ask({"POST", "/", {}, body}).error().code, ErrorCode::kTimeout);
}

/// Four times as long as the time-out, and never is there a stretch of it in which nothing moves.
TEST(HttpClientAsks, ForAsLongAsItMovesWhereThatIsAsked) {
  const std::chrono::milliseconds timeout{500};
  const std::string body(std::size_t{1} << 20, 'x');
  const auto slow = [&](tcp::socket& socket, int) {
    boost::system::error_code error;
    std::string bytes(body.size() / 64, '\0');
    const auto head = read_head(socket);  // and what came with it
    for (std::size_t got = head.size() - head.find("\r\n\r\n") - 4; got < body.size() && !error;) {
      std::this_thread::sleep_for(timeout / 16);
      got += boost::asio::read(
          socket, boost::asio::buffer(bytes, std::min(bytes.size(), body.size() - got)), error);
    }
    say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    wait_for_its_end(socket);
  };
  Scripted server(slow, 65'536);
  const auto patient =
      client_for(server.port(), {.timeout = timeout, .waits_while_it_moves = true});
  const auto answer = patient->ask({"POST", "/", {}, body});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "ok");
  Scripted silent([](tcp::socket& socket, int) { wait_for_its_end(socket); });
  const auto kept_waiting =
      client_for(silent.port(), {.timeout = timeout, .waits_while_it_moves = true});
  EXPECT_EQ(kept_waiting->ask({}).error().code, ErrorCode::kTimeout);
}

TEST(HttpClientFails, WhereTheConnectionIsCutOrWhatComesIsNoAnswer) {
  const std::vector<std::pair<std::string, ErrorCode>> said = {
      {"", ErrorCode::kIo},
      {"HTTP/1.1 200", ErrorCode::kIo},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal", ErrorCode::kIo},
      {"220 mail.example ESMTP\r\n\r\n", ErrorCode::kCorrupt},
      {std::string("\x16\x03\x01\0\xff\r\n\r\n", 9), ErrorCode::kCorrupt},
      {"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", ErrorCode::kCorrupt},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ErrorCode::kCorrupt},
      {"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x'),
       ErrorCode::kCorrupt},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x'), ErrorCode::kCorrupt}};
  Scripted server([&](tcp::socket& socket, int n) {
    read_head(socket);
    say(socket, said.at(static_cast<std::size_t>(n)).first);
    boost::system::error_code ignored;
    socket.shutdown(tcp::socket::shutdown_send, ignored);
    wait_for_its_end(socket);
  });
  const auto client =
      client_for(server.port(), {.max_answer_bytes = 100, .breaker = {.failures = 1'000}});
  for (const auto& [text, code] : said) {
    const auto answer = client->ask({});
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().code, code) << text << ": " << answer.error().message;
    EXPECT_NE(answer.error().message, "");
  }
}

TEST(HttpClientFails, AtOnceWhileTheBreakerIsOpen) {
  ManualClock clock{1'000'000 * kNsPerSecond};
  std::uint16_t port = 0;
  {
    Scripted gone([](tcp::socket&, int) {});
    port = gone.port();
  }
  const auto client =
      client_for(port, {.breaker = {.failures = 2, .retry_after_ms = 1'000}}, clock);
  EXPECT_EQ(client->ask({}).error().code, ErrorCode::kIo);
  EXPECT_EQ(client->ask({}).error().code, ErrorCode::kIo);
  EXPECT_EQ(client->breaker().state(), CircuitBreaker::State::kOpen);
  const auto refused = client->ask({});
  EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
  EXPECT_THAT(refused.error().message, HasSubstr("asked again in 1000 ms"));
  clock.advance(1'000 * kNsPerMs);
  EXPECT_EQ(client->ask({}).error().code, ErrorCode::kIo) << "one tries";
  EXPECT_EQ(client->ask({}).error().code, ErrorCode::kRefused);
}

TEST(HttpClientFails, WhenInterrupted) {
  std::atomic<bool> is_asked = false;
  Scripted server([&](tcp::socket& socket, int) {
    read_head(socket);
    is_asked = true;
    wait_for_its_end(socket);
  });
  const auto client =
      client_for(server.port(), {.timeout = std::chrono::milliseconds(net_testing::kLongMs)});
  std::thread other([&] {
    while (!is_asked) std::this_thread::yield();
    client->interrupt();
  });
  EXPECT_EQ(client->ask({}).error().code, ErrorCode::kRefused);
  EXPECT_EQ(client->ask({}).error().code, ErrorCode::kRefused) << "for good";
  other.join();
}

class HttpClientTls : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "slipstream-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    net_testing::make_certificate(file("mine.pem"), file("mine.key"), "localhost");
    net_testing::make_certificate(file("other.pem"), file("other.key"), "other.example");
    HttpServerOptions options;
    options.port = 0;
    options.tls = TlsContext::load(file("mine.pem"), file("mine.key")).value();
    server_ = HttpServer::open(io_, std::move(options)).value();
    server_->route("POST", "/echo",
                   [](HttpRequest request, const HttpResponder& respond) {
                     respond({.body = request.body, .content_type = "text/plain"});
                   },
                   {.scope = Scope::kOpen});
    server_->start();
    io_.start();
  }
  void TearDown() override {
    io_.stop();
    std::filesystem::remove_all(directory_);
  }
  std::filesystem::path file(const std::string& name) const { return directory_ / name; }
  Result<HttpReply> ask(const std::string& host, const std::filesystem::path& ca) {
    auto client =
        HttpClient::make({.is_tls = true, .host = host, .port = server_->port()}, {.ca_file = ca});
    if (!client) return std::unexpected(client.error());
    return (*client)->ask({"POST", "/echo", {}, std::string(300'000, 'x')});
  }

  std::filesystem::path directory_;
  IoThread io_{"io"};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpClientTls, BelievesTheRightCertificateAlone) {
  const auto answer = ask("localhost", file("mine.pem"));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, std::string(300'000, 'x'));
  EXPECT_EQ(ask("localhost", file("other.pem")).error().code, ErrorCode::kIo) << "not signed by it";
  EXPECT_EQ(ask("localhost", "").error().code, ErrorCode::kIo) << "nor by whom this system trusts";
  EXPECT_EQ(ask("127.0.0.1", file("mine.pem")).error().code, ErrorCode::kIo) << "of another name";
  EXPECT_THAT(ask("localhost", file("none.pem")).error().message, HasSubstr("none.pem"));
}

}  // namespace
}  // namespace slipstream
