#include "app/alerts_component.h"

#include <fmt/format.h>

#include <vector>

#include "app/alerts_route.h"
#include "app/health_page.h"
#include "base/check.h"
#include "net/http_server.h"
#include "ops/logging.h"

namespace slipstream {

Result<std::unique_ptr<AlertsComponent>> AlertsComponent::open(DurableParts& durable,
                                                               IoThread& queries) {
  std::vector<std::string> rules;
  for (const AlertRule& rule : durable.config.alerts) rules.push_back(rule.id());
  const auto cleared = durable.store->clear_alerts_but(
      rules, durable.clock.now(),
      "cleared: the alert was removed from the configuration, or its conditions were changed");
  if (!cleared) return std::unexpected(cleared.error());
  if (*cleared > 0) {
    log_info("active alerts that are not configured any more were cleared",
             {{"alerts", std::to_string(*cleared)}});
  }
  return std::unique_ptr<AlertsComponent>(new AlertsComponent(durable, queries));
}

AlertsComponent::AlertsComponent(DurableParts& durable, IoThread& queries)
    : durable_(durable), queries_(queries) {
  for (const AlertRule& rule : durable.config.alerts) counts_.try_emplace(rule.name);
}

Result<void> AlertsComponent::begin(Hub& hub) {
  hub_ = &hub;
  const auto newest = durable_.store->newest_alert();
  if (!newest) return std::unexpected(newest.error());
  hub.begin_events(Channel::kAlerts, *newest);
  const auto active = durable_.store->active_alerts();
  if (!active) return std::unexpected(active.error());
  for (const Alert& alert : *active) {
    if (const auto counts = counts_.find(alert.name); counts != counts_.end()) {
      counts->second.active.add(1);
    }
  }
  return {};
}

void AlertsComponent::accept(std::span<const StoredAlert> alerts) {
  CHECK(hub_ != nullptr, "alerts are committed once somebody gets them");
  for (const StoredAlert& stored : alerts) {
    const auto counts = counts_.find(stored.alert.name);
    if (counts == counts_.end()) continue;
    counts->second.active.add(stored.alert.is_raised ? 1 : -1);
    if (stored.alert.is_raised) counts->second.raised.add();
  }
  hub_->accept(alerts);
}

void AlertsComponent::routes(HttpServer& http) {
  add_alerts_route(http,
                   {.store = *durable_.store,
                    .queries = queries_,
                    .texts = durable_.config.server.csv_raw ? CsvTexts::kRaw : CsvTexts::kGuarded});
}

void AlertsComponent::health(HealthPage& page) const {
  std::int64_t active = 0;
  std::uint64_t raised = 0;
  for (const auto& [name, counts] : counts_) {
    active += counts.active.value();
    raised += counts.raised.value();
  }
  auto alerts = page.object("alerts");
  alerts.number("configured", counts_.size());
  alerts.number("active", active);
  alerts.number("raised", raised);
  const std::uint64_t not_followed = durable_.alert_counts.not_followed.value();
  alerts.number("notFollowed", not_followed);
  if (not_followed == 0) return;
  page.notice(fmt::format(
      "Alerts: {} points are of series beyond the {} that are watched in a partition; set "
      "PARTITIONS higher to watch them",
      not_followed, AlertObserver::kMostSeries));
}

void AlertsComponent::metrics(MetricsPage& page) const {
  for (const auto& [name, counts] : counts_) {
    const Labels labels = {{"name", name}};
    page.gauge("alerts_active", "Alerts that are raised and not cleared",
               real(counts.active.value()), labels);
    page.counter("alerts_raised_total", "Alerts raised since the start",
                 real(counts.raised.value()), labels);
  }
  page.counter("alerts_not_followed_points_total",
               "Points of series beyond those that alerts watch",
               real(durable_.alert_counts.not_followed.value()));
}

}  // namespace slipstream
