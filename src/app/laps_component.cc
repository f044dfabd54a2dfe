#include "app/laps_component.h"

#include <iterator>
#include <utility>

#include "app/health_page.h"
#include "app/lap_observers.h"
#include "app/laps_route.h"
#include "net/http_server.h"

namespace slipstream {

void LapsComponent::routes(HttpServer& http) {
  const Config& config = durable_.config;
  add_laps_routes(http, {.store = *durable_.store,
                         .writer = [this]() -> StoreWriter& { return *durable_.store_writer; },
                         .clock = durable_.clock,
                         .queries = queries_,
                         .texts = config.server.csv_raw ? CsvTexts::kRaw : CsvTexts::kGuarded,
                         .session_gap_ns = config.racing.session_gap_ns(),
                         .is_followed = !config.has_redis_log()});
}

void LapsComponent::health(HealthPage& page) const {
  auto laps = page.object("laps");
  laps.number("written", durable_.store_writer->stats().laps.value());
}

void LapsComponent::metrics(MetricsPage& page) const {
  page.counter("store_laps_written_total", "Closed laps written to SQLite, and their revisions",
               real(durable_.store_writer->stats().laps.value()));
}

Pipeline::ObserverFactory LapsComponent::beside(Pipeline::ObserverFactory others) const {
  return [others = std::move(others), this](PartitionId partition) {
    PartitionObservers observers = others(partition);
    PartitionObservers of_laps = make_lap_observers(durable_);
    std::ranges::move(of_laps, std::back_inserter(observers));
    return observers;
  };
}

}  // namespace slipstream
