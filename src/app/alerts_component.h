#pragma once
#include <map>
#include <memory>
#include <string>

#include "app/component.h"
#include "app/durable_parts.h"
#include "base/counters.h"
#include "broadcast/hub.h"
#include "model/sinks.h"
#include "net/io_thread.h"

namespace slipstream {

/// Alerts, as observers of the partitions raise and clear them and the store keeps them: whoever
/// asks gets them here, and how many are active. What is committed goes on to the live clients.
class AlertsComponent final : public Component, public StoredAlertSink {
 public:
  /// Clears those that are active of rules that are not configured any more. `durable` has its
  /// store, whose writer does not run yet; all of it outlives this. Errors: the store's.
  static Result<std::unique_ptr<AlertsComponent>> open(DurableParts& durable, IoThread& queries);

  /// Before anything is committed: behind all that a start clears.
  Result<void> begin(Hub& hub);

  std::string_view name() const override { return "alerts"; }
  void routes(HttpServer& http) override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;

  void accept(std::span<const StoredAlert> alerts) override;

 private:
  struct Counts {
    Gauge active;
    Counter raised;
  };

  AlertsComponent(DurableParts& durable, IoThread& queries);

  DurableParts& durable_;
  IoThread& queries_;
  Hub* hub_ = nullptr;
  std::map<std::string, Counts, std::less<>> counts_;  ///< by name: those of the configuration
};

}  // namespace slipstream
