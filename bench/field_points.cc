#include "field_points.h"

#include <iterator>
#include <string_view>
#include <utility>

namespace slipstream::bench {

void add_field_point(PointBatch& batch, Schema& schema, const RaceField& field, std::size_t car,
                     EventTime now) {
  const CarReading r = field.reading(car);
  const auto text = [&](std::string_view piece) {
    batch.text += piece;
    return TextRef{static_cast<std::uint32_t>(batch.text.size() - piece.size()),
                   static_cast<std::uint32_t>(piece.size())};
  };
  Point& p = batch.points.emplace_back();
  p.track = text("barber");
  p.chassis = text(field.chassis(car));
  p.series_hash = series_hash("barber", field.chassis(car));
  p.event_time = now;
  p.arrival_time = {now.ns};
  p.lap = static_cast<std::int16_t>(r.lap);
  p.has_sequence = true;
  p.sequence = r.sequence;
  p.first_value = static_cast<std::uint32_t>(batch.values.size());
  const std::pair<const char*, double> values[] = {{"lapdist_m", r.lapdist_m},
                                                   {"speed_kmh", r.speed_kmh},
                                                   {"accx_can", r.accx_g},
                                                   {"accy_can", r.accy_g},
                                                   {"Steering_Angle", r.steering_deg},
                                                   {"pbrake_f", r.brake_front_bar},
                                                   {"pbrake_r", r.brake_rear_bar},
                                                   {"rpm", r.rpm},
                                                   {"gear", r.gear},
                                                   {"aps", r.throttle_percent},
                                                   {"VBOX_Lat_Min", r.latitude},
                                                   {"VBOX_Long_Minutes", r.longitude}};
  for (const auto& [name, value] : values) {
    batch.values.push_back({value, schema.fields().intern(name).value()});
  }
  p.value_count = static_cast<std::uint16_t>(std::size(values));
}

}  // namespace slipstream::bench
