#include "cli/http_sender.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "base/check.h"

namespace slipstream {

std::unique_ptr<HttpClient> client_of(const BodySender::Server& server) {
  HttpClient::Options options;
  options.breaker.failures = std::numeric_limits<int>::max();
  auto client = HttpClient::make({.host = server.host, .port = server.port}, options);
  CHECK(client, "without TLS nothing is read that could fail");
  return std::move(*client);
}

HttpClient::Headers headers_of(const BodySender::Server& server) {
  if (server.token.empty()) return {};
  return {{"Authorization", "Bearer " + server.token}};
}

HttpSender::HttpSender(Server server) : BodySender(server, kMaxBytes), http_(client_of(server)) {}

std::expected<BodySender::Taken, BodySender::Failure> HttpSender::exchange(std::string_view lines,
                                                                           const std::string& key) {
  auto headers = headers_of(server_);
  headers.emplace_back("Content-Type", "application/x-ndjson");
  headers.emplace_back("Idempotency-Key", key);
  const auto answer = http_->ask({"POST", "/api/ingest", std::move(headers), lines});
  has_connected_ = http_->has_connected();
  if (!answer) return std::unexpected(lost(answer.error().message));
  if (answer->status == 200) return taken(answer->body);
  Failure failure{
      fmt::format("{} answered {}: {}", where(), answer->status, message_of(answer->body))};
  if (answer->status == 503 || answer->status == 429) {
    failure.again_in = answer->retry_after;
  }
  return std::unexpected(failure);
}

}  // namespace slipstream
