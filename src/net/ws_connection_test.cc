// WebSockets on a server of their own, byte by byte. Time-outs are short where they are awaited,
// and long where they must not come.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_server.h"
#include "net/testing.h"

namespace slipstream {
namespace {

using net_testing::kLongMs;
using net_testing::kShortMs;
using net_testing::RawClient;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kHandshakeHeaders =
    "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

class WsConnectionTest : public testing::Test {
 protected:
  void open(HttpServerOptions options = {}) {
    options.port = 0;
    server_ = HttpServer::open(io_, std::move(options)).value();
    server_->route("GET", "/hello", [](const HttpRequest&, const HttpResponder& respond) {
      respond({.body = "hello"});
    });
    server_->websocket("/ws", [](const std::shared_ptr<WsSession>& session) {
      session->send(Frame::text("welcome"), WsLane::kEvents);
    });
    server_->start();
    io_.start();
  }
  void TearDown() override { io_.stop(); }

  IoThread io_{"io"};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(WsConnectionTest, OldHttpIsNotUpgraded) {
  open();
  EXPECT_THAT(RawClient(server_->port()).ask("GET /ws HTTP/1.0\r\n" + kHandshakeHeaders),
              StartsWith("HTTP/1.1 400 Bad Request"));
}

TEST_F(WsConnectionTest, UpgradeWhileTheServerStopsIsToldSo) {
  open();
  RawClient client(server_->port());
  // In one piece, so that the answer to the first says that the second's beginning is there.
  client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /ws HTTP/1.1\r\n");
  ASSERT_THAT(client.read_until("hello"), EndsWith("hello"));
  server_->stop_accepting();
  io_.run([] {});
  const auto answer = client.ask(kHandshakeHeaders);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 Service Unavailable"));
  EXPECT_THAT(answer, HasSubstr("the server is stopping"));
}

TEST_F(WsConnectionTest, SilenceEndsItWhenItIsOverWhateverTheTimeOfTheNextPing) {
  open({.ws_ping_ms = kLongMs, .ws_silence_ms = kShortMs});
  RawClient silent(server_->port());
  const auto all = silent.ask("GET /ws HTTP/1.1\r\n" + kHandshakeHeaders);
  EXPECT_THAT(all, StartsWith("HTTP/1.1 101"));
  EXPECT_THAT(all, EndsWith("\r\n\r\n\x81\x07welcome"))
      << "and no goodbye, which nobody would hear";
}

TEST_F(WsConnectionTest, PingsComeAtTheirTimeWhateverTheSilence) {
  open({.ws_ping_ms = kShortMs, .ws_silence_ms = kLongMs});
  RawClient client(server_->port());
  client.send("GET /ws HTTP/1.1\r\n" + kHandshakeHeaders);
  const std::string ping("\x89\0", 2);
  EXPECT_THAT(client.read_until(ping + ping), EndsWith(ping + ping));
}

}  // namespace
}  // namespace slipstream
