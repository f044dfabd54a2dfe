#include "app/laps_component.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "app/health_page.h"
#include "app/lap_observers.h"
#include "app/laps_route.h"
#include "base/check.h"
#include "net/http_server.h"
#include "racing/lap_observer.h"

namespace slipstream {

void LapsComponent::routes(HttpServer& http) {
  CHECK(pins_ != nullptr, "sessions can be pinned, or it is said why not, before anybody asks");
  const Config& config = durable_.config;
  add_laps_routes(http, {.store = *durable_.store,
                         .writer = [this]() -> StoreWriter& { return *durable_.store_writer; },
                         .clock = durable_.clock,
                         .queries = queries_,
                         .texts = config.server.csv_raw ? CsvTexts::kRaw : CsvTexts::kGuarded,
                         .session_gap_ns = config.racing.session_gap_ns(),
                         .is_followed = !config.has_redis_log(),
                         .pins = *pins_});
}

void LapsComponent::health(HealthPage& page) const {
  auto laps = page.object("laps");
  const LapCounts& counts = durable_.lap_counts;
  laps.number("written", durable_.store_writer->stats().laps.value());
  laps.number("late", counts.late.value());
  laps.number("not_followed", counts.not_followed.value());
  laps.number("ambiguous", counts.ambiguous.value());
  laps.number("names_left_out", counts.left_out.value());
  if (counts.not_followed.value() > 0) {
    page.notice(fmt::format(
        "Laps: {} points are of machines beyond the {} whose laps are followed in a partition; set "
        "PARTITIONS higher to follow them",
        counts.not_followed.value(), LapOptions{}.max_cars));
  }
}

void LapsComponent::metrics(MetricsPage& page) const {
  page.counter("store_laps_written_total", "Closed laps written to SQLite, and their revisions",
               real(durable_.store_writer->stats().laps.value()));
  const LapCounts& counts = durable_.lap_counts;
  page.counter("laps_late_points_total", "Points that came too late for their lap",
               real(counts.late.value()));
  page.counter("laps_not_followed_points_total",
               "Points of machines beyond those whose laps are followed",
               real(counts.not_followed.value()));
  page.counter("laps_ambiguous_points_total",
               "Points that contradict those around them, as where two sources share a name",
               real(counts.ambiguous.value()));
}

Pipeline::ObserverFactory LapsComponent::beside(MakeObservers others) const {
  return [others = std::move(others), this](PartitionId partition) {
    LapObservers laps = make_lap_observers(durable_);
    PartitionObservers observers = others(partition, *laps.times);
    std::ranges::move(laps.observers, std::back_inserter(observers));
    return observers;
  };
}

}  // namespace slipstream
