#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "net/body_encoding.h"
#include "net/http_server.h"
#include "net/packed_testing.h"
#include "net/router.h"

namespace slipstream {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Target, IsDecodedIntoPathAndQuery) {
  HttpRequest request;
  ASSERT_TRUE(parse_target("/a%20b/c?x=1%262&y=a+b&z&=v", request));
  EXPECT_EQ(request.path, "/a b/c");
  EXPECT_EQ(request.query_value("x"), "1&2");
  EXPECT_EQ(request.query_value("y"), "a b");
  EXPECT_EQ(request.query_value("z"), "");
  EXPECT_FALSE(request.query_value("w"));
  for (const auto bad : {"", "a", "/%", "/%4", "/%zz", "http://x/"}) {
    HttpRequest other;
    EXPECT_FALSE(parse_target(bad, other)) << bad;
  }
}

TEST(Router, FindsByMethodAndSegments) {
  Router router;
  router.add("GET", "/", nullptr);
  router.add("GET", "/api/recent/:n", nullptr);
  router.add("POST", "/api/recent/:n", nullptr);
  HttpRequest request;
  const auto find = [&](const char* method, const char* path) {
    request.method = method;
    request.path = path;
    return router.find(request);
  };
  EXPECT_NE(find("GET", "/api/recent/5").handler, nullptr);
  EXPECT_EQ(request.path_parameter("n"), "5");
  EXPECT_NE(find("HEAD", "/").handler, nullptr);
  EXPECT_EQ(find("GET", "/api/recent").handler, nullptr);
  EXPECT_EQ(find("GET", "/api/recent/5/6").handler, nullptr);
  EXPECT_EQ(find("PUT", "/api/recent/5").allowed, "GET, HEAD, POST");
}

TEST(Router, AParameterThatARouteDoesNotNameIsToldByTheNearestThatItDoes) {
  HttpRequest request;
  request.query = {{"window", "w"}, {"chasis", "a"}};
  const auto wrong = [&](const RouteParameters& parameters) {
    return unknown_parameter(request, parameters).value_or("");
  };
  EXPECT_EQ(wrong({.names = {"window", "chassis"}}),
            "there is no parameter 'chasis'; is 'chassis' meant?");
  EXPECT_EQ(wrong({.names = {"window", "limit"}}),
            "there is no parameter 'chasis': there are window, limit");
  EXPECT_EQ(wrong({}), "there is no parameter 'window': this path has none");
  EXPECT_EQ(wrong({.names = {"window", "chasis"}}), "");
  EXPECT_EQ(wrong({.passes_over_others = true}), "");
  request.query = {};
  EXPECT_EQ(wrong({}), "");
  // Whoever adds a route and says nothing gets none.
  Router router;
  router.add("GET", "/a", nullptr);
  request.method = "GET";
  request.path = "/a";
  EXPECT_FALSE(router.find(request).parameters->passes_over_others);
}

/// A server that echoes, and raw bytes to and from it.
class HttpServerTest : public testing::Test {
 protected:
  void open(HttpServerOptions options = {}) {
    options.port = 0;
    server_ = HttpServer::open(io_, options).value();
    server_->route("POST", "/echo", [](HttpRequest request, HttpResponder respond) {
      respond({.body = request.body, .content_type = "text/plain"});
    });
    server_->route("GET", "/later", [this](const HttpRequest&, HttpResponder respond) {
      later_.emplace_back([respond] { respond({.body = "later"}); });
    });
    server_->route("GET", "/forgotten", [](const HttpRequest&, const HttpResponder&) {});
    server_->websocket("/ws", [](const std::shared_ptr<WsSession>& session) {
      session->send(Frame::text("welcome"), WsLane::kEvents);
    });
    server_->start();
    io_.start();
  }
  void TearDown() override { io_.stop(); }

  asio::ip::tcp::socket connect() {
    asio::ip::tcp::socket socket(context_);
    socket.connect({asio::ip::address_v4::loopback(), server_->port()});
    return socket;
  }
  /// All that comes until the server closes.
  std::string talk(const std::string& text) {
    auto socket = connect();
    boost::system::error_code error;
    asio::write(socket, asio::buffer(text), error);
    std::string answer;
    asio::read(socket, asio::dynamic_buffer(answer), error);
    return answer;
  }

  asio::io_context context_;
  IoThread io_{"io"};
  std::unique_ptr<HttpServer> server_;
  std::vector<std::jthread> later_;  // what they hold of a connection goes before its loop
};

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  open();
  const auto answer = talk(
      "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nfirst"
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: "
      "close\r\n\r\n3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n");
  const auto later = answer.find("later");
  const auto first = answer.find("first");
  const auto second = answer.find("second");
  ASSERT_NE(second, std::string::npos) << answer;
  EXPECT_LT(later, first);
  EXPECT_LT(first, second);
}

TEST_F(HttpServerTest, ForgottenRequestIsAnswered500) {
  open();
  EXPECT_THAT(talk("GET /forgotten HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 500"));
}

TEST_F(HttpServerTest, RefusesWhatIsNoHttpAndWhatIsTooLarge) {
  open({.max_body_bytes = 10});
  EXPECT_THAT(talk("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(talk("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(talk("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello "
                   "world\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(talk("GET /% HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpServerTest, ContinueIsSaidWhereItIsAwaited) {
  open();
  auto socket = connect();
  asio::write(socket,
              asio::buffer(std::string("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: "
                                       "2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")));
  std::string text;
  asio::read_until(socket, asio::dynamic_buffer(text), "\r\n\r\n");
  EXPECT_THAT(text, StartsWith("HTTP/1.1 100 Continue"));
  asio::write(socket, asio::buffer(std::string("ok")));
  boost::system::error_code end;
  asio::read(socket, asio::dynamic_buffer(text), end);
  EXPECT_THAT(text, HasSubstr("\r\n\r\nok"));
}

TEST_F(HttpServerTest, StopClosesIdleConnections) {
  open();
  auto idle = connect();
  asio::write(idle, asio::buffer(std::string("GET /later HTTP/1.1\r\nHost: x\r\n\r\n")));
  std::string text;
  asio::read_until(idle, asio::dynamic_buffer(text), "later");
  server_->stop_accepting();
  boost::system::error_code end;
  asio::read(idle, asio::dynamic_buffer(text), end);
  EXPECT_EQ(end, asio::error::eof);
}

TEST_F(HttpServerTest, SessionIsKnownBeforeItsHandshakeIsAnswered) {
  open();
  auto socket = connect();
  asio::write(socket,
              asio::buffer(std::string("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")));
  std::string text;
  asio::read_until(socket, asio::dynamic_buffer(text), "welcome");
  EXPECT_THAT(text, StartsWith("HTTP/1.1 101"));
  EXPECT_THAT(text, HasSubstr("\r\n\r\n\x81\x07welcome"));
}

TEST(BodyEncoding, RefusesWhatItDoesNotKnowOrIsBroken) {
  EXPECT_EQ(decode_body("x", "br", 10).error(), DecodeFault::kUnsupported);
  EXPECT_EQ(decode_body("x", "gzip", 10).error(), DecodeFault::kMalformed);
  EXPECT_EQ(decode_body("x", "zstd", 10).error(), DecodeFault::kMalformed);
  EXPECT_EQ(decode_body("", "gzip", 10).error(), DecodeFault::kMalformed);
  EXPECT_EQ(decode_body("as it is", "", 10).value(), "as it is");
}

TEST(BodyEncoding, PassesOverZerosBehindWhatIsPackedAndNothingElse) {
  const std::string text = "{\"track\":\"a\"}";
  for (const std::string encoding : {"gzip", "zstd"}) {
    const std::string packed = encoding == "gzip" ? harness::gzip(text) : harness::zstd(text);
    EXPECT_EQ(decode_body(packed + std::string(3, '\0'), encoding, 100).value(), text) << encoding;
    EXPECT_EQ(decode_body(packed + packed, encoding, 100).value(), text + text) << encoding;
    EXPECT_EQ(decode_body(packed + std::string(3, '\0') + "x", encoding, 100).error(),
              DecodeFault::kMalformed)
        << encoding;
  }
}

}  // namespace
}  // namespace slipstream
