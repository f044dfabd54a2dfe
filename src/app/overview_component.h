#pragma once
#include <string>

#include "app/component.h"
#include "app/rates.h"
#include "broadcast/hub.h"
#include "net/io_thread.h"
#include "ops/config.h"

namespace slipstream {

/// What all components say of themselves, together: /api/health, /metrics, the message
/// `system_update` to clients, the periodic line of the log.
class OverviewComponent final : public Component {
 public:
  /// All of it outlives this; more components may come to the list.
  OverviewComponent(const Config& config, const Clock& clock, IoThread& io, Hub& hub,
                    const ComponentList& components);

  std::string_view name() const override { return "overview"; }
  void start() override;
  void routes(HttpServer& http) override;

  /// Any thread, as long as the server has all its components.
  Totals all_totals() const;

 private:
  /// As the body of /api/health, where rates are texts; or all of it in numbers, with a few rates
  /// more.
  enum class Form { kBody, kNumbers };
  struct Health {
    bool is_ok;
    std::string text;
  };
  Health look(Form form) const;
  /// What /api/health says, as of a second ago at most: anybody may ask. I/O thread.
  bool is_fit();
  MetricsPage metrics_page() const;
  void append_metrics(std::string& out, Form form) const;
  void turn();
  void log_line_of_rates();

  const Config& config_;
  const Clock& clock_;
  IoThread& io_;
  Hub& hub_;
  const ComponentList& components_;
  const SteadyTime started_;
  Rates rates_;           ///< on the I/O thread: of the last second
  RateMeter rate_meter_;  ///< likewise
  RateMeter line_meter_;  ///< likewise: of the periodic log line
  SteadyTime asked_fit_ = kNever;
  bool is_fit_ = true;
};

}  // namespace slipstream
