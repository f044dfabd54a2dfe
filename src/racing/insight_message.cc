#include "racing/insight_message.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "base/json_text.h"

namespace slipstream {
namespace {

/// Writes one object's members with their commas. Keys are ours and need no escaping.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
  ~ObjectWriter() { out_ += '}'; }
  ObjectWriter(const ObjectWriter&) = delete;
  ObjectWriter& operator=(const ObjectWriter&) = delete;

  void key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  void text(std::string_view name, std::string_view value) {
    key(name);
    append_json_string(out_, value);
  }
  void number(std::string_view name, double value) {
    key(name);
    append_json_number(out_, value);
  }
  void integer(std::string_view name, std::int64_t value) {
    key(name);
    out_ += fmt::format_int(value).c_str();
  }
  void boolean(std::string_view name, bool value) {
    key(name);
    out_ += value ? "true" : "false";
  }
  void number_or_null(std::string_view name, std::optional<double> value) {
    key(name);
    if (value) {
      append_json_number(out_, *value);
    } else {
      out_ += "null";
    }
  }
  void per_sector(std::string_view name, const PerSector& figures) {
    key(name);
    ObjectWriter sectors(out_);
    for (const auto& [sector, figure] : figures) {
      sectors.number(fmt::format_int(sector).c_str(), figure);
    }
  }

 private:
  std::string& out_;
  bool first_ = true;
};

void append(std::string& out, const VehicleInsight& car) {
  ObjectWriter object(out);
  object.text("chassis", car.chassis);
  object.text("track", car.track);
  object.integer("lap", car.lap);
  object.number("lap_tire_stress", car.lap_tire_stress);
  object.per_sector("perSectorStress", car.sector_stress);
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
  meta.per_sector("sectorTimes", car.sector_times_s);
  meta.integer("pointCount", static_cast<std::int64_t>(car.point_count));
}

void append(std::string& out, const Gap& gap) {
  ObjectWriter object(out);
  object.text("chassis", gap.chassis);
  object.integer("position", static_cast<std::int64_t>(gap.position));
  object.number("gapToLeader", gap.to_leader);
  object.number_or_null("gapToAhead", gap.to_ahead);
  object.number_or_null("gapToBehind", gap.to_behind);
  object.number("relativeSpeed", gap.relative_speed);
  object.boolean("overtakingOpportunity", gap.overtaking_opportunity);
  object.boolean("underPressure", gap.under_pressure);
}

void append(std::string& out, const Notice& notice) {
  ObjectWriter object(out);
  object.text("type", notice.type);
  object.text("severity", to_string(notice.severity));
  object.text("message", notice.message);
  object.text("chassis", notice.chassis);
  object.integer("timestamp", notice.timestamp_ms);
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
  meta.integer("vehicle_count", static_cast<std::int64_t>(insights.size()));
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
