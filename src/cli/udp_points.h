#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/point_sender.h"
#include "cli/server_counts.h"
#include "source/udp_sender.h"

namespace slipstream {

/// A datagram a point. Nobody answers: what became of them is known only where a server is asked,
/// which it is every so many points, so that no more are on their way than it keeps up with.
class UdpPoints final : public PointSender {
 public:
  explicit UdpPoints(UdpSender sender) : sender_(std::move(sender)) {}
  /// Asks `server` from here on. Errors: it does not answer.
  Result<void> check_by(BodySender::Server server);

  Result<void> send(std::string_view json) override;
  /// Waits until all have come, or no more do.
  Result<void> flush() override;
  std::uint64_t waiting() const override { return failed_; }
  std::uint64_t refused() const override;
  /// What the server counted; empty where none was asked.
  std::string outcome() const override;

 private:
  Result<void> ask();
  Result<void> wait_until_at_most(std::uint64_t on_their_way);
  UdpCounts since() const;
  std::uint64_t accounted_for() const;
  std::uint64_t on_their_way() const;
  std::uint64_t missing() const;

  static constexpr std::uint64_t kMostOnTheirWay = 1'000;
  static constexpr std::chrono::milliseconds kBetween{5};
  static constexpr std::chrono::seconds kPatience{2};  ///< without one more that came

  UdpSender sender_;
  std::optional<ServerCounts> server_;
  UdpCounts before_;
  UdpCounts now_;
  std::uint64_t sent_ = 0;
  std::uint64_t given_up_ = 0;  ///< of those: waited for in vain
  std::uint64_t failed_ = 0;
};

}  // namespace slipstream
