#include "net/answer_coding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "net/body_encoding.h"
#include "net/http_server.h"
#include "net/testing.h"

namespace slipstream {
namespace {

using net_testing::get;
using net_testing::RawClient;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string text_of(std::size_t bytes) {
  std::string text;
  for (int i = 0; text.size() < bytes; ++i) text += "point " + std::to_string(i * 7919) + "\n";
  text.resize(bytes);
  return text;
}

/// Gives a text in pieces of a thousand bytes, or fails behind the first.
class Pieces final : public BodySource {
 public:
  Pieces(std::string text, bool fails) : text_(std::move(text)), fails_(fails) {}
  void next(PieceTaker give) override {
    if (fails_ && given_ > 0) return give(fail("no more to be had"));
    std::string piece = text_.substr(std::min(given_, text_.size()), 1'000);
    given_ += piece.size();
    give(std::move(piece));
  }

 private:
  const std::string text_;
  const bool fails_;
  std::size_t given_ = 0;
};

/// The bytes of a chunked body.
std::string joined(std::string_view chunks) {
  std::string out;
  while (true) {
    const auto end = chunks.find("\r\n");
    const std::size_t size = std::stoul(std::string(chunks.substr(0, end)), nullptr, 16);
    if (size == 0) return out;
    out += chunks.substr(end + 2, size);
    chunks.remove_prefix(end + 4 + size);
  }
}

class AnswerCoding : public testing::Test {
 protected:
  void SetUp() override {
    server_ = HttpServer::open(io_, {.port = 0}).value();
    const auto serve = [this](const char* path, std::function<HttpResponse()> make) {
      for (const auto* const method : {"GET", "POST"}) {
        server_->route(method, path, [make](const HttpRequest&, const HttpResponder& respond) {
          respond(make());
        });
      }
    };
    serve("/small", [] { return HttpResponse{.body = text_of(1'024)}; });
    serve("/text",
          [] { return HttpResponse{.body = text_of(5'000), .headers = {{"ETag", "\"e\""}}}; });
    serve("/large", [] { return HttpResponse{.body = text_of(kLarge)}; });
    serve("/pieces",
          [] { return HttpResponse{.source = std::make_shared<Pieces>(text_of(kLarge), false)}; });
    serve("/broken",
          [] { return HttpResponse{.source = std::make_shared<Pieces>(text_of(kLarge), true)}; });
    serve("/known", [] { return HttpResponse{.status = 304, .headers = {{"ETag", "\"e\""}}}; });
    serve("/packed", [] {
      return HttpResponse{.body = text_of(5'000), .headers = {{"Content-Encoding", "own"}}};
    });
    serve("/refused", [] { return error_response(400, text_of(5'000)); });
    server_->start();
    io_.start();
  }
  void TearDown() override { io_.stop(); }

  struct Answer {
    std::string head;
    std::string body;
  };
  Answer ask(const std::string& target, const std::string& codings) {
    return cut(
        RawClient(server_->port())
            .ask(get(target, codings.empty() ? "" : "Accept-Encoding: " + codings + "\r\n")));
  }
  static Answer cut(const std::string& text) {
    const auto end = text.find("\r\n\r\n") + 4;
    Answer answer{text.substr(0, end), text.substr(end)};
    if (answer.head.contains("chunked")) answer.body = joined(answer.body);
    return answer;
  }

  static constexpr std::size_t kLarge = 300'000;
  IoThread io_{"io"};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(AnswerCoding, WhatIsLongIsPackedForThoseWhoTakeIt) {
  for (const std::string coding : {"gzip", "zstd"}) {
    for (const auto& [target, size] : {std::pair{"/text", std::size_t{5'000}},
                                       std::pair{"/large", kLarge}, std::pair{"/pieces", kLarge}}) {
      SCOPED_TRACE(coding + target);
      const auto answer = ask(target, coding);
      EXPECT_THAT(answer.head, StartsWith("HTTP/1.1 200 "));
      EXPECT_THAT(answer.head, HasSubstr("\r\nContent-Encoding: " + coding + "\r\n"));
      EXPECT_THAT(answer.head, HasSubstr("\r\nVary: Accept-Encoding\r\n"));
      EXPECT_LT(answer.body.size(), size / 2);
      const auto text = decode_body(answer.body, coding, kLarge);
      ASSERT_TRUE(text);
      EXPECT_EQ(*text, text_of(size));
    }
  }
}

TEST_F(AnswerCoding, WhoTakesNoneGetsThePlainText) {
  for (const auto* const codings : {"", "br", "gzip;q=0", "identity"}) {
    for (const auto* const target : {"/text", "/large", "/pieces"}) {
      const auto answer = ask(target, codings);
      EXPECT_THAT(answer.head, Not(HasSubstr("Content-Encoding"))) << codings << target;
      EXPECT_THAT(answer.head, HasSubstr("\r\nVary: Accept-Encoding\r\n"));
      EXPECT_THAT(answer.body, StartsWith("point 0\n"));
    }
  }
}

TEST_F(AnswerCoding, OtherAnswersStayAsTheyAre) {
  for (const auto* const target : {"/small", "/refused", "/packed"}) {
    const auto answer = ask(target, "gzip");
    EXPECT_THAT(answer.head, Not(HasSubstr("gzip"))) << target;
    EXPECT_THAT(answer.head, Not(HasSubstr("Vary"))) << target;
    EXPECT_THAT(answer.head, HasSubstr("\r\nContent-Length: ")) << target;
  }
  const auto posted = RawClient(server_->port())
                          .ask(
                              "POST /text HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n"
                              "Connection: close\r\n\r\n");
  EXPECT_THAT(posted, Not(HasSubstr("Content-Encoding")));
}

TEST_F(AnswerCoding, CachesAreToldThatThereAreSeveralForms) {
  EXPECT_THAT(ask("/text", "gzip").head, HasSubstr("\r\nETag: W/\"e\"\r\n"));
  EXPECT_THAT(ask("/text", "").head, HasSubstr("\r\nETag: \"e\"\r\n"));
  EXPECT_THAT(ask("/known", "gzip").head, HasSubstr("\r\nVary: Accept-Encoding\r\n"));
}

TEST_F(AnswerCoding, AHeadAnswerHasTheHeadersAndNoBody) {
  const auto got = ask("/text", "gzip");
  const auto asked = cut(RawClient(server_->port())
                             .ask("HEAD /text HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n"
                                  "Connection: close\r\n\r\n"));
  EXPECT_EQ(asked.head, got.head);
  EXPECT_EQ(asked.body, "");
}

TEST_F(AnswerCoding, OldClientsGetPackedPiecesUpToTheConnectionsEnd) {
  const auto answer = cut(RawClient(server_->port())
                              .ask("GET /large HTTP/1.0\r\nAccept-Encoding: gzip\r\n"
                                   "Connection: keep-alive\r\n\r\n"));
  EXPECT_THAT(answer.head, HasSubstr("\r\nContent-Encoding: gzip\r\n"));
  EXPECT_EQ(decode_body(answer.body, "gzip", kLarge).value(), text_of(kLarge));
}

TEST_F(AnswerCoding, ABodyThatBreaksOffIsNeverTakenForAWholeOne) {
  RawClient client(server_->port());
  const auto text = client.ask(get("/broken", "Accept-Encoding: gzip\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("\r\n0\r\n\r\n")));
  EXPECT_EQ(server_->guard_stats().answers_broken.value(), 1u);
}

}  // namespace
}  // namespace slipstream
