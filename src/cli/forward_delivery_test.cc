#include "cli/forward_delivery.h"

#include <gmock/gmock.h>

#include "net/http_server.h"
#include "net/io_thread.h"

namespace slipstream {
namespace {

using testing::HasSubstr;

/// Answers every body as a test says.
class ForwardDeliveryTest : public testing::Test {
 protected:
  void SetUp() override {
    HttpServerOptions options;
    options.port = 0;
    server_ = HttpServer::open(io_, std::move(options)).value();
    server_->route("POST", "/api/ingest",
                   [this](HttpRequest, const HttpResponder& respond) {
                     respond({.status = status_, .body = body_});
                   },
                   {.scope = Scope::kOpen, .parameters = {.names = {"durability"}}});
    server_->route("GET", "/api/health",
                   [](HttpRequest, const HttpResponder& respond) {
                     respond({.body = R"({"instance":"0123"})"});
                   },
                   {.scope = Scope::kOpen});
    server_->start();
    io_.start();
  }
  void TearDown() override { io_.stop(); }
  DeliveryResult deliver(unsigned status, std::string body, std::size_t points,
                         std::string instance = {}) {
    status_ = status;
    body_ = std::move(body);
    auto delivery = BodyDelivery::make({.url = {.host = "127.0.0.1", .port = server_->port()},
                                        .instance = std::move(instance),
                                        .patience = std::chrono::milliseconds(1)},
                                       stop_);
    return (*delivery)->deliver("{}\n", points, "key");
  }

  unsigned status_ = 200;
  std::string body_;
  StopSignal stop_;
  IoThread io_{"io"};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ForwardDeliveryTest, BelievesCountsThatAddUpAlone) {
  const auto taken = deliver(200, R"({"accepted":5,"rejected":2,"errors":[]})", 7);
  EXPECT_EQ(taken.outcome, DeliveryResult::Outcome::kTaken);
  EXPECT_EQ(taken.refused, 2u);
  for (const auto* wrong :
       {R"({"accepted":5,"rejected":2,"errors":[]})", R"({"accepted":9,"rejected":0,"errors":[]})",
        R"({"accepted":0,"rejected":0,"errors":[]})", "{}", ""}) {
    const auto refused = deliver(200, wrong, 8);
    EXPECT_EQ(refused.outcome, DeliveryResult::Outcome::kRefused) << wrong;
    EXPECT_THAT(refused.why, HasSubstr("answered 200"));
  }
}

TEST_F(ForwardDeliveryTest, OnePointThatIsTooLargeIsRefused) {
  EXPECT_EQ(deliver(413, "", 2).outcome, DeliveryResult::Outcome::kTooLarge);
  const auto one = deliver(413, "", 1);
  EXPECT_EQ(one.outcome, DeliveryResult::Outcome::kTaken);
  EXPECT_EQ(one.refused, 1u);
}

TEST_F(ForwardDeliveryTest, RefusesTheServerWhoseLogItIs) {
  const std::string taken = R"({"accepted":1,"rejected":0,"errors":[]})";
  EXPECT_EQ(deliver(200, taken, 1, "0123").outcome, DeliveryResult::Outcome::kRefused);
  EXPECT_EQ(deliver(200, taken, 1, "4567").outcome, DeliveryResult::Outcome::kTaken);
  EXPECT_EQ(deliver(200, taken, 1).outcome, DeliveryResult::Outcome::kTaken) << "it has no id yet";
}

}  // namespace
}  // namespace slipstream
