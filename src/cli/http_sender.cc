#include "cli/http_sender.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

namespace slipstream {
namespace {

std::optional<std::chrono::seconds> seconds_of(std::string_view retry_after) {
  std::uint32_t seconds = 0;
  const auto [end, error] =
      std::from_chars(retry_after.data(), retry_after.data() + retry_after.size(), seconds);
  if (error != std::errc{} || end != retry_after.data() + retry_after.size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

HttpSender::HttpSender(Server server) : BodySender(server, kMaxBytes), http_(std::move(server)) {}

std::expected<BodySender::Taken, BodySender::Failure> HttpSender::exchange(std::string_view lines,
                                                                           const std::string& key) {
  const auto answer =
      http_.ask("POST", "/api/ingest",
                {{"Content-Type", "application/x-ndjson"}, {"Idempotency-Key", key}}, lines);
  has_connected_ = http_.has_connected();
  if (!answer) return std::unexpected(lost(answer.error().message));
  if (answer->status == 200) return taken(answer->body);
  Failure failure{
      fmt::format("{} answered {}: {}", where(), answer->status, message_of(answer->body))};
  if (answer->status == 503 || answer->status == 429) {
    failure.again_in = seconds_of(answer->retry_after);
  }
  return std::unexpected(failure);
}

}  // namespace slipstream
