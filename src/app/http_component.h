#pragma once
#include <atomic>
#include <memory>

#include "app/component.h"
#include "app/connection_budget.h"
#include "net/http_server.h"
#include "net/io_thread.h"
#include "ops/config.h"

namespace slipstream {

/// The HTTP server, with the page and the endpoints of all components. While it runs the server is
/// ready: it is started last, and stopped first.
class HttpComponent final : public Component {
 public:
  /// Listens already, and answers once it is started. `components` have opened all that they
  /// answer with. Errors: the address is in use; a setting is bad.
  static Result<std::unique_ptr<HttpComponent>> open(const Config& config,
                                                     const ConnectionBudget& budget, IoThread& io,
                                                     const ComponentList& components);

  std::string_view name() const override { return "http"; }
  void start() override;
  /// Takes nothing new. Connections that are open go on, until who answers them has stopped.
  bool stop() override;
  /// The certificate.
  void reload() override;
  void routes(HttpServer& http) override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;

  std::uint16_t port() const { return http_->port(); }
  const HttpGuardStats& guard_stats() const { return http_->guard_stats(); }

 private:
  HttpComponent(const Config& config, const ConnectionBudget& budget)
      : config_(config), budget_(budget) {}

  const Config& config_;
  const ConnectionBudget budget_;
  std::atomic<bool> is_ready_{false};
  std::unique_ptr<HttpServer> http_;
};

}  // namespace slipstream
