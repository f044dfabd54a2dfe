#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "cli/body_sender.h"
#include "net/http_client.h"

namespace slipstream {

/// Asks such a server, and goes on asking however often it did not answer: who uses it has a limit
/// of its own.
std::unique_ptr<HttpClient> client_of(const BodySender::Server& server);
/// Shows its token, where there is one.
HttpClient::Headers headers_of(const BodySender::Server& server);

/// Posts points to a server's /api/ingest, as NDJSON with an Idempotency-Key. Where the server has
/// no room it says so (503, 429) and when to come again (Retry-After). Connects when the first body
/// goes.
class HttpSender final : public BodySender {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

  explicit HttpSender(Server server);

 private:
  std::expected<Taken, Failure> exchange(std::string_view lines, const std::string& key) override;

  const std::unique_ptr<HttpClient> http_;
};

}  // namespace slipstream
