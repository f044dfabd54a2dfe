#pragma once
#include <memory>

#include "app/component.h"
#include "ops/config.h"
#include "redis/servers.h"

namespace slipstream {

/// The connections to Redis, for the components that speak to it; without a URL there are none.
class RedisComponent final : public Component {
 public:
  /// No network yet. Errors: the URL is none.
  static Result<std::unique_ptr<RedisComponent>> open(const Config& config, const Clock& clock);

  std::string_view name() const override { return "redis"; }
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;

  bool is_enabled() const { return servers_ != nullptr; }
  /// Where it is enabled.
  RedisServers& servers() { return *servers_; }
  /// For whoever stops, before its last words: what cannot be reached soon is given up.
  void hurry() { servers_->hurry(kLastConnectLimit); }

 private:
  static constexpr std::chrono::milliseconds kLastConnectLimit{300};

  RedisComponent() = default;

  std::unique_ptr<RedisServers> servers_;
};

}  // namespace slipstream
