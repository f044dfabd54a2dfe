#pragma once
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/http_client.h"
#include "output/rollup_sender.h"

namespace slipstream {

/// A table [[webhook]] of the configuration: where alerts are sent.
struct WebhookSettings {
  static constexpr std::size_t kMost = 16;  ///< of a configuration

  std::string name = {};  ///< of the destination; webhook_name() where the table says none
  std::string url = {};
  std::string secret = {};               ///< that bodies are signed with; never logged
  std::vector<std::string> alerts = {};  ///< their names; empty: all
  std::filesystem::path ca_file = {};    ///< of who may sign the receiver's certificate
};

/// Of a webhook without a name: the same for the same URL.
std::string webhook_name(std::string_view url);

/// "t=1757000000,v1=<hex>": the HMAC-SHA256 of "1757000000." and the body.
std::string webhook_signature(std::string_view secret, ArrivalTime now, std::string_view body);

/// Posts alerts to a URL, each in a request of its own, with `Slipstream-Id`, which is the same at
/// each try, and `Slipstream-Signature`. An answer of 2xx is a success, any other, and none, a
/// failure: the alert is tried again, after 1 s and up to 5 min later each time, until it has
/// waited for kKeptNs; then it is dropped, and counted as expired. A redirect is not followed. Each
/// alert's name is a shard, so that one which the receiver refuses holds up no other. An alert
/// whose answer was lost is sent again; its id tells. Threads: as RollupSender says.
class Webhook final : public RollupSender {
 public:
  static constexpr std::int64_t kKeptNs = 24 * 3'600 * kNsPerSecond;

  /// No network yet. Errors: a URL that is none, a file of authorities that cannot be read.
  static Result<std::unique_ptr<Webhook>> make(const WebhookSettings& settings, const Clock& clock);

  const RollupDestination& destination() const override { return destination_; }
  Sent send(const Shipment& shipment) override;
  /// For good: it is sent no more.
  void interrupt() override;
  /// One after the other, so that none is sent again for another's sake.
  std::size_t bytes_at_once() const override { return 1; }
  Backoff::Options backoff() const override;

 private:
  Webhook(RollupDestination destination, std::string secret, std::unique_ptr<HttpClient> client,
          const Clock& clock);
  Result<void> post(std::string_view id, std::string_view body);

  const RollupDestination destination_;
  const std::string secret_;
  const std::unique_ptr<HttpClient> client_;
  const Clock& clock_;
  std::atomic<bool> is_interrupted_{false};
};

}  // namespace slipstream
