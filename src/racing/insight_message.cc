#include "racing/insight_message.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "base/json_text.h"
#include "base/object_writer.h"

namespace slipstream {
namespace {

void per_sector(ObjectWriter& object, std::string& out, std::string_view name,
                const PerSector& figures) {
  object.key(name);
  ObjectWriter sectors(out);
  for (const auto& [sector, figure] : figures) {
    sectors.number(fmt::format_int(sector).c_str(), figure);
  }
}

void append(std::string& out, const VehicleInsight& car) {
  ObjectWriter object(out);
  object.text("chassis", car.chassis);
  object.text("track", car.track);
  object.number("lap", car.lap);
  object.number("lap_tire_stress", car.lap_tire_stress);
  per_sector(object, out, "perSectorStress", car.sector_stress);
  object.number("predicted_loss_per_lap_seconds", car.predicted_loss_per_lap_s);
  object.number("laps_until_0_5s_loss", car.laps_until_half_second_loss);
  object.key("meta");
  ObjectWriter meta(out);
  meta.number("avgSpeed", car.avg_speed);
  meta.number("maxSpeed", car.max_speed);
  meta.number("avgAcceleration", car.avg_acceleration);
  meta.number("maxAcceleration", car.max_acceleration);
  meta.number("avgBraking", car.avg_braking);
  meta.number("maxBraking", car.max_braking);
  meta.number("avgCornering", car.avg_cornering);
  meta.number("maxCornering", car.max_cornering);
  meta.number("consistency", car.consistency);
  meta.text("performanceTrend", to_string(car.trend));
  per_sector(meta, out, "sectorTimes", car.sector_times_s);
  meta.number("pointCount", static_cast<std::int64_t>(car.point_count));
}

void append(std::string& out, const Gap& gap) {
  ObjectWriter object(out);
  object.text("chassis", gap.chassis);
  object.number("position", static_cast<std::int64_t>(gap.position));
  object.number("gapToLeader", gap.to_leader);
  object.number_or_null("gapToAhead", gap.to_ahead);
  object.number_or_null("gapToBehind", gap.to_behind);
  object.number("relativeSpeed", gap.relative_speed);
  object.flag("overtakingOpportunity", gap.overtaking_opportunity);
  object.flag("underPressure", gap.under_pressure);
}

void append(std::string& out, const Notice& notice) {
  ObjectWriter object(out);
  object.text("type", notice.type);
  object.text("severity", to_string(notice.severity));
  object.text("state", notice.is_cleared ? "cleared" : "raised");
  object.text("message", notice.message);
  object.text("chassis", notice.chassis);
  object.number("timestamp", notice.timestamp_ms);
  object.key("data");
  ObjectWriter data(out);
  const auto& [figure, value] = notice.data;
  if (const auto* number = std::get_if<double>(&value)) {
    data.number(figure, *number);
  } else {
    data.text(figure, std::get<std::string_view>(value));
  }
}

template <typename T>
void append_array(std::string& out, std::span<const T> items) {
  out += '[';
  for (const auto& item : items) {
    if (&item != items.data()) out += ',';
    append(out, item);
  }
  out += ']';
}

void append_message(std::string& out, std::span<const VehicleInsight> insights,
                    std::span<const Gap> gaps, std::span<const Notice> notices,
                    ArrivalTime generated_at) {
  ObjectWriter message(out);
  message.text("type", "insight_update");
  message.key("data");
  append_array(out, insights);
  message.key("gaps");
  append_array(out, gaps);
  message.key("insights");
  append_array(out, notices);
  message.key("meta");
  ObjectWriter meta(out);
  meta.key("generated_at");
  append_json_time(out, generated_at.ns);
  meta.number("vehicle_count", static_cast<std::int64_t>(insights.size()));
  meta.text("analysis_version", "2.0");
}

}  // namespace

InsightUpdate encode_insight_update(std::span<const VehicleInsight> insights,
                                    std::span<const Gap> gaps, std::span<const Notice> notices,
                                    ArrivalTime generated_at) {
  InsightUpdate update;
  update.json.reserve(256 + insights.size() * 640 + gaps.size() * 192 + notices.size() * 192);
  append_message(update.json, insights, gaps, notices, generated_at);
  for (const auto& gap : gaps) update.gap_tracks.push_back(gap.track);
  for (const auto& notice : notices) update.notice_tracks.push_back(notice.track);
  return update;
}

}  // namespace slipstream
