// Encrypted connections below HTTP: large answers, senders that stop, and what is no TLS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <thread>

#include "net/http_server.h"
#include "net/testing.h"
#include "net/tls_testing.h"

namespace slipstream {
namespace {

using net_testing::get;
using net_testing::RawClient;
using net_testing::TlsClient;
using testing::HasSubstr;
using testing::StartsWith;

class TlsServer : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "slipstream-tls-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    net_testing::make_certificate(certificate(), key(), "first.example");
  }
  void TearDown() override {
    if (server_) io_.stop();
    std::filesystem::remove_all(directory_);
  }
  void open(HttpServerOptions options = {}) {
    options.port = 0;
    options.tls = TlsContext::load(certificate(), key()).value();
    server_ = HttpServer::open(io_, std::move(options)).value();
    server_->route("POST", "/echo", [](HttpRequest request, HttpResponder respond) {
      respond({.body = request.body, .content_type = "text/plain"});
    });
    server_->route("GET", "/huge", [](const HttpRequest&, const HttpResponder& respond) {
      respond({.body = std::string(std::size_t{32} << 20, 'x')});
    });
    server_->start();
    io_.start();
  }
  std::filesystem::path certificate() const { return directory_ / "certificate.pem"; }
  std::filesystem::path key() const { return directory_ / "key.pem"; }
  const HttpGuardStats& stats() const { return server_->guard_stats(); }
  /// Waits for a counter, for as long as the test may take.
  static void await(const Counter& counter, std::uint64_t least) {
    while (counter.value() < least) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }

  std::filesystem::path directory_;
  IoThread io_{"io"};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(TlsServer, CarriesBothWaysFarMoreThanBuffersHold) {
  open();
  std::string body(std::size_t{8} << 20, ' ');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i * 31 % 26);
  TlsClient client(server_->port());
  const auto answer = client.ask(
      "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_THAT(answer.substr(0, 100), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), body);
}

TEST_F(TlsServer, PipelinedRequestsAreAnsweredInOrder) {
  open();
  std::string requests;
  for (int i = 0; i < 200; ++i) {
    requests +=
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n" + std::to_string(100 + i);
  }
  TlsClient client(server_->port());
  const auto answers = client.ask(requests + get("/nothing"));
  std::size_t at = 0;
  for (int i = 0; i < 200; ++i) {
    at = answers.find("\r\n\r\n" + std::to_string(100 + i), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST_F(TlsServer, WhatIsNoTlsIsCutOffAndCounted) {
  open({.header_timeout_ms = 200});
  EXPECT_THAT(RawClient(server_->port()).ask(get("/huge")),
              testing::Not(HasSubstr("HTTP/1.1 200")));
  await(stats().handshakes_failed, 1);
  RawClient silent(server_->port());
  EXPECT_EQ(silent.read_to_end(), "") << "a handshake has its time, too";
  {
    RawClient gone(server_->port());
  }
  EXPECT_TRUE(TlsClient(server_->port()).is_open());
}

TEST_F(TlsServer, WhoeverDoesNotReadItsAnswerIsCutOff) {
  open({.body_timeout_ms = 200, .min_bytes_per_second = 1 << 30});
  TlsClient deaf(server_->port());
  deaf.send(get("/huge"));
  await(stats().timeouts, 1);
  while (server_->connections().value() > 0) std::this_thread::yield();
}

TEST_F(TlsServer, WhoeverGoesAwayInTheMiddleHarmsNobody) {
  open();
  for (int i = 0; i < 20; ++i) {
    TlsClient client(server_->port());
    client.send(i % 2 == 0 ? get("/huge")
                           : "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx");
    if (i % 4 == 0) client.read_until("\r\n\r\n");  // of those who asked for something
  }
  TlsClient good(server_->port());
  EXPECT_THAT(good.ask(get("/nothing")), StartsWith("HTTP/1.1 404"));
}

TEST_F(TlsServer, NewCertificateIsForNewConnections) {
  open();
  TlsClient old(server_->port());
  old.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none");
  EXPECT_THAT(old.read_until("one"), StartsWith("HTTP/1.1 200"));
  net_testing::make_certificate(certificate(), key(), "second.example");
  server_->use_certificate(TlsContext::load(certificate(), key()).value());
  io_.run([] {});
  EXPECT_EQ(TlsClient(server_->port()).peer_name(), "second.example");
  old.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\ntwo");
  EXPECT_THAT(old.read_until("two"), StartsWith("HTTP/1.1 200"));
}

}  // namespace
}  // namespace slipstream
