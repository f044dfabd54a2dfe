#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json_scan.h"
#include "harness.h"
#include "net/http_server.h"
#include "net/io_thread.h"
#include "output/webhook.h"

/// What tests of alerts in a whole server work with.
namespace slipstream::alerts_testing {

inline constexpr const char* kSettings = R"toml(
[derived]
slip = "(wheel_kmh - speed_kmh) / speed_kmh"
slip_pct = "slip * 100"
oil_rate = "rate(oil)"
[[alert]]
name = "hot"
when = "oil > 110 for 1s"
clear = "oil < 100"
severity = "critical"
[[alert]]
name = "slips"
when = "slip_pct > 5"
where = { track = ["cota"] }
)toml";

inline std::string member(std::string_view json, std::string_view name) {
  return std::string(json_string_body(json_member(json, name)));
}

inline std::vector<std::string> alerts_of(std::string_view page) {
  std::vector<std::string> alerts;
  JsonScan all(json_member(page, "alerts"));
  while (const auto alert = all.next()) alerts.emplace_back(alert->value);
  return alerts;
}

/// "hot raised A", the oldest first.
inline std::vector<std::string> told_by(std::string_view page) {
  std::vector<std::string> told;
  for (const auto& alert : alerts_of(page)) {
    told.insert(told.begin(), fmt::format("{} {} {}", member(alert, "name"), member(alert, "state"),
                                          member(alert, "chassis")));
  }
  return told;
}

inline std::string point(double second, double oil, double wheel_kmh = 100,
                         const std::string& chassis = "A", const std::string& track = "cota") {
  return fmt::format(
      R"({{"meta_time":{},"track":"{}","chassis":"{}","lap":1,"speed_kmh":100,"oil":{},"wheel_kmh":{}}})",
      1'757'000'000 + second, track, chassis, oil, wheel_kmh);
}

inline unsigned send(std::uint16_t port, const std::string& body) {
  return harness::http(port, "POST", "/api/ingest", body, {{"Content-Type", "application/json"}})
      .status;
}

inline std::string alerts_at(std::uint16_t port, const std::string& query = "") {
  return harness::http(port, "GET", "/api/alerts" + query).body;
}

/// A receiver of webhooks that notes what it gets, and answers as it is told.
class Receiver {
 public:
  struct Got {
    std::string id;
    std::string signature;
    std::string body;
    unsigned answered = 0;
  };

  /// `refused`: how many tries of an id are answered with a redirect.
  explicit Receiver(std::uint16_t port = 0, std::map<std::string, int> refused = {})
      : refused_(std::move(refused)) {
    server_ = std::move(*HttpServer::open(io_, {.port = port}));
    server_->route("POST", "/hook",
                   [this](const HttpRequest& request, const HttpResponder& respond) {
                     const std::lock_guard lock(mutex_);
                     const std::string id(request.header("Slipstream-Id"));
                     const bool is_refused = refused_.contains(id) && refused_[id]-- > 0;
                     got_.push_back({id, std::string(request.header("Slipstream-Signature")),
                                     request.body, is_refused ? 302u : 204u});
                     respond({.status = got_.back().answered, .headers = {{"Location", "/hook"}}});
                   });
    server_->start();
    io_.start();
  }
  ~Receiver() { io_.stop(); }
  std::uint16_t port() const { return server_->port(); }
  std::vector<Got> got() {
    const std::lock_guard lock(mutex_);
    return got_;
  }

 private:
  IoThread io_{"receiver"};
  std::mutex mutex_;  // guards all below but server_
  std::vector<Got> got_;
  std::map<std::string, int> refused_;
  std::unique_ptr<HttpServer> server_;
};

inline std::string webhook_to(std::uint16_t port) {
  return fmt::format(
      "[[webhook]]\nname = \"pit\"\nurl = \"http://127.0.0.1:{}/hook\"\nsecret = "
      "\"hush\"\n",
      port);
}

inline void expect_signed(const Receiver::Got& got) {
  const auto seconds = std::stoll(got.signature.substr(2));
  EXPECT_EQ(got.signature, webhook_signature("hush", {seconds * kNsPerSecond}, got.body));
}

}  // namespace slipstream::alerts_testing
