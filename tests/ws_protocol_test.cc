// RFC 6455 and 7692 against a whole server, byte by byte over a raw socket.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "app/hub_component.h"
#include "harness.h"
#include "net/deflate.h"
#include "net/ws_testing.h"
#include "source/testing.h"

namespace slipstream {
namespace {

namespace asio = boost::asio;
using harness::http;
using harness::Server;
using source_testing::good_point;
using testing::HasSubstr;
using testing::StartsWith;
using ws_testing::client_close;
using ws_testing::client_frame;

/// A client that says exactly what it is told to.
class FrameClient {
 public:
  struct Got {
    WsOpcode opcode = WsOpcode::kContinuation;
    bool deflated = false;
    std::string payload;
    /// Of a close frame.
    unsigned code() const {
      return payload.size() < 2 ? 0
                                : static_cast<unsigned>(static_cast<std::uint8_t>(payload[0]) << 8 |
                                                        static_cast<std::uint8_t>(payload[1]));
    }
  };

  explicit FrameClient(std::uint16_t port, const std::string& more_headers = "",
                       const std::string& behind = "") {
    socket_.connect({asio::ip::address_v4::loopback(), port});
    send(
        fmt::format("GET /ws/realtime HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n{}",
                    more_headers, behind));
    const auto end = asio::read_until(socket_, asio::dynamic_buffer(buffer_), "\r\n\r\n");
    head_ = buffer_.substr(0, end);
    buffer_.erase(0, end);
  }

  const std::string& head() const { return head_; }
  void send(const std::string& bytes) {
    boost::system::error_code ignored;  // the server may have had enough
    asio::write(socket_, asio::buffer(bytes), ignored);
  }
  /// The next frame; nothing: the connection has ended.
  std::optional<Got> read() {
    const auto need = [this](std::size_t bytes) {
      boost::system::error_code error;
      if (buffer_.size() < bytes) {
        asio::read(socket_, asio::dynamic_buffer(buffer_),
                   asio::transfer_exactly(bytes - buffer_.size()), error);
      }
      return buffer_.size() >= bytes;
    };
    if (!need(2)) return std::nullopt;
    const auto byte = [this](std::size_t i) { return static_cast<std::uint8_t>(buffer_[i]); };
    EXPECT_EQ(byte(0) & 0x80, 0x80) << "the server fragments nothing";
    EXPECT_EQ(byte(1) & 0x80, 0) << "the server masks nothing";
    std::size_t size = byte(1);
    std::size_t head = 2;
    if (size >= 126) {
      const std::size_t length = size == 126 ? 2 : 8;
      if (!need(head + length)) return std::nullopt;
      size = 0;
      for (std::size_t i = 0; i < length; ++i) size = size << 8 | byte(head + i);
      head += length;
    }
    if (!need(head + size)) return std::nullopt;
    Got got{static_cast<WsOpcode>(byte(0) & 0x0f), (byte(0) & 0x40) != 0,
            buffer_.substr(head, size)};
    buffer_.erase(0, head + size);
    return got;
  }
  /// The code of the close frame; 0: the connection ended without one.
  unsigned closed_with() {
    while (const auto got = read()) {
      if (got->opcode == WsOpcode::kClose) return got->code();
    }
    return 0;
  }
  bool has_ended() { return !read(); }
  asio::ip::tcp::socket& socket() { return socket_; }

 private:
  asio::io_context context_;
  asio::ip::tcp::socket socket_{context_};
  std::string buffer_;
  std::string head_;
};

const std::string kPing = R"({"type":"ping"})";
const std::string kPong = R"({"type":"pong"})";

TEST(WsProtocol, MessageMayComeInFragmentsWithPingsBetween) {
  Server server;
  FrameClient client(server.port());
  client.send(client_frame(WsOpcode::kText, R"({"type")", {.final = false}) +
              client_frame(WsOpcode::kPing, "between") +
              client_frame(WsOpcode::kContinuation, R"(:"pi)", {.final = false}) +
              client_frame(WsOpcode::kPong, "unasked") +
              client_frame(WsOpcode::kContinuation, R"(ng"})"));
  std::set<std::string> got;
  for (int i = 0; i < 2; ++i) {
    const auto frame = client.read().value();
    got.insert(fmt::format("{} {}", static_cast<int>(frame.opcode), frame.payload));
  }
  EXPECT_EQ(got, (std::set<std::string>{"10 between", "1 " + kPong}));
}

TEST(WsProtocol, WhatComesRightBehindTheHandshakeIsHeard) {
  Server server;
  FrameClient client(server.port(), "", client_frame(WsOpcode::kText, kPing));
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 101 "));
  EXPECT_EQ(client.read()->payload, kPong);
}

TEST(WsProtocol, FaultsAreClosedWithTheCodeThatFits) {
  Server server;
  const std::pair<std::string, unsigned> cases[] = {
      {client_frame(WsOpcode::kText, kPing, {.masked = false}), 1002},
      {client_frame(WsOpcode::kText, kPing, {.reserved = 2}), 1002},
      {client_frame(WsOpcode::kText, kPing, {.reserved = 4}), 1002},
      {client_frame(static_cast<WsOpcode>(5), ""), 1002},
      {client_frame(WsOpcode::kContinuation, "x"), 1002},
      {client_frame(WsOpcode::kPing, std::string(126, 'p')), 1002},
      {client_frame(WsOpcode::kPing, "p", {.final = false}), 1002},
      {client_close(1005), 1002},
      {client_frame(WsOpcode::kText, "\xff\xfe"), 1007},
      {client_frame(WsOpcode::kBinary, kPing), 1003},
      {client_frame(WsOpcode::kText, std::string((1 << 20) + 1, ' ')), 1009},
      {client_close(1000, "bye"), 1000},
      {client_close(4321), 4321},
      {client_frame(WsOpcode::kClose, ""), 1000},
  };
  for (const auto& [bytes, code] : cases) {
    FrameClient client(server.port());
    client.send(bytes);
    EXPECT_EQ(client.closed_with(), code) << testing::PrintToString(bytes.substr(0, 20));
    client.send(client_close(1000));
    EXPECT_TRUE(client.has_ended());
  }
}

TEST(WsProtocol, MessageOfExactlyOneMebibyteIsTaken) {
  Server server;
  FrameClient client(server.port());
  std::string text = kPing;
  text.resize(1 << 20, ' ');
  client.send(client_frame(WsOpcode::kText, text));
  EXPECT_EQ(client.read()->payload, kPong);
}

TEST(WsProtocol, PingsAreAnsweredAndAFloodOfThemIsClosed) {
  Server server;
  FrameClient client(server.port());
  client.send(client_frame(WsOpcode::kPing, "one"));
  EXPECT_EQ(client.read()->payload, "one");
  std::string flood;
  for (int i = 0; i < 5'000; ++i) flood += client_frame(WsOpcode::kPing, "flood");
  client.send(flood);
  EXPECT_EQ(client.closed_with(), 1008u);
}

TEST(WsProtocol, DeflatedMessagesGoBothWays) {
  Server server;
  FrameClient client(server.port(), "Sec-WebSocket-Extensions: permessage-deflate\r\n");
  EXPECT_THAT(client.head(), HasSubstr("permessage-deflate; server_no_context_takeover; "
                                       "client_no_context_takeover"));
  std::string deflated;
  append_deflated(deflated, kPing);
  client.send(client_frame(WsOpcode::kText, deflated, {.reserved = 4}));
  const auto pong = client.read().value();
  EXPECT_FALSE(pong.deflated) << "too small to be worth it";
  EXPECT_EQ(pong.payload, kPong);

  deflated.clear();
  append_deflated(deflated, R"({"type":"subscribe","channels":["telemetry"]})");
  client.send(client_frame(WsOpcode::kText, deflated, {.reserved = 4}));
  EXPECT_THAT(client.read()->payload, HasSubstr("subscribed"));
  std::string body;
  for (int i = 0; i < 20; ++i) body += good_point("car") + "\n";
  ASSERT_EQ(http(server.port(), "POST", "/api/ingest", body).status, 200u);
  const auto update = client.read().value();
  ASSERT_TRUE(update.deflated);
  const auto text = inflate_message(update.payload, 1 << 20).value();
  EXPECT_THAT(text, StartsWith(R"({"type":"telemetry_update")"));
  EXPECT_LT(update.payload.size(), text.size() / 2);
}

TEST(WsProtocol, MessageThatInflatesBeyondTheLimitIsTooLarge) {
  Server server;
  const std::string offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
  std::string bomb;
  append_deflated(bomb, std::string(64 << 20, ' '));
  FrameClient client(server.port(), offer);
  client.send(client_frame(WsOpcode::kText, bomb, {.reserved = 4}));
  EXPECT_EQ(client.closed_with(), 1009u);
  FrameClient broken(server.port(), offer);
  broken.send(client_frame(WsOpcode::kText, "\xff\xff\xff\xff", {.reserved = 4}));
  EXPECT_EQ(broken.closed_with(), 1007u);
}

TEST(WsProtocol, DeflateIsNotOfferedWhereItIsSwitchedOff) {
  Server server({{"WS_DEFLATE", "false"}});
  FrameClient client(server.port(), "Sec-WebSocket-Extensions: permessage-deflate\r\n");
  EXPECT_THAT(client.head(), testing::Not(HasSubstr("permessage-deflate")));
}

TEST(WsProtocol, HandshakesThatAreWrongAreRefused) {
  Server server;
  const auto status = [&](const harness::Headers& headers, const char* path = "/ws/realtime") {
    return http(server.port(), "GET", path, "", headers);
  };
  const std::pair<std::string, std::string> upgrade{"Upgrade", "websocket"};
  const std::pair<std::string, std::string> connection{"Connection", "Upgrade"};
  const std::pair<std::string, std::string> version{"Sec-WebSocket-Version", "13"};
  const std::pair<std::string, std::string> key{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="};
  EXPECT_EQ(status({upgrade, version, key}).status, 400u);
  EXPECT_EQ(status({upgrade, connection, version}).status, 400u);
  EXPECT_EQ(status({upgrade, connection, version, {"Sec-WebSocket-Key", "c2hvcnQ="}}).status, 400u);
  const auto old = status({upgrade, connection, key, {"Sec-WebSocket-Version", "8"}});
  EXPECT_EQ(old.status, 426u);
  EXPECT_EQ(old.headers.at("sec-websocket-version"), "13");
  const auto plain = status({});
  EXPECT_EQ(plain.status, 426u);
  EXPECT_EQ(plain.headers.at("upgrade"), "websocket");
  EXPECT_EQ(status({upgrade, connection, version, key}, "/ws/elsewhere").status, 404u);
}

TEST(WsProtocol, SlowClientIsClosedWith1013WhenItAskedForThat) {
  Server server({{"MAX_WS_BUFFER", "100000"}, {"BATCH_MS", "3600000"}});
  FrameClient client(server.port());
  client.socket().set_option(asio::socket_base::receive_buffer_size(16'384));
  client.send(client_frame(WsOpcode::kText, R"({"type":"subscribe","policy":"disconnect"})"));
  EXPECT_THAT(client.read()->payload, HasSubstr("subscribed"));
  const auto& stats = server.component<HubComponent>().hub().stats();
  const std::string note(20'000, 'n');
  while (stats.skipped() == 0) {
    ASSERT_EQ(http(server.port(), "POST", "/api/ingest?durability=received",
                   fmt::format(R"({{"track":"cota","chassis":"a","note":"{}"}})", note))
                  .status,
              200u);
  }
  EXPECT_EQ(client.closed_with(), 1013u);
}

}  // namespace
}  // namespace slipstream
