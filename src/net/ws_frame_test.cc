#include "net/ws_frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "net/deflate.h"
#include "net/frame.h"
#include "net/ws_handshake.h"
#include "net/ws_testing.h"

namespace slipstream {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using ws_testing::client_close;
using ws_testing::client_frame;

/// All that comes of the bytes, given in pieces of a size: "text:..", "ping:..", "close 1000:..",
/// "fault 1002".
std::vector<std::string> parse(std::string_view bytes, WsFrameParser::Options options = {},
                               std::size_t piece = 1 << 20) {
  static constexpr const char* kNames[] = {"?", "text", "binary", "?",    "?",   "?",
                                           "?", "?",    "close",  "ping", "pong"};
  std::vector<std::string> found;
  WsFrameParser parser(options);
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    parser.feed(part);
    while (true) {
      auto next = parser.next();
      if (!next) {
        found.push_back("fault " + std::to_string(next.error().code));
        return found;
      }
      if (!*next) break;
      std::string name = kNames[static_cast<std::size_t>((*next)->opcode)];
      if ((*next)->opcode == WsOpcode::kClose) name += " " + std::to_string((*next)->code);
      found.push_back(name + ":" + (*next)->payload);
    }
  }
  return found;
}
using Found = std::vector<std::string>;

TEST(WsFrame, HeadsAreAsShortAsTheyCanBe) {
  const auto head = [](std::uint64_t size) {
    std::string out;
    append_frame_head(out, WsOpcode::kText, size);
    return out;
  };
  EXPECT_EQ(head(125), std::string("\x81\x7d"));
  EXPECT_EQ(head(126), std::string("\x81\x7e\x00\x7e", 4));
  EXPECT_EQ(head(65'535), std::string("\x81\x7e\xff\xff", 4));
  EXPECT_EQ(head(65'536), std::string("\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10));
}

TEST(WsFrame, MessagesAreFoundHoweverTheBytesAreCut) {
  const std::string long_text(70'000, 'x');
  const std::string bytes = client_frame(WsOpcode::kText, "one") +
                            client_frame(WsOpcode::kText, "") +
                            client_frame(WsOpcode::kText, std::string(200, 'y')) +
                            client_frame(WsOpcode::kText, long_text) +
                            client_frame(WsOpcode::kBinary, "\xff") + client_close(1000, "bye");
  const Found expected = {"text:one",          "text:",       "text:" + std::string(200, 'y'),
                          "text:" + long_text, "binary:\xff", "close 1000:bye"};
  for (const std::size_t piece : {1, 2, 3, 5, 7, 13, 4'096, 1'000'000}) {
    EXPECT_EQ(parse(bytes, {}, piece), expected) << piece;
  }
}

TEST(WsFrame, ControlFramesMayComeAmidAFragmentedMessage) {
  const auto bytes = client_frame(WsOpcode::kText, "Hel", {.final = false}) +
                     client_frame(WsOpcode::kPing, "are you there") +
                     client_frame(WsOpcode::kContinuation, "", {.final = false}) +
                     client_frame(WsOpcode::kPong, "") +
                     client_frame(WsOpcode::kContinuation, "lo") +
                     client_frame(WsOpcode::kText, "next");
  EXPECT_EQ(parse(bytes), (Found{"ping:are you there", "pong:", "text:Hello", "text:next"}));
}

TEST(WsFrame, CharacterMayBeCutByFragments) {
  EXPECT_EQ(parse(client_frame(WsOpcode::kText, "\xe2\x82", {.final = false}) +
                  client_frame(WsOpcode::kContinuation, "\xac")),
            Found{"text:\xe2\x82\xac"});
}

TEST(WsFrame, WhatIsAgainstTheProtocolIsAFault) {
  const auto head = [](std::initializer_list<int> bytes) {
    std::string out;
    for (const int b : bytes) out += static_cast<char>(b);
    return out;
  };
  const std::pair<std::string, const char*> cases[] = {
      {client_frame(WsOpcode::kText, "x", {.masked = false}), "fault 1002"},
      {client_frame(WsOpcode::kText, "x", {.reserved = 4}), "fault 1002"},
      {client_frame(WsOpcode::kText, "x", {.reserved = 2}), "fault 1002"},
      {client_frame(WsOpcode::kText, "x", {.reserved = 1}), "fault 1002"},
      {client_frame(static_cast<WsOpcode>(3), "x"), "fault 1002"},
      {client_frame(static_cast<WsOpcode>(7), "x"), "fault 1002"},
      {client_frame(static_cast<WsOpcode>(11), "x"), "fault 1002"},
      {client_frame(static_cast<WsOpcode>(15), "x"), "fault 1002"},
      {client_frame(WsOpcode::kContinuation, "x"), "fault 1002"},
      {client_frame(WsOpcode::kPing, "x", {.final = false}), "fault 1002"},
      {client_frame(WsOpcode::kPing, std::string(126, 'x')), "fault 1002"},
      {head({0x81, 0xfe, 0, 125, 1, 2, 3, 4}), "fault 1002"},
      {head({0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4}), "fault 1002"},
      {head({0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}), "fault 1002"},
      {head({0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 1, 1, 2, 3, 4}), "fault 1009"},
      {client_frame(WsOpcode::kText, "\xff"), "fault 1007"},
      {client_frame(WsOpcode::kText, "\xc0\xaf"), "fault 1007"},
      {client_frame(WsOpcode::kText, "\xed\xa0\x80"), "fault 1007"},
      {client_frame(WsOpcode::kText, "\xf4\x90\x80\x80"), "fault 1007"},
      {client_frame(WsOpcode::kText, "\xe2\x82"), "fault 1007"},
      {client_frame(WsOpcode::kClose, "x"), "fault 1002"},
      {client_close(1000, "\xff"), "fault 1007"},
  };
  for (const auto& [bytes, fault] : cases) {
    for (const std::size_t piece : {1, 1'000'000}) {
      EXPECT_EQ(parse(bytes, {}, piece), Found{fault}) << testing::PrintToString(bytes);
    }
  }
  EXPECT_EQ(parse(client_frame(WsOpcode::kText, "a", {.final = false}) +
                  client_frame(WsOpcode::kText, "b")),
            Found{"fault 1002"});
}

TEST(WsFrame, CloseCodesAreThoseThatMayBeSent) {
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
                         3000, 3999, 4000, 4999}) {
    EXPECT_EQ(parse(client_close(static_cast<std::uint16_t>(code))),
              Found{"close " + std::to_string(code) + ":"});
  }
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65'535}) {
    EXPECT_EQ(parse(client_close(static_cast<std::uint16_t>(code))), Found{"fault 1002"}) << code;
  }
  EXPECT_EQ(parse(client_frame(WsOpcode::kClose, "")), Found{"close 1005:"});
  EXPECT_EQ(parse(client_close(1000) + client_frame(WsOpcode::kText, "late")),
            Found{"close 1000:"});
}

TEST(WsFrame, MessageMayBeAsLargeAsTheLimitAndNoLarger) {
  const WsFrameParser::Options options{.max_message_bytes = 1'000};
  const auto both = [&](std::size_t first, std::size_t second) {
    return parse(client_frame(WsOpcode::kText, std::string(first, 'a'), {.final = false}) +
                     client_frame(WsOpcode::kContinuation, std::string(second, 'b')),
                 options);
  };
  EXPECT_THAT(both(400, 600).at(0), StartsWith("text:"));
  EXPECT_EQ(both(400, 601), Found{"fault 1009"});
  EXPECT_EQ(parse(client_frame(WsOpcode::kText, std::string(1'001, 'a')).substr(0, 8), options),
            Found{"fault 1009"})
      << "as soon as its length is known";
}

std::string deflated(std::string_view text) {
  std::string out;
  append_deflated(out, text);
  return out;
}

TEST(WsFrame, DeflatedMessagesAreInflatedWithinTheLimit) {
  const WsFrameParser::Options options{.max_message_bytes = 10'000, .deflate = true};
  const std::string text(10'000, 'z');
  EXPECT_EQ(parse(client_frame(WsOpcode::kText, deflated(text), {.reserved = 4}) +
                      client_frame(WsOpcode::kText, "plain"),
                  options),
            (Found{"text:" + text, "text:plain"}));
  EXPECT_EQ(parse(client_frame(WsOpcode::kText, deflated(text + "z"), {.reserved = 4}), options),
            Found{"fault 1009"});
  EXPECT_EQ(
      parse(client_frame(WsOpcode::kText, deflated(std::string(100 << 20, '\0')), {.reserved = 4}),
            {.deflate = true}),
      Found{"fault 1009"});
  EXPECT_EQ(parse(client_frame(WsOpcode::kText, "\xff\xff\xff", {.reserved = 4}), options),
            Found{"fault 1007"});
  EXPECT_EQ(parse(client_frame(WsOpcode::kText, deflated("\xff"), {.reserved = 4}), options),
            Found{"fault 1007"});
  const std::string whole = deflated("in two");
  EXPECT_EQ(
      parse(client_frame(WsOpcode::kText, whole.substr(0, 3), {.final = false, .reserved = 4}) +
                client_frame(WsOpcode::kContinuation, whole.substr(3)),
            options),
      Found{"text:in two"});
  EXPECT_EQ(parse(client_frame(WsOpcode::kText, "a", {.final = false, .reserved = 4}) +
                      client_frame(WsOpcode::kContinuation, "b", {.reserved = 4}),
                  options),
            Found{"fault 1002"})
      << "the bit belongs to the first frame only";
  EXPECT_EQ(parse(client_frame(WsOpcode::kPing, "a", {.reserved = 4}), options),
            Found{"fault 1002"});
}

RC_GTEST_PROP(WsFrame, AnyMessagesComeThroughAnyCuts, ()) {
  const auto texts = *rc::gen::container<std::vector<std::string>>(
      rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127)));
  const auto piece = *rc::gen::inRange<std::size_t>(1, 40);
  std::string bytes;
  Found expected;
  for (const auto& text : texts) {
    const auto mask = *rc::gen::arbitrary<std::array<std::uint8_t, 4>>();
    const auto cut = *rc::gen::inRange<std::size_t>(0, text.size() + 1);
    const bool deflate = *rc::gen::arbitrary<bool>();
    const std::string payload = deflate ? deflated(text) : text;
    const auto at = std::min(cut, payload.size());
    const auto reserved = static_cast<std::uint8_t>(deflate ? 4 : 0);
    bytes += client_frame(WsOpcode::kText, payload.substr(0, at),
                          {.final = false, .reserved = reserved, .mask = mask});
    if (*rc::gen::arbitrary<bool>()) {
      bytes += client_frame(WsOpcode::kPing, "p", {.mask = mask});
      expected.push_back("ping:p");
    }
    bytes += client_frame(WsOpcode::kContinuation, payload.substr(at), {.mask = mask});
    expected.push_back("text:" + text);
  }
  RC_ASSERT(parse(bytes, {.deflate = true}, piece) == expected);
}

TEST(Frame, IsDeflatedOnceAndOnlyWhereThatIsShorter) {
  const auto long_frame = Frame::text(std::string(5'000, 'a'));
  EXPECT_LT(long_frame->deflated().size(), 100u);
  EXPECT_EQ(long_frame->deflated().data(), long_frame->deflated().data());
  const auto payload = long_frame->deflated().substr(2);
  EXPECT_EQ(inflate_message(payload, 1 << 20).value(), std::string(5'000, 'a'));
  const auto short_frame = Frame::text("hello");
  EXPECT_EQ(short_frame->deflated(), short_frame->plain());
  std::string noise;
  for (std::uint32_t i = 0, x = 1; i < 1'000; ++i) {
    x = x * 1'664'525u + 1'013'904'223u;
    noise += static_cast<char>(x >> 24);
  }
  const auto noisy = Frame::text(noise);
  EXPECT_EQ(noisy->deflated(), noisy->plain());
}

HttpRequest handshake_request() {
  HttpRequest request;
  request.method = "GET";
  request.path = "/ws";
  request.headers = {{"Upgrade", "websocket"},
                     {"Connection", "keep-alive, Upgrade"},
                     {"Sec-WebSocket-Version", "13"},
                     {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  return request;
}

TEST(WsHandshake, IsAnsweredAsTheStandardsExample) {
  const auto handshake = answer_handshake(handshake_request(), "test", true);
  ASSERT_TRUE(handshake);
  EXPECT_FALSE(handshake->deflate);
  EXPECT_THAT(handshake->answer, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(handshake->answer,
              HasSubstr("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
}

TEST(WsHandshake, MistakesAreToldApart) {
  const auto with = [](const char* name, const char* value) {
    auto request = handshake_request();
    std::erase_if(request.headers, [&](const auto& header) { return header.first == name; });
    if (value != nullptr) request.headers.emplace_back(name, value);
    const auto handshake = answer_handshake(request, "test", true);
    return handshake ? 101u : handshake.error().status;
  };
  EXPECT_EQ(with("Connection", "UPGRADE"), 101u);
  EXPECT_EQ(with("Connection", "close"), 400u);
  EXPECT_EQ(with("Sec-WebSocket-Version", "8"), 426u);
  EXPECT_EQ(with("Sec-WebSocket-Version", nullptr), 426u);
  for (const char* key : {static_cast<const char*>(nullptr), "",
                          "short==", "dGhlIHNhbXBsZSBub25jZQ=a", "!!hlIHNhbXBsZSBub25jZQ=="}) {
    EXPECT_EQ(with("Sec-WebSocket-Key", key), 400u);
  }
  auto post = handshake_request();
  post.method = "POST";
  EXPECT_EQ(answer_handshake(post, "test", true).error().status, 400u);
  EXPECT_EQ(upgrade_required("x").status, 426u);
}

TEST(WsHandshake, DeflateIsAgreedOnWhereItsTermsCanBeKept) {
  const auto agreed = [](const char* offer) {
    auto request = handshake_request();
    request.headers.emplace_back("Sec-WebSocket-Extensions", offer);
    return answer_handshake(request, "test", true)->deflate;
  };
  EXPECT_TRUE(agreed("permessage-deflate"));
  EXPECT_TRUE(agreed("permessage-deflate; client_max_window_bits"));
  EXPECT_TRUE(agreed("permessage-deflate; client_max_window_bits=\"10\""));
  EXPECT_TRUE(agreed("permessage-deflate;server_no_context_takeover;client_no_context_takeover"));
  EXPECT_TRUE(agreed("x-other, permessage-deflate; server_max_window_bits=15"));
  EXPECT_TRUE(agreed("permessage-deflate; server_max_window_bits=10, permessage-deflate"));
  EXPECT_FALSE(agreed("permessage-deflate; server_max_window_bits=10"));
  EXPECT_FALSE(agreed("permessage-deflate; server_max_window_bits"));
  EXPECT_FALSE(agreed("permessage-deflate; client_max_window_bits=7"));
  EXPECT_FALSE(agreed("permessage-deflate; server_no_context_takeover=1"));
  EXPECT_FALSE(agreed("permessage-deflate; client_max_window_bits; client_max_window_bits"));
  EXPECT_FALSE(agreed("permessage-deflate; other"));
  EXPECT_FALSE(agreed("x-webkit-deflate-frame"));
  auto request = handshake_request();
  request.headers.emplace_back("Sec-WebSocket-Extensions", "permessage-deflate");
  EXPECT_FALSE(answer_handshake(request, "test", false)->deflate);
}

}  // namespace
}  // namespace slipstream
