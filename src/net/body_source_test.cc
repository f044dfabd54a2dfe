// Bodies that are made while they are sent: in order, no faster than they are read, and never taken
// for whole when they are not.
#include "net/body_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "net/http_server.h"
#include "net/testing.h"

namespace slipstream {
namespace {

using net_testing::get;
using net_testing::kLongMs;
using net_testing::RawClient;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// What a source does when it is asked for its nth piece.
using Step = std::function<void(std::size_t n, const PieceTaker& give)>;

struct Seen {
  std::atomic<std::size_t> asked = 0;
  std::atomic<std::size_t> living = 0;
};

class ScriptedSource final : public BodySource {
 public:
  ScriptedSource(Step step, Seen& seen) : step_(std::move(step)), seen_(seen) { ++seen_.living; }
  ~ScriptedSource() override { --seen_.living; }
  void next(PieceTaker give) override {
    ++seen_.asked;
    step_(n_++, give);
  }

 private:
  const Step step_;
  Seen& seen_;
  std::size_t n_ = 0;
};

/// "piece 0;", "piece 1;", ... `count` of them, then the end.
Step pieces(std::size_t count) {
  return [count](std::size_t n, const PieceTaker& give) {
    give(n < count ? "piece " + std::to_string(n) + ";" : "");
  };
}

/// One piece, then the failure.
Step breaking() {
  return [](std::size_t n, const PieceTaker& give) {
    if (n == 0) return give("the first part");
    give(fail("no more to be had"));
  };
}

class BodySourceTest : public testing::Test {
 protected:
  void open(Step step, HttpServerOptions options = {.body_timeout_ms = kLongMs},
            unsigned status = 200) {
    options.port = 0;
    server_ = HttpServer::open(io_, std::move(options)).value();
    server_->route(
        "GET", "/long",
        [this, step = std::move(step), status](const HttpRequest&, const HttpResponder& respond) {
          respond({.status = status,
                   .content_type = "text/plain",
                   .source = std::make_shared<ScriptedSource>(step, seen_)});
        });
    server_->route("GET", "/short", [](const HttpRequest&, const HttpResponder& respond) {
      respond({.body = "short", .content_type = "text/plain"});
    });
    server_->start();
    io_.start();
  }
  void TearDown() override { io_.stop(); }
  RawClient client() { return RawClient(server_->port()); }
  void await_no_source() {
    while (seen_.living > 0) std::this_thread::yield();
  }
  std::size_t broken() const { return server_->guard_stats().answers_broken.value(); }
  /// How the server ended the connection.
  static boost::system::error_code end_of(RawClient& client, std::string& text) {
    boost::system::error_code end;
    boost::asio::read(client.socket(), boost::asio::dynamic_buffer(text), end);
    return end;
  }

  Seen seen_;
  IoThread io_{"io"};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(BodySourceTest, PiecesAreChunksAndTheConnectionGoesOn) {
  open(pieces(3));
  auto both = client();
  const auto text = both.ask("GET /long HTTP/1.1\r\nHost: x\r\n\r\n" + get("/short"));
  EXPECT_THAT(text, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(text, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  const auto body = text.substr(text.find("\r\n\r\n") + 4);
  EXPECT_THAT(body,
              StartsWith("8\r\npiece 0;\r\n8\r\npiece 1;\r\n8\r\npiece 2;\r\n0\r\n\r\nHTTP/1.1 2"));
  EXPECT_THAT(text.substr(0, text.find("\r\n\r\n")), Not(HasSubstr("Content-Length")));
  EXPECT_THAT(body, EndsWith("\r\n\r\nshort"));
  EXPECT_EQ(seen_.asked, 4u);
  await_no_source();
}

TEST_F(BodySourceTest, EmptyBodyIsOneToo) {
  open(pieces(0));
  EXPECT_THAT(client().ask(get("/long")), EndsWith("\r\n\r\n0\r\n\r\n"));
}

TEST_F(BodySourceTest, PiecesMayComeLaterAndFromElsewhere) {
  std::vector<std::jthread> producers;
  open([&](std::size_t n, const PieceTaker& give) {
    producers.emplace_back([n, give] { pieces(50)(n, give); });
  });
  const auto text = client().ask(get("/long"));
  EXPECT_THAT(text, HasSubstr("9\r\npiece 49;\r\n0\r\n\r\n"));
  EXPECT_EQ(seen_.asked, 51u);
  producers.clear();
}

TEST_F(BodySourceTest, NobodyWorksForAClientThatDoesNotRead) {
  open([](std::size_t, const PieceTaker& give) { give(std::string(BodySource::kPieceBytes, 'x')); },
       {.body_timeout_ms = 200, .min_bytes_per_second = 1 << 30});
  auto deaf = client();
  deaf.send(get("/long"));
  while (server_->guard_stats().timeouts.value() == 0) std::this_thread::yield();
  await_no_source();
  // The kernel's buffers, and no more.
  EXPECT_LT(seen_.asked * BodySource::kPieceBytes, std::size_t{32} << 20);
}

TEST_F(BodySourceTest, EndsWhenTheClientGoes) {
  open(
      [](std::size_t, const PieceTaker& give) { give(std::string(BodySource::kPieceBytes, 'x')); });
  {
    auto hasty = client();
    hasty.send(get("/long"));
    hasty.read_until("xxxx");
    EXPECT_EQ(seen_.living, 1u);
  }
  await_no_source();
  EXPECT_EQ(broken(), 0u) << "it was the client's will";
}

TEST_F(BodySourceTest, LateAnswerToAClientThatWentDoesNothing) {
  std::atomic<bool> asked = false;
  PieceTaker kept;
  open([&](std::size_t n, const PieceTaker& give) {
    if (n > 0) return give(std::string(BodySource::kPieceBytes, 'x'));
    kept = give;
    asked = true;
  });
  {
    auto gone = client();
    gone.send(get("/long"));
    while (!asked) std::this_thread::yield();
  }
  kept("late");
  kept("twice");
  kept = nullptr;
  await_no_source();
}

TEST_F(BodySourceTest, WaitForAPieceIsNotTheClientsTime) {
  constexpr std::int64_t kPatienceMs = 3'000;
  std::jthread producer;
  open(
      [&](std::size_t n, const PieceTaker& give) {
        if (n != 1) return give(n == 0 ? "small" : "");
        producer = std::jthread([give] {
          std::this_thread::sleep_for(std::chrono::milliseconds(kPatienceMs + 100));
          give(std::string(2 << 20, 'x'));  // more than the kernel takes at once
        });
      },
      {.body_timeout_ms = kPatienceMs, .min_bytes_per_second = 1 << 30});
  EXPECT_THAT(client().ask(get("/long")), EndsWith("0\r\n\r\n"));
  EXPECT_EQ(server_->guard_stats().timeouts.value(), 0u);
}

TEST_F(BodySourceTest, FailureAtTheFirstPieceIsAnAnswer) {
  open([](std::size_t, const PieceTaker& give) { give(fail("the store is shut")); });
  auto both = client();
  const auto text = both.ask("GET /long HTTP/1.1\r\nHost: x\r\n\r\n" + get("/short"));
  EXPECT_THAT(text, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(text, HasSubstr(R"({"ok":false,"error":"the store is shut"})"));
  EXPECT_THAT(text, EndsWith("short")) << "nothing of it was sent, so the connection is good";
  EXPECT_EQ(broken(), 0u);
}

TEST_F(BodySourceTest, FailureMidwayResetsTheConnection) {
  open(breaking());
  for (const std::string version : {"1.1", "1.0"}) {
    SCOPED_TRACE(version);
    auto cheated = client();
    cheated.send("GET /long HTTP/" + version + "\r\nHost: x\r\n\r\n");
    std::string text;
    EXPECT_EQ(end_of(cheated, text), boost::asio::error::connection_reset);
    EXPECT_THAT(text, Not(HasSubstr("0\r\n\r\n")));
    await_no_source();
  }
  EXPECT_EQ(broken(), 2u);
}

TEST_F(BodySourceTest, TakerThatIsLetGoIsAFailure) {
  open([](std::size_t n, const PieceTaker& give) {
    if (n == 0) give("the first part");
  });
  auto cheated = client();
  cheated.send(get("/long"));
  std::string text;
  EXPECT_EQ(end_of(cheated, text), boost::asio::error::connection_reset);
  await_no_source();
}

TEST_F(BodySourceTest, OldClientsReadUntilTheEnd) {
  open(pieces(2));
  const auto text = client().ask("GET /long HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(text, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("Transfer-Encoding")));
  EXPECT_THAT(text, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(text, EndsWith("\r\n\r\npiece 0;piece 1;"));
}

TEST_F(BodySourceTest, HeadDoesNotAsk) {
  open(pieces(2));
  const auto text = client().ask("HEAD /long HTTP/1.1\r\nHost: x\r\n\r\n" + get("/short"));
  EXPECT_THAT(text, HasSubstr("\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200"));
  EXPECT_EQ(seen_.asked, 0u);
  await_no_source();
}

TEST_F(BodySourceTest, AnswersWithoutABodyDoNotAsk) {
  open(pieces(2), {}, 304);
  EXPECT_THAT(client().ask(get("/long")), AllOf(EndsWith("\r\n\r\n"), Not(HasSubstr("chunked"))));
  EXPECT_EQ(seen_.asked, 0u);
}

TEST_F(BodySourceTest, StoppingServerFinishesWhatIsUnderWay) {
  std::atomic<bool> asked = false;
  PieceTaker kept;
  open([&](std::size_t n, const PieceTaker& give) {
    if (n != 1) return pieces(3)(n, give);
    kept = give;
    asked = true;
  });
  auto patient = client();
  patient.send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n");
  while (!asked) std::this_thread::yield();
  server_->stop_accepting();
  kept("the middle");
  kept = nullptr;
  EXPECT_THAT(patient.read_to_end(), EndsWith("8\r\npiece 2;\r\n0\r\n\r\n"));
}

}  // namespace
}  // namespace slipstream
