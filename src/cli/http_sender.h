#pragma once
#include <string>
#include <string_view>

#include "cli/body_sender.h"
#include "cli/http_exchange.h"

namespace slipstream {

/// Posts points to a server's /api/ingest, as NDJSON with an Idempotency-Key. Where the server has
/// no room it says so (503, 429) and when to come again (Retry-After). Connects when the first body
/// goes.
class HttpSender final : public BodySender {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

  explicit HttpSender(Server server);

 private:
  std::expected<Taken, Failure> exchange(std::string_view lines, const std::string& key) override;

  HttpExchange http_;
};

}  // namespace slipstream
