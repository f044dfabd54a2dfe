#include "output/webhook.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <xxhash.h>

#include <array>
#include <utility>

#include "base/check.h"
#include "model/outbox_alert.h"

namespace slipstream {
namespace {

constexpr std::uint64_t kMostWaiting = 10'000;  // alerts of a name
constexpr std::chrono::milliseconds kFirstWait{1'000};
constexpr std::chrono::milliseconds kLongestWait{300'000};

}  // namespace

std::string webhook_name(std::string_view url) {
  return fmt::format("hook-{:08x}",
                     static_cast<std::uint32_t>(XXH3_64bits(url.data(), url.size())));
}

std::string webhook_signature(std::string_view secret, ArrivalTime now, std::string_view body) {
  const std::string text = fmt::format("{}.{}", now.ns / kNsPerSecond, body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  const auto* const made = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                                reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                                digest.data(), &length);
  CHECK(made != nullptr, "a digest of what is in memory can always be made");
  std::string signature = fmt::format("t={},v1=", now.ns / kNsPerSecond);
  for (unsigned i = 0; i < length; ++i) signature += fmt::format("{:02x}", digest[i]);
  return signature;
}

Result<std::unique_ptr<Webhook>> Webhook::make(const WebhookSettings& settings,
                                               const Clock& clock) {
  auto url = HttpUrl::parse(settings.url);
  if (!url) return std::unexpected(url.error());
  HttpClient::Options options{.connect_timeout = std::chrono::seconds(5),
                              .timeout = std::chrono::seconds(10),
                              .max_answer_bytes = std::size_t{64} << 10,
                              .status_is_enough = true,
                              .ca_file = settings.ca_file};
  auto client = HttpClient::make(std::move(*url), std::move(options), clock);
  if (!client) return std::unexpected(client.error());
  return std::unique_ptr<Webhook>(
      new Webhook({.name = settings.name, .alerts = settings.alerts, .max_rollups = kMostWaiting},
                  settings.secret, std::move(*client), clock));
}

Webhook::Webhook(RollupDestination destination, std::string secret,
                 std::unique_ptr<HttpClient> client, const Clock& clock)
    : destination_(std::move(destination)),
      secret_(std::move(secret)),
      client_(std::move(client)),
      clock_(clock) {}

Backoff::Options Webhook::backoff() const {
  return {.first = kFirstWait, .limit = kLongestWait};
}

void Webhook::interrupt() {
  is_interrupted_ = true;
  client_->interrupt();
}

Sent Webhook::send(const Shipment& shipment) {
  Sent sent;
  for (const OutboxRow& row : shipment.rows) {
    const auto alert = outbox_alert_of(row.rollups);
    const bool is_expired = !alert || clock_.now().ns - alert->queued.ns >= kKeptNs;
    if (is_expired) {
      sent.expired += row.count;
    } else if (auto posted = post(alert->id, alert->body); !posted) {
      sent.was_interrupted = is_interrupted_;
      sent.failed = std::move(posted.error());
      return sent;
    }
    ++sent.rows;
  }
  return sent;
}

Result<void> Webhook::post(std::string_view id, std::string_view body) {
  const auto reply = client_->ask(
      {.method = "POST",
       .target = client_->url().path,
       .headers = {{"Content-Type", "application/json"},
                   {"Slipstream-Id", std::string(id)},
                   {"Slipstream-Signature", webhook_signature(secret_, clock_.now(), body)}},
       .body = body});
  if (!reply) return std::unexpected(reply.error());
  if (reply->status >= 200 && reply->status < 300) return {};
  return fail(fmt::format("{} answered {}", client_->url().server(), reply->status));
}

}  // namespace slipstream
