#pragma once
#include "app/component.h"
#include "base/clock_watch.h"
#include "net/io_thread.h"

namespace slipstream {

/// Tells where this machine's wall clock was set.
class ClockComponent final : public Component {
 public:
  ClockComponent(const Clock& clock, IoThread& io) : io_(io), watch_(clock) {}

  std::string_view name() const override { return "clock"; }
  void start() override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;

 private:
  void look();

  IoThread& io_;
  ClockWatch watch_;
};

}  // namespace slipstream
