// Where a request ends (RFC 9112): what each way to say it gets, whether the connection goes on,
// and that nothing behind it is ever taken for a request that might not be one.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>

#include "net/http_server.h"
#include "net/request_testing.h"
#include "net/testing.h"

namespace slipstream {
namespace {

using net_testing::get;
using net_testing::kLongMs;
using net_testing::RawClient;
using net_testing::read_requests;
using testing::HasSubstr;
using testing::StartsWith;

class HttpFraming : public testing::Test {
 protected:
  void SetUp() override {
    server_ = HttpServer::open(io_, {.port = 0,
                                     .max_body_bytes = 1'000,
                                     .header_timeout_ms = kLongMs,
                                     .body_timeout_ms = kLongMs})
                  .value();
    const auto echo = [](const HttpRequest& request, const HttpResponder& respond) {
      respond({.body = request.method + " on " + std::string(request.header("Host")) + ": <" +
                       request.body + ">",
               .content_type = "text/plain"});
    };
    for (const auto* method : {"GET", "POST"}) {
      server_->route(method, "/echo", echo, {.parameters = {.names = {"a"}}});
    }
    server_->route("GET", "/hidden", [this](const HttpRequest&, const HttpResponder& respond) {
      ++hidden_;
      respond({.body = "hidden"});
    });
    server_->route("GET", "/next", [](const HttpRequest&, const HttpResponder& respond) {
      respond({.body = "the next one"});
    });
    server_->websocket("/ws", [](const std::shared_ptr<WsSession>&) {});
    server_->start();
    io_.start();
  }
  void TearDown() override { io_.stop(); }
  /// All that the server says to the bytes and to the request behind them.
  std::string ask(const std::string& bytes) {
    return RawClient(server_->port()).ask(bytes + get("/next"));
  }

  std::atomic<int> hidden_ = 0;
  IoThread io_{"io"};
  std::unique_ptr<HttpServer> server_;
};

const std::string kHidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";

/// A POST with these header lines, and what stands behind its head.
std::string post(const std::string& lines, const std::string& rest = "",
                 const std::string& version = "1.1") {
  return "POST /echo HTTP/" + version + "\r\nHost: x\r\n" + lines + "\r\n" + rest;
}
std::string chunked(const std::string& rest) {
  return post("Transfer-Encoding: chunked\r\n", rest);
}
std::string line(const std::string& request_line) {
  return request_line + "\r\nHost: x\r\n\r\n";
}
std::string with(const std::string& field_lines) {
  return "GET /echo HTTP/1.1\r\n" + field_lines + "\r\n";
}

enum class Then { kGoesOn, kCloses };

struct FramingCase {
  std::string what;
  std::string bytes;
  unsigned status;
  Then then;
  std::string body = {};  ///< as echoed, where it is taken
};

TEST_F(HttpFraming, EachWayToSayItGetsWhatTheStandardSays) {
  constexpr auto kGoesOn = Then::kGoesOn;
  constexpr auto kCloses = Then::kCloses;
  const std::string te = "Transfer-Encoding: ";
  const std::string cl = "Content-Length: ";
  const std::string two = "2\r\nok\r\n0\r\n\r\n";
  // What a server that overlooks the Transfer-Encoding takes for the next request.
  const std::string cheat = "23\r\n" + kHidden + "\r\n0\r\n\r\n";
  std::string many_trailers;
  for (int i = 0; i < 101; ++i) many_trailers += "X-" + std::to_string(i) + ": 1\r\n";
  const std::vector<FramingCase> cases = {
      // Lengths.
      {"no body", post(""), 200, kGoesOn, "<>"},
      {"a length", post(cl + "2\r\n", "ok"), 200, kGoesOn, "<ok>"},
      {"a length of nothing", post(cl + "0\r\n"), 200, kGoesOn, "<>"},
      {"a length with leading zeros", post(cl + "002\r\n", "ok"), 200, kGoesOn, "<ok>"},
      {"the same length twice", post(cl + "2\r\n" + cl + "2\r\n", "ok"), 200, kGoesOn, "<ok>"},
      {"the same length in a list", post(cl + "2, 2\r\n", "ok"), 200, kGoesOn, "<ok>"},
      {"a body with a GET", with("Host: x\r\n" + cl + "2\r\n") + "ok", 200, kGoesOn, "<ok>"},
      {"two lengths", post(cl + "2\r\n" + cl + "40\r\n", "ok" + kHidden), 400, kCloses},
      {"two lengths in a list", post(cl + "2, 40\r\n", "ok" + kHidden), 400, kCloses},
      {"an empty length", post(cl + "\r\n", kHidden), 400, kCloses},
      {"a list with a hole", post(cl + "2,\r\n", "ok" + kHidden), 400, kCloses},
      {"a signed length", post(cl + "+2\r\n", "ok" + kHidden), 400, kCloses},
      {"a negative length", post(cl + "-2\r\n", kHidden), 400, kCloses},
      {"a length in hex", post(cl + "0x2\r\n", "ok" + kHidden), 400, kCloses},
      {"a length and more", post(cl + "2 2\r\n", "ok" + kHidden), 400, kCloses},
      {"a length with a fraction", post(cl + "2.0\r\n", "ok" + kHidden), 400, kCloses},
      {"a length over the limit", post(cl + "1001\r\n", kHidden), 413, kCloses},
      {"a length beyond all numbers", post(cl + "18446744073709551618\r\n", "ok"), 413, kCloses},
      // Codings.
      {"chunks", chunked(two), 200, kGoesOn, "<ok>"},
      {"chunks in another case", post(te + "CHUNKED\r\n", two), 200, kGoesOn, "<ok>"},
      {"chunks with blanks", post(te + " \t chunked \r\n", two), 200, kGoesOn, "<ok>"},
      {"chunks in a GET", with("Host: x\r\n" + te + "chunked\r\n") + two, 200, kGoesOn, "<ok>"},
      {"an unknown coding", post(te + "cow\r\n", cheat), 400, kCloses},
      {"identity", post(te + "identity\r\n", cheat), 400, kCloses},
      {"no coding", post(te + "\r\n", cheat), 400, kCloses},
      {"a coding before chunks", post(te + "gzip, chunked\r\n", cheat), 400, kCloses,
       "the Transfer-Encoding is 'gzip, chunked', where 'chunked' alone is known"},
      {"codings that an answer may have", with("Host: x\r\nTE: gzip, chunked\r\n"), 200, kGoesOn,
       "<>"},
      {"a coding behind chunks", post(te + "chunked, identity\r\n", cheat), 400, kCloses},
      {"chunks twice", post(te + "chunked, chunked\r\n", cheat), 400, kCloses},
      {"chunks twice on two lines", post(te + "chunked\r\n" + te + "chunked\r\n", cheat), 400,
       kCloses},
      {"two lines", post(te + "chunked\r\n" + te + "identity\r\n", cheat), 400, kCloses},
      {"chunks and a comma", post(te + "chunked,\r\n", cheat), 400, kCloses},
      {"chunks with a parameter", post(te + "chunked;q=1\r\n", cheat), 400, kCloses},
      {"chunks in quotes", post(te + "\"chunked\"\r\n", cheat), 400, kCloses},
      {"a word that ends in chunked", post(te + "xchunked\r\n", cheat), 400, kCloses},
      {"chunks in HTTP/1.0", post(te + "chunked\r\nConnection: keep-alive\r\n", cheat, "1.0"), 400,
       kCloses},
      {"a length and chunks", post(cl + "2\r\n" + te + "chunked\r\n", two + kHidden), 200, kCloses,
       "<ok>"},
      {"chunks and a length", post(te + "chunked\r\n" + cl + "40\r\n", two + kHidden), 200, kCloses,
       "<ok>"},
      {"chunks and a bad length", post(te + "chunked\r\n" + cl + "x\r\n", two), 400, kCloses},
      {"TE is another field", post("TE: gzip, chunked\r\n" + cl + "2\r\n", "ok"), 200, kGoesOn,
       "<ok>"},
      // Chunks.
      {"many chunks", chunked("1\r\no\r\n00000001\r\nk\r\n000\r\n\r\n"), 200, kGoesOn, "<ok>"},
      {"a size in hex", chunked("A\r\n0123456789\r\n0\r\n\r\n"), 200, kGoesOn, "<0123456789>"},
      {"an extension", chunked("2;name=\"value\"\r\nok\r\n0;last\r\n\r\n"), 200, kGoesOn, "<ok>"},
      {"a blank before an extension", chunked("2 ; name\r\nok\r\n0\r\n\r\n"), 200, kGoesOn, "<ok>"},
      {"a trailer", chunked("2\r\nok\r\n0\r\nDigest: x\r\n\r\n"), 200, kGoesOn, "<ok>"},
      {"a trailer that says a length", chunked("2\r\nok\r\n0\r\nContent-Length: 9\r\n\r\n"), 200,
       kGoesOn, "<ok>"},
      {"no size", chunked("\r\nok\r\n0\r\n\r\n"), 400, kCloses},
      {"no hex", chunked("2g\r\nok\r\n0\r\n\r\n"), 400, kCloses},
      {"a signed size", chunked("+2\r\nok\r\n0\r\n\r\n"), 400, kCloses},
      {"a size with 0x", chunked("0x2\r\nok\r\n0\r\n\r\n"), 400, kCloses},
      {"a size of 17 digits", chunked("00000000000000002\r\nok\r\n0\r\n\r\n"), 400, kCloses},
      {"a size over all numbers", chunked("ffffffffffffffff\r\nok\r\n"), 413, kCloses},
      {"chunks over the limit", chunked("3e8\r\n" + std::string(1'000, 'x') + "\r\n1\r\n"), 413,
       kCloses},
      {"a chunk longer than it says", chunked("2\r\nokay\r\n0\r\n\r\n"), 400, kCloses},
      {"a size line with LF alone", chunked("2\nok\r\n0\r\n\r\n"), 400, kCloses},
      {"an extension with LF alone", chunked("2;x\nok\r\n0\r\n\r\n"), 400, kCloses},
      {"a chunk with LF alone", chunked("2\r\nok\n0\r\n\r\n"), 400, kCloses},
      {"a trailer with LF alone", chunked("2\r\nok\r\n0\r\nA: b\n\r\n"), 400, kCloses},
      {"a folded trailer", chunked("2\r\nok\r\n0\r\nA: b\r\n c\r\n\r\n"), 400, kCloses},
      {"a trailer without a colon", chunked("2\r\nok\r\n0\r\nnothing\r\n\r\n"), 400, kCloses},
      {"101 trailers", chunked("2\r\nok\r\n0\r\n" + many_trailers + "\r\n"), 431, kCloses},
      {"a long trailer", chunked("0\r\nX: " + std::string(17'000, 'x') + "\r\n\r\n"), 431, kCloses},
      {"a long extension", chunked("2;" + std::string(17'000, 'x') + "\r\nok\r\n"), 431, kCloses},
      // Hosts.
      {"no Host", with(""), 400, kCloses},
      {"no Host in HTTP/1.0", "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, kGoesOn,
       "GET on : <>"},
      {"two Hosts", with("Host: x\r\nHost: y\r\n"), 400, kCloses},
      {"the same Host twice", with("Host: x\r\nHost: x\r\n"), 400, kCloses},
      {"two Hosts in HTTP/1.0", "GET /echo HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", 400, kCloses},
      {"an empty Host", with("Host:\r\n"), 200, kGoesOn, "GET on : <>"},
      {"a Host with a port", with("Host: x:80\r\n"), 200, kGoesOn, "GET on x:80: <>"},
      {"an IPv6 Host", with("Host: [::1]:80\r\n"), 200, kGoesOn, "GET on [::1]:80: <>"},
      {"a Host with a blank", with("Host: x y\r\n"), 400, kCloses},
      {"a Host with a path", with("Host: x/y\r\n"), 400, kCloses},
      {"a Host with a user", with("Host: me@x\r\n"), 400, kCloses},
      {"a Host with a port that is none", with("Host: x:y\r\n"), 400, kCloses},
      // Lines.
      {"LF alone", "GET /echo HTTP/1.1\nHost: x\n\n", 400, kCloses},
      {"LF alone in a field", with("Host: x\nA: b\r\n"), 400, kCloses},
      {"CR alone in a value", with("Host: x\r\nA: b\rc\r\n"), 400, kCloses},
      {"CR alone at an end", with("Host: x\r\nA: b\r\r\n"), 400, kCloses},
      {"a zero byte", with("Host: x\r\nA: b" + std::string(1, '\0') + "\r\n"), 400, kCloses},
      {"a folded field", with("Host: x\r\nA: b\r\n c\r\n"), 400, kCloses},
      {"a folded first field", "GET /echo HTTP/1.1\r\n Host: x\r\n\r\n", 400, kCloses},
      {"a folded coding", post("Transfer-Encoding:\r\n chunked\r\n", two), 400, kCloses},
      {"a blank before the colon", post("Transfer-Encoding : chunked\r\n", two), 400, kCloses},
      {"a tab before the colon", post("Content-Length\t: 2\r\n", "ok"), 400, kCloses},
      {"no colon", with("Host: x\r\nnothing\r\n"), 400, kCloses},
      {"no name", with("Host: x\r\n: b\r\n"), 400, kCloses},
      {"a name with a blank", with("Host: x\r\nA B: c\r\n"), 400, kCloses},
      {"a name beyond ASCII", with("Host: x\r\n\xc3\xa4: c\r\n"), 400, kCloses},
      {"a value beyond ASCII", with("Host: x\r\nA: \xc3\xa4\r\n"), 200, kGoesOn, "<>"},
      {"a value that is empty", with("Host: x\r\nA:\r\n"), 200, kGoesOn, "<>"},
      {"empty lines first", "\r\n\r\n" + with("Host: x\r\n"), 200, kGoesOn, "<>"},
      {"empty lines behind a body", post(cl + "2\r\n", "ok\r\n\r\n"), 200, kGoesOn, "<ok>"},
      {"empty lines behind chunks", chunked(two + "\r\n"), 200, kGoesOn, "<ok>"},
      {"an empty line of LF alone", "\n" + with("Host: x\r\n"), 400, kCloses},
      // Request lines.
      {"two blanks", line("GET  /echo HTTP/1.1"), 400, kCloses},
      {"a blank at the end", line("GET /echo HTTP/1.1 "), 400, kCloses},
      {"a tab between", line("GET\t/echo\tHTTP/1.1"), 400, kCloses},
      {"a blank in the target", line("GET /echo /x HTTP/1.1"), 400, kCloses},
      {"no version", line("GET /echo"), 400, kCloses},
      {"HTTP/0.9", line("GET /echo HTTP/0.9"), 400, kCloses},
      {"HTTP/2.0", line("GET /echo HTTP/2.0"), 400, kCloses},
      {"a version of two digits", line("GET /echo HTTP/1.10"), 400, kCloses},
      {"a version in another case", line("GET /echo http/1.1"), 400, kCloses},
      {"HTTP/1.2", line("GET /echo HTTP/1.2"), 200, kGoesOn, "<>"},
      {"a method that is none", line("G(T /echo HTTP/1.1"), 400, kCloses},
      {"an unknown method", line("BREW /echo HTTP/1.1"), 405, kGoesOn},
      {"a whole address", line("GET http://other:81/echo?a=b HTTP/1.1"), 200, kGoesOn,
       "GET on other:81: <>"},
      {"a whole address of TLS", line("GET HTTPS://other/echo HTTP/1.1"), 200, kGoesOn,
       "GET on other: <>"},
      {"a whole address without a path", line("GET http://other?x HTTP/1.1"), 404, kGoesOn},
      {"a whole address and no Host", "GET http://other/echo HTTP/1.1\r\n\r\n", 400, kCloses},
      {"a whole address of HTTP/1.0", "GET http://other/echo HTTP/1.0\r\n\r\n", 200, kCloses,
       "GET on other: <>"},
      {"a whole address without a host", line("GET http:///echo HTTP/1.1"), 400, kCloses},
      {"a whole address with a user", line("GET http://me@x/echo HTTP/1.1"), 400, kCloses},
      {"another scheme", line("GET ftp://x/echo HTTP/1.1"), 400, kGoesOn},
      {"a tunnel", line("CONNECT other:443 HTTP/1.1"), 400, kGoesOn},
      {"a parameter that is none here", line("GET /echo?A=b HTTP/1.1"), 400, kGoesOn,
       "there is no parameter 'A': there are a"},
      {"the server itself", line("OPTIONS * HTTP/1.1"), 400, kGoesOn},
      // Whether the connection goes on.
      {"asked to close", with("Host: x\r\nConnection: x, Close\r\n"), 200, kCloses, "<>"},
      {"HTTP/1.0", line("GET /echo HTTP/1.0"), 200, kCloses, "<>"},
      {"HTTP/1.0 to be kept", "GET /echo HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 200, kGoesOn,
       "<>"},
      {"a body that nobody reads",
       "POST /none HTTP/1.1\r\nHost: x\r\n" + cl + "36\r\n\r\n" + kHidden, 404, kCloses},
      {"a WebSocket with a body",
       "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
           cl + "36\r\n\r\n" + kHidden,
       400, kCloses},
      {"a WebSocket that is refused", with("Host: x\r\nUpgrade: websocket\r\n") + kHidden, 404,
       kCloses},
      {"an upgrade to something else", with("Host: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"),
       200, kGoesOn, "<>"},
  };
  for (const auto& [what, bytes, status, then, body] : cases) {
    SCOPED_TRACE(what);
    const auto said = ask(bytes);
    EXPECT_THAT(said, StartsWith("HTTP/1.1 " + std::to_string(status) + " "));
    EXPECT_THAT(said, HasSubstr(body));
    EXPECT_EQ(said.contains("the next one"), then == Then::kGoesOn) << said;
    const auto first = said.substr(0, said.find("\r\n\r\n"));
    EXPECT_EQ(first.contains("Connection: close"), then == Then::kCloses) << first;
    EXPECT_EQ(hidden_.exchange(0), 0) << "what stood in a body was taken for a request";
  }
  EXPECT_GT(cases.size(), 100u);
}

TEST_F(HttpFraming, PipelinedRequestsGoOnAcrossEmptyLinesUpToAWebSocket) {
  RawClient client(server_->port());
  client.send(post("Content-Length: 2\r\n", "ok\r\n") + chunked("2\r\nok\r\n0\r\n\r\n\r\n") +
              "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
              kHidden);  // no frame at all
  const auto said = client.read_to_end();
  const auto switched = said.find("HTTP/1.1 101");
  ASSERT_NE(switched, std::string::npos) << said;
  EXPECT_EQ(said.find("HTTP/1.1", switched + 1), std::string::npos) << said;
  EXPECT_EQ(hidden_, 0);
}

TEST_F(HttpFraming, EndlessTrailersAndExtensionsAreRefusedBeforeTheyAreHeld) {
  for (const auto& [begin, unit] :
       {std::pair{"2\r\nok\r\n0\r\n", "X-Trailer: some more of it\r\n"},
        std::pair{"2\r\nok\r\n0\r\nX: ", "some more of it "}, std::pair{"2;", "name=value;"}}) {
    SCOPED_TRACE(begin);
    std::string much;
    while (much.size() < (std::size_t{8} << 20)) much += unit;
    EXPECT_THAT(RawClient(server_->port()).ask(chunked(begin + much)), StartsWith("HTTP/1.1 431 "));
  }
}

RC_GTEST_PROP(HttpFramingProperty, BodiesComeThroughAnyChunksAndCuts, ()) {
  const auto bodies = *rc::gen::container<std::vector<std::string>>(
      rc::gen::container<std::string>(rc::gen::arbitrary<char>()));
  std::string bytes;
  std::string expected;
  for (const auto& body : bodies) {
    bytes += "POST /some HTTP/1.1\r\nHost: x\r\n";
    expected += "POST /some<" + body + ">";
    if (*rc::gen::arbitrary<bool>()) {
      bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
      continue;
    }
    bytes += "transfer-encoding: chunked\r\n\r\n";
    std::string_view rest = body;
    while (!rest.empty()) {
      const auto size = *rc::gen::inRange<std::size_t>(1, rest.size() + 1);
      bytes += fmt::format("{:x}{}\r\n{}\r\n", size, *rc::gen::element("", ";a=b", " ; c"),
                           rest.substr(0, size));
      rest.remove_prefix(size);
    }
    bytes += std::string("0\r\n") + *rc::gen::element("", "A: b\r\n", "A:\r\nC: d\r\n") + "\r\n";
  }
  const auto most = *rc::gen::inRange<std::size_t>(1, 60);
  RC_ASSERT(read_requests(bytes, [&] { return *rc::gen::inRange<std::size_t>(1, most + 1); }) ==
            expected);
}

RC_GTEST_PROP(HttpFramingProperty, AnyBytesMeanTheSameHoweverTheyAreCut, ()) {
  const auto parts = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "POST /a HTTP/1.1\r\nHost: x\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 3\r\n",
      "\r\n", "abc", "3\r\nabc\r\n", "0\r\n", "\r", "\n", " ", ":", ";x", "0", "A: b\r\n"));
  std::string bytes;
  for (const auto& part : parts) bytes += part;
  const auto whole = read_requests(bytes, [&] { return bytes.size(); });
  const auto piece = *rc::gen::inRange<std::size_t>(1, 9);
  RC_ASSERT(read_requests(bytes, [&] { return piece; }) == whole);
}

}  // namespace
}  // namespace slipstream
