// What a server bears: heads too large, senders too slow, connections too many. Time-outs are short
// where they are awaited, and long where they must not come.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <list>
#include <thread>

#include "net/http_server.h"
#include "net/testing.h"

namespace slipstream {
namespace {

using net_testing::get;
using net_testing::kLongMs;
using net_testing::kShortMs;
using net_testing::RawClient;
using testing::HasSubstr;
using testing::StartsWith;

HttpServerOptions patient() {
  return {.port = 0,
          .header_timeout_ms = kLongMs,
          .keep_alive_timeout_ms = kLongMs,
          .body_timeout_ms = kLongMs};
}

class HttpLimits : public testing::Test {
 protected:
  void open(HttpServerOptions options = patient(), ErrorShape error_of_echo = nullptr) {
    server_ = HttpServer::open(io_, std::move(options)).value();
    server_->route("POST", "/echo",
                   [](HttpRequest request, HttpResponder respond) {
                     respond({.body = request.body, .content_type = "text/plain"});
                   },
                   {.error_shape = error_of_echo});
    server_->route("GET", "/hello", [](const HttpRequest& request, const HttpResponder& respond) {
      respond({.body = "hello " + request.address});
    });
    server_->route("GET", "/huge", [](const HttpRequest&, const HttpResponder& respond) {
      respond({.body = std::string(std::size_t{64} << 20, 'x')});
    });
    server_->route("GET", "/never", [this](const HttpRequest&, const HttpResponder& respond) {
      unanswered_.push_back(respond);
    });
    server_->start();
    io_.start();
  }
  void TearDown() override {
    io_.run([this] { unanswered_.clear(); });
    io_.stop();
  }
  RawClient client(const std::string& from = "127.0.0.1") { return RawClient(port(), from); }
  /// Opens a server with room for one connection, which has that now.
  std::unique_ptr<RawClient> take_the_only_room(HttpServerOptions options) {
    options.guard.limits.connections = 1;
    open(std::move(options));
    auto only = std::make_unique<RawClient>(port());
    only->send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    only->read_until("hello");
    return only;
  }
  std::size_t unanswered_count() {
    std::size_t count = 0;
    io_.run([&] { count = unanswered_.size(); });
    return count;
  }
  std::uint16_t port() const { return server_->port(); }
  const HttpGuardStats& stats() const { return server_->guard_stats(); }

  IoThread io_{"io"};
  std::unique_ptr<HttpServer> server_;
  std::vector<HttpResponder> unanswered_;
};

TEST_F(HttpLimits, HeadsAreBounded) {
  open();
  std::string many;
  for (int i = 0; i < 101; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  struct Case {
    std::string what;
    std::string request;
    std::string status;
  };
  for (const auto& [what, request, status] : {
           Case{"a long target", get("/" + std::string(8'192, 'a')), "414"},
           Case{"a target that fits", get("/" + std::string(8'191, 'a')), "404"},
           Case{"an endless request line", "GET /" + std::string(20'000, 'a'), "414"},
           Case{"a long head", get("/hello", "X: " + std::string(16'400, 'x') + "\r\n"), "431"},
           Case{"a head that fits", get("/hello", "X: " + std::string(16'000, 'x') + "\r\n"),
                "200"},
           Case{"many fields", get("/hello", many), "431"},
           Case{"no HTTP", "nonsense\r\n\r\n", "400"},
           Case{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"},
           Case{"two lengths",
                "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                "400"},
           Case{"a body too long",
                "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n", "413"},
       }) {
    EXPECT_THAT(client().ask(request), StartsWith("HTTP/1.1 " + status)) << what;
  }
}

TEST_F(HttpLimits, BodyIsNotAwaitedForARequestThatIsRefusedAnyway) {
  open();
  const std::string head = "POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n";
  EXPECT_THAT(client().ask(head + "Expect: 100-continue\r\n\r\n"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(client().ask(head + "\r\nsome"), HasSubstr("Connection: close"));
}

TEST_F(HttpLimits, WhoeverIsSlowWithAHeadIsCutOff) {
  auto options = patient();
  options.header_timeout_ms = kShortMs;
  open(options);
  auto silent = client();
  auto begun = client();
  begun.send("GET /hello HT");
  EXPECT_EQ(silent.read_to_end(), "");
  EXPECT_EQ(begun.read_to_end(), "");
  EXPECT_EQ(stats().timeouts.value(), 1u) << "who says nothing at all is not counted";
}

TEST_F(HttpLimits, WhoeverTricklesAHeadGetsNoMoreTimeForIt) {
  auto options = patient();
  options.header_timeout_ms = kShortMs;
  open(options);
  auto slow = client();
  slow.send("GET /hello HTTP/1.1\r\n");
  // Each byte comes well within the time-out, the head never.
  while (slow.send("X")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(stats().timeouts.value(), 1u);
}

TEST_F(HttpLimits, WhoeverTricklesABodyIsCutOff) {
  auto options = patient();
  options.body_timeout_ms = kShortMs;
  options.min_bytes_per_second = 1'000'000;
  open(options);
  auto slow = client();
  slow.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
  while (slow.send("X")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(stats().timeouts.value(), 1u);
}

TEST_F(HttpLimits, LargeBodyMayTakeItsTime) {
  auto options = patient();
  options.body_timeout_ms = kShortMs;
  options.min_bytes_per_second = 1'000;  // 20,000 bytes earn 20 s
  open(options);
  auto steady = client();
  const std::string body(20'000, 'b');
  steady.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 20001\r\n\r\n" +
      body);
  std::this_thread::sleep_for(std::chrono::milliseconds(3 * kShortMs));
  EXPECT_THAT(steady.ask("b"), HasSubstr("\r\n\r\n" + body + "b"));
}

TEST_F(HttpLimits, WhoeverDoesNotReadItsAnswerIsCutOff) {
  auto options = patient();
  options.body_timeout_ms = kShortMs;
  options.min_bytes_per_second = 1 << 30;
  open(options);
  auto deaf = client();
  deaf.send(get("/huge"));
  while (stats().timeouts.value() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_LT(deaf.read_to_end().size(), std::size_t{64} << 20);
}

TEST_F(HttpLimits, IdleConnectionIsClosedAfterAPause) {
  auto options = patient();
  options.keep_alive_timeout_ms = kShortMs;
  open(options);
  auto idle = client();
  idle.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(idle.read_to_end(), HasSubstr("hello 127.0.0.1"));
  EXPECT_EQ(stats().timeouts.value(), 0u);
}

TEST_F(HttpLimits, WaitingConnectionsMakeRoomAndBusyOnesDoNot) {
  auto options = patient();
  options.max_connections = 2;
  open(options);
  auto idle = client();
  idle.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.read_until("hello");
  auto busy = client();
  busy.send("GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  while (unanswered_count() == 0) std::this_thread::yield();
  EXPECT_THAT(client().ask(get("/hello")), HasSubstr("hello"));
  EXPECT_EQ(idle.read_to_end(), "") << "it gave its place";
  EXPECT_EQ(stats().made_room.value(), 1u);
  auto other = client();
  other.send("GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  while (unanswered_count() < 2) std::this_thread::yield();
  EXPECT_THAT(client().read_to_end(), StartsWith("HTTP/1.1 503"));
  EXPECT_EQ(stats().server_full.value(), 1u);
}

TEST_F(HttpLimits, AddressHasItsShareOfConnections) {
  auto options = patient();
  options.guard.limits.connections = 2;
  open(options);
  auto first = client();
  auto second = client();
  for (auto* each : {&first, &second}) {
    each->send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    each->read_until("hello");
  }
  EXPECT_THAT(client().read_to_end(), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(client("127.0.0.2").ask(get("/hello")), HasSubstr("hello 127.0.0.2"));
  EXPECT_EQ(stats().address_full.value(), 1u);
  EXPECT_THAT(first.ask(get("/hello")), HasSubstr("hello"));
  first.socket().close();
  while (client().ask(get("/hello")).find("hello 127.0.0.1") == std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST_F(HttpLimits, WhoeverFindsNoRoomCanReadWhy) {
  auto options = patient();
  options.linger_ms = kLongMs;
  const auto only = take_the_only_room(options);
  auto refused = client();
  const auto answer = refused.read_to_end();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  for (const auto* header :
       {"Retry-After: 1", "Connection: close", "X-Content-Type-Options: nosniff",
        "X-Frame-Options: DENY", "Content-Security-Policy: default-src 'none'",
        "Cache-Control: no-store"}) {
    EXPECT_THAT(answer, HasSubstr(std::string("\r\n") + header));
  }
  EXPECT_THAT(answer, HasSubstr("\r\n\r\n{\"ok\":false,\"error\":\"too many connections\"}"));
  // What comes late is read, not answered by a reset: each byte's acknowledgement says so.
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(refused.send(std::string(10'000, 'x')));
  std::list<RawClient> crowd;
  for (std::size_t i = 0; i < 64; ++i) {
    EXPECT_THAT(crowd.emplace_back(port()).read_to_end(), StartsWith("HTTP/1.1 503"));
  }
  while (crowd.back().send("x")) std::this_thread::yield();  // one more than may linger
  EXPECT_TRUE(crowd.front().send("x"));
}

TEST_F(HttpLimits, WhoeverFindsNoRoomDoesNotStay) {
  auto options = patient();
  options.linger_ms = kShortMs;
  const auto only = take_the_only_room(options);
  auto refused = client();
  EXPECT_THAT(refused.read_to_end(), StartsWith("HTTP/1.1 503"));
  while (refused.send("x")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

/// Takes all descriptors that this process may have, of few.
class NoDescriptorsLeft {
 public:
  NoDescriptorsLeft() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit few{.rlim_cur = 200, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    for (int taken = dup(0); taken >= 0; taken = dup(0)) taken_.push_back(taken);
  }
  ~NoDescriptorsLeft() {
    for (const int descriptor : taken_) close(descriptor);
    setrlimit(RLIMIT_NOFILE, &before_);
  }
  NoDescriptorsLeft(const NoDescriptorsLeft&) = delete;
  NoDescriptorsLeft& operator=(const NoDescriptorsLeft&) = delete;

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

TEST_F(HttpLimits, WhereTheProcessHasNoDescriptorLeftNobodyHangs) {
  open();
  auto busy = client();
  busy.send("GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  while (unanswered_count() == 0) std::this_thread::yield();
  auto idle = client();
  idle.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.read_until("hello");
  std::list<RawClient> late;
  for (int i = 0; i < 3; ++i) late.emplace_back();
  {
    const NoDescriptorsLeft none;
    // The first finds what was free in that instant, if anything was.
    for (auto& each : late) each.connect(port());
    EXPECT_THAT(late.back().read_to_end(), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
    EXPECT_TRUE(server_->is_starved());
    EXPECT_GE(stats().no_descriptors.value(), 1u);
    EXPECT_EQ(idle.read_to_end(), "") << "it gave its descriptor back";
  }
  // It looks again after a pause; until then whoever comes is still told to come again.
  while (server_->is_starved()) std::this_thread::yield();
  EXPECT_THAT(client().ask(get("/hello")), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpLimits, AddressHasItsShareOfRequests) {
  auto options = patient();
  options.guard.limits.requests_per_second = 1;
  open(options);
  auto eager = client();
  std::string all;
  for (int i = 0; i < 50; ++i) all += "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto answers = eager.ask(all + get("/hello"));
  EXPECT_THAT(answers, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answers, HasSubstr("HTTP/1.1 429 Too Many Requests"));
  EXPECT_THAT(answers, HasSubstr("\r\nRetry-After: 1\r\n"));
  EXPECT_GT(stats().rate_limited.value(), 0u);
  EXPECT_THAT(client("127.0.0.2").ask(get("/hello")), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpLimits, BodiesTogetherAreBoundedAndThePathSaysSoInItsWords) {
  auto options = patient();
  options.max_bodies_bytes = 100'000;
  open(options, [](HttpResponse& response) {
    response.body = std::to_string(response.status) + " " + response.error;
  });
  auto first = client();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 90001\r\n\r\n";
  first.send(head + std::string(90'000, 'x'));
  std::string refused;
  // The first one's bytes may still be on their way.
  while (refused.find("503") == std::string::npos) {
    auto another = client("127.0.0.2");
    another.send(head + std::string(90'000, 'x'));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (another.socket().available() > 0) refused = another.read_until("received");
  }
  EXPECT_THAT(refused, HasSubstr("Retry-After"));
  EXPECT_THAT(refused, HasSubstr("\r\n\r\n503 too many bodies are being received"));
  first.send("x");
  EXPECT_THAT(first.read_until("xxx"), StartsWith("HTTP/1.1 200"));
}

}  // namespace
}  // namespace slipstream
