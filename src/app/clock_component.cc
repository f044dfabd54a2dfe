#include "app/clock_component.h"

#include <fmt/format.h>

#include <cmath>

#include "ops/logging.h"

namespace slipstream {

void ClockComponent::start() {
  io_.every(std::chrono::seconds(1), [this] { look(); });
}

void ClockComponent::look() {
  const auto step_ns = watch_.look();
  if (!step_ns) return;
  const double seconds = static_cast<double>(*step_ns) * 1e-9;
  log_warn(
      fmt::format("this machine's clock went {} by {:.1f} s: {}. Log, windows and live updates go "
                  "on; points without a time of their own are stamped by it",
                  seconds < 0 ? "back" : "forward", std::abs(seconds),
                  seconds < 0 ? "somebody, or a time server, set it"
                              : "somebody, or a time server, set it, or the machine slept"));
}

void ClockComponent::health(HealthPage& page) const {
  auto object = page.object("clock");
  object.number("steps", watch_.steps());
  if (watch_.steps() == 0) return;
  object.key("lastStepSeconds") +=
      fmt::format("{:.3f}", static_cast<double>(watch_.last_step_ns()) * 1e-9);
  append_json_time(object.key("lastStepAt"), watch_.last_step_at().ns);
}

void ClockComponent::metrics(MetricsPage& page) const {
  page.counter("clock_steps_total", "Times that this machine's wall clock was set by over a second",
               real(watch_.steps()));
}

}  // namespace slipstream
