#include "app/overview_component.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/influx_routes.h"
#include "base/json_text.h"
#include "net/http_server.h"
#include "ops/logging.h"

namespace slipstream {
namespace {

/// Who is asked first: figures stand in /metrics as they always did. Who is not listed is asked
/// then.
constexpr std::array<std::string_view, 10> kOrder = {
    "sources", "pipeline", "hub",     "store-writer", "http",
    "redis",   "streams",  "outputs", "stream-log",   "clock"};

std::vector<const Component*> in_order(const ComponentList& components) {
  std::vector<const Component*> all;
  for (const auto& component : components) all.push_back(component.get());
  std::ranges::stable_sort(all, {}, [](const Component* component) {
    return std::ranges::find(kOrder, component->name()) - kOrder.begin();
  });
  return all;
}

}  // namespace

OverviewComponent::OverviewComponent(const Config& config, const Clock& clock, IoThread& io,
                                     Hub& hub, const ComponentList& components)
    : config_(config),
      clock_(clock),
      io_(io),
      hub_(hub),
      components_(components),
      started_(clock.steady()) {}

void OverviewComponent::start() {
  rate_meter_.advance(all_totals());
  line_meter_.advance(all_totals());
  io_.every(std::chrono::seconds(1), [this] { turn(); });
  if (config_.log.metrics_interval_s > 0) {
    io_.every(std::chrono::seconds(config_.log.metrics_interval_s),
              [this] { log_line_of_rates(); });
  }
}

void OverviewComponent::turn() {
  rates_ = rate_meter_.advance(all_totals());
  if (!hub_.wants(Channel::kSystem)) return;
  hub_.broadcast(Channel::kSystem,
                 R"({"type":"system_update","data":)" + look(Form::kNumbers).text + '}');
}

void OverviewComponent::log_line_of_rates() {
  const Totals now = all_totals();
  const Rates rates = line_meter_.advance(now);
  const auto text = [](double value) { return fmt::format("{:.2f}", value); };
  log_info("rates", {{"points_per_s", text(rates.received)},
                     {"rollups_per_s", text(rates.rollups)},
                     {"errors_per_s", text(rates.rejected)},
                     {"kernel_drops_per_s", text(rates.kernel_drops)},
                     {"skipped_per_s", text(rates.skipped)},
                     {"batch_ms", text(rates.processing_ms)},
                     {"clients", std::to_string(now.clients)}});
}

void OverviewComponent::routes(HttpServer& http) {
  http.route("GET", "/api/health",
             [this](const HttpRequest&, HttpResponder respond) {
               Health health = look(Form::kBody);
               respond({.status = health.is_ok ? 200u : 503u, .body = std::move(health.text)});
             },
             {.scope = Scope::kRead});
  http.route(
      "GET", "/metrics",
      [this](const HttpRequest& request, HttpResponder respond) {
        const MetricsPage page = metrics_page();
        if (accepts_open_metrics(request.header("Accept"))) {
          respond({.body = page.open_metrics(), .content_type = std::string(kOpenMetricsType)});
        } else {
          respond({.body = page.text(), .content_type = "text/plain; version=0.0.4"});
        }
      },
      {.scope = config_.security.protect_metrics ? Scope::kAdmin : Scope::kRead,
       .parameters = {.passes_over_others = true}});
  add_influx_probes(http, [this] { return is_fit(); });
}

Totals OverviewComponent::all_totals() const {
  Totals totals;
  totals.at = clock_.steady();
  for (const auto& component : components_) component->totals(totals);
  return totals;
}

void OverviewComponent::append_metrics(std::string& out, Form form) const {
  const Totals all = all_totals();
  ObjectWriter metrics(out);
  metrics.number("messagesReceived", all.received);
  metrics.number("messagesBroadcast", all.broadcast);
  metrics.number("wsClients", all.clients);
  metrics.number("aggregationsProcessed", all.rollups);
  metrics.number("errors", all.rejected);
  metrics.number("ringBufferSize", all.ring_points);
  const auto rate = [&](std::string_view name, double value) {
    const std::string text = fmt::format("{:.2f}", value);
    if (form == Form::kBody) {
      metrics.text(name, text);
    } else {
      metrics.key(name) += text;
    }
  };
  rate("messageRate", rates_.received);
  rate("avgProcessingTimeMs", rates_.processing_ms);
  if (form == Form::kBody) return;
  metrics.number("kernelDrops", all.kernel_drops);
  rate("rollupRate", rates_.rollups);
  rate("errorRate", rates_.rejected);
}

OverviewComponent::Health OverviewComponent::look(Form form) const {
  HealthPage page;
  append_json_time(page.member("now"), clock_.now().ns);
  append_metrics(page.member("metrics"), form);
  append_json_string(page.member("version"), SLIPSTREAM_VERSION);
  page.member("uptimeSeconds") = std::to_string((clock_.steady() - started_) / kNsPerSecond);
  for (const Component* const component : in_order(components_)) component->health(page);
  const bool is_ok = page.is_ok();
  return {is_ok, std::move(page).text()};
}

bool OverviewComponent::is_fit() {
  const auto now = clock_.steady();
  if (now - asked_fit_ >= kNsPerSecond) {
    asked_fit_ = now;
    is_fit_ = look(Form::kNumbers).is_ok;
  }
  return is_fit_;
}

MetricsPage OverviewComponent::metrics_page() const {
  MetricsPage page;
  for (const Component* const component : in_order(components_)) component->metrics(page);
  page.gauge("build_info", "The program's version", 1, {{"version", SLIPSTREAM_VERSION}});
  return page;
}

}  // namespace slipstream
