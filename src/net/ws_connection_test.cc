// WebSockets on a server of their own, byte by byte. Time-outs are short where they are awaited,
// and long where they must not come.
#include "net/ws_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "net/http_server.h"
#include "net/send_batch.h"
#include "net/testing.h"

namespace slipstream {
namespace {

namespace asio = boost::asio;

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
    server_->websocket("/ws", [this](const std::shared_ptr<WsSession>& session) {
      session->send(Frame::text("welcome"), WsLane::kEvents);
      sessions_.push_back(session);
    });
    server_->start();
    io_.start();
  }
  void TearDown() override { io_.stop(); }

  IoThread io_{"io"};
  std::unique_ptr<HttpServer> server_;
  std::vector<std::shared_ptr<WsSession>> sessions_;  ///< on the I/O thread
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

/// What clients get is the same whether single writes or batches carry it, whatever else is sent
/// before the batch goes, and however little a client's buffer takes.
TEST_F(WsConnectionTest, WritesByBatchKeepTheOrderOfTheQueue) {
  open({.ws_ping_ms = kLongMs, .ws_silence_ms = kLongMs});
  std::deque<RawClient> clients;
  for (int i = 0; i < 4; ++i) {
    auto& client = clients.emplace_back(server_->port());
    client.send("GET /ws HTTP/1.1\r\n" + kHandshakeHeaders);
    client.read_until("welcome");
  }
  const std::string large(std::size_t{6} << 20, 'l');  // more than loopback's buffers hold
  bool is_to_be_had = true;
  io_.run([&] {
    auto batch = SendBatch::open();
    is_to_be_had = batch != nullptr;
    if (!is_to_be_had) return;
    const auto frame = Frame::text(large);
    for (const auto& session : sessions_) {
      session->send(frame, WsLane::kSamples);
      session->flush(*batch);
      session->send(Frame::text("second"), WsLane::kEvents);
      session->flush(*batch);
      EXPECT_EQ(session->unsent_bytes(WsLane::kSamples), frame->plain().size());
    }
    batch->submit();
    for (const auto& session : sessions_) {
      EXPECT_LT(session->unsent_bytes(WsLane::kSamples), frame->plain().size());
      EXPECT_GT(session->unsent_bytes(WsLane::kSamples), 0u) << "a buffer takes that much";
      session->flush(*batch);
      session->send(Frame::text("third"), WsLane::kEvents);
      session->flush(*batch);
    }
    batch->submit();
  });
  if (!is_to_be_had) GTEST_SKIP() << "the kernel offers no io_uring here";
  const std::string expected =
      std::string(Frame::text(large)->plain()) + "\x81\x06second\x81\x05third";
  for (auto& client : clients) EXPECT_TRUE(client.read_until("third") == expected);
  io_.run([&] {
    auto batch = SendBatch::open();
    for (const auto& session : sessions_) {
      session->send(Frame::text("small"), WsLane::kSamples);
      session->flush(*batch);
    }
    batch->submit();
  });
  for (auto& client : clients) EXPECT_EQ(client.read_until("small"), "\x81\x05small");
}

TEST_F(WsConnectionTest, WhoIsClosedWhileInABatchGetsAWholeFrameAndTheGoodbye) {
  open();
  RawClient client(server_->port());
  client.send("GET /ws HTTP/1.1\r\n" + kHandshakeHeaders);
  client.read_until("welcome");
  bool is_to_be_had = true;
  io_.run([&] {
    auto batch = SendBatch::open();
    is_to_be_had = batch != nullptr;
    if (!is_to_be_had) return;
    WsSession& session = *sessions_.front();
    session.send(Frame::text("whole"), WsLane::kSamples);
    session.flush(*batch);
    session.send(Frame::text("dropped"), WsLane::kSamples);
    session.close(WsClose::kTryAgainLater, "slow");
    batch->submit();
  });
  if (!is_to_be_had) GTEST_SKIP() << "the kernel offers no io_uring here";
  EXPECT_EQ(client.read_until("slow"), "\x81\x05whole\x88\x06\x03\xf5slow");
}

/// Never tells anything by itself: what ends the connection is what a batch told.
class DeafStream final : public Stream {
 public:
  DeafStream(int descriptor, asio::any_io_executor executor)
      : descriptor_(descriptor), executor_(std::move(executor)) {}
  void async_read_some(std::span<char>, ReadHandler) override {}
  std::expected<std::size_t, boost::system::error_code> try_write(
      std::span<const iovec> pieces) override {
    std::size_t all = 0;
    for (const iovec& piece : pieces) all += piece.iov_len;
    return all;
  }
  int plain_descriptor() const override { return descriptor_; }
  void async_wait_writable(WaitHandler) override {}
  void shutdown_send() override {}
  void close() override {}
  asio::any_io_executor executor() override { return executor_; }

 private:
  const int descriptor_;
  const asio::any_io_executor executor_;
};

TEST_F(WsConnectionTest, AnErrorThatABatchMetEndsTheConnection) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  ::close(ends[1]);
  io_.start();
  std::promise<void> closed;
  bool is_to_be_had = true;
  io_.run([&] {
    auto batch = SendBatch::open();
    is_to_be_had = batch != nullptr;
    if (!is_to_be_had) return;
    const auto connection = std::make_shared<WsConnection>(
        std::make_unique<DeafStream>(ends[0], io_.context().get_executor()), HttpRequest{},
        WsConnectionOptions{}, nullptr);
    connection->on_close = [&] { closed.set_value(); };
    connection->start("", "");
    connection->send(Frame::text("into the void"), WsLane::kSamples);
    connection->flush(*batch);
    EXPECT_TRUE(connection->is_open());
    batch->submit();
  });
  if (is_to_be_had) {
    EXPECT_EQ(closed.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  }
  ::close(ends[0]);
  if (!is_to_be_had) GTEST_SKIP() << "the kernel offers no io_uring here";
}

}  // namespace
}  // namespace slipstream
