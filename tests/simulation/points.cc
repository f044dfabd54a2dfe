#include "simulation/points.h"

#include <fmt/format.h>

namespace slipstream::simulation {

std::string text_of(const Place& place) {
  const auto& [window, track, chassis, lap, sector, start] = place;
  return fmt::format("{} of {} {}, lap {}, sector {}, from {} ms", window, track, chassis, lap,
                     sector, start / kNsPerMs);
}

std::string text_of(const Figures& f) {
  return fmt::format("{} points ({}, {})", f.count, f.weight_a, f.weight_b);
}

Place place_of(const WindowDefinition& definition, const SimPoint& point) {
  const std::int64_t every_ns = definition.every_ms * kNsPerMs;
  return {definition.name,
          point.track,
          point.chassis,
          definition.key_lap ? point.lap : 0,
          definition.key_sector ? point.sector : 0,
          every_ns == 0 ? 0 : floor_to(point.event_ns, every_ns)};
}

void add_point(PointBatch& batch, const SimPoint& from, SourceKind source, ArrivalTime arrival,
               const PointFields& fields) {
  const auto append = [&](std::string_view what) {
    const TextRef ref{static_cast<std::uint32_t>(batch.text.size()),
                      static_cast<std::uint32_t>(what.size())};
    batch.text += what;
    return ref;
  };
  Point point{};
  point.source = source;
  point.event_time = {from.event_ns};
  point.arrival_time = arrival;
  point.series_hash = series_hash(from.track, from.chassis);
  point.track = append(from.track);
  point.chassis = append(from.chassis);
  point.lap = static_cast<std::int16_t>(from.lap);
  point.sector = from.sector;
  point.first_value = static_cast<std::uint32_t>(batch.values.size());
  point.value_count = 2;
  batch.values.push_back({static_cast<double>(from.weight_a), fields.weight_a});
  batch.values.push_back({static_cast<double>(from.weight_b), fields.weight_b});
  batch.points.push_back(point);
}

}  // namespace slipstream::simulation
