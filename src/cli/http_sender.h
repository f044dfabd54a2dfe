#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "cli/point_sender.h"

namespace slipstream {

/// Posts points to a server's /api/ingest, gathered into NDJSON bodies. A body is answered before
/// the next one goes. Each has an Idempotency-Key: one whose answer was lost, or that a server had
/// no room for (503, 429 with Retry-After), is sent again, and counts once. Connects when the first
/// body goes.
class HttpSender final : public PointSender {
 public:
  static constexpr std::size_t kMaxPoints = 500;
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
  static constexpr std::chrono::milliseconds kMaxAge{100};
  /// How long one body is tried.
  static constexpr std::chrono::seconds kPatience{60};

  HttpSender(std::string host, std::uint16_t port, std::string token);
  ~HttpSender() override;

  Result<void> send(std::string_view json) override;
  Time flush_due() const override;
  Result<void> flush() override;
  std::uint64_t waiting() const override { return points_; }
  std::uint64_t refused() const override { return refused_; }
  std::string first_refusal() const override { return first_refusal_; }

 private:
  struct Connection;
  struct Answer;

  Result<Answer> exchange(const std::string& key);
  Result<void> take(const Answer& answer);

  const std::string host_;
  const std::uint16_t port_;
  const std::string token_;
  const std::string run_;  ///< makes the keys of this run its own
  std::unique_ptr<Connection> connection_;
  bool has_connected_ = false;
  std::string body_;
  std::size_t points_ = 0;
  Time first_at_;  ///< of the body's points
  std::uint64_t bodies_ = 0;
  std::uint64_t refused_ = 0;
  std::string first_refusal_;
};

}  // namespace slipstream
