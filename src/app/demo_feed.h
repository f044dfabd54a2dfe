#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "base/agent.h"
#include "base/clock.h"
#include "ops/config.h"
#include "racing/race_field.h"
#include "source/replay_file.h"
#include "source/udp_sender.h"

namespace slipstream {

/// Sends a demo's points to its own server. One thread.
class DemoSource : public Agent {
 public:
  /// "20 cars at barber"
  virtual const std::string& title() const = 0;
};

/// Where the server of this configuration is reached from this machine.
std::string demo_host(const Config& config);

/// What a demo sends to its own server, as real datagrams over loopback: a simulated field of cars,
/// or a recording over and over, its times moved to now. One thread.
class DemoFeed final : public DemoSource {
 public:
  /// Errors: the recording cannot be read, the server's socket not be reached.
  static Result<std::unique_ptr<DemoFeed>> open(const Config& config, double total_m,
                                                std::uint16_t udp_port, const Clock& clock);

  std::size_t poll(std::size_t budget) override;
  void idle() override;
  void wake() override {}

  const std::string& title() const override { return title_; }

  static constexpr double kRateHz = 25;

 private:
  DemoFeed(UdpSender sender, const Clock& clock) : sender_(std::move(sender)), clock_(clock) {}
  void send(std::string_view datagram);

  UdpSender sender_;
  const Clock& clock_;
  std::string title_;
  Moment start_ = {};
  std::string text_;

  std::unique_ptr<RaceField> field_;
  std::uint64_t steps_ = 0;

  Recording recording_;
  std::string time_member_;
  std::size_t next_ = 0;
};

}  // namespace slipstream
