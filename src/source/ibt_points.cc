#include "source/ibt_points.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/iso_time.h"
#include "base/json_text.h"
#include "model/schema.h"
#include "source/ibt_session.h"

namespace slipstream {
namespace {

constexpr double kNsOfSecond = 1e9;
/// A recording is never longer: a clock that says so is damage.
constexpr double kLongestS = 30.0 * 86'400;

const SchemaOptions& usual_names() {
  static const SchemaOptions kNames;
  return kNames;
}

void append_text_member(std::string& out, std::string_view name, std::string_view text) {
  out += out.empty() ? "" : ",";
  append_json_string(out, name);
  out += ':';
  append_json_string(out, text);
}

/// "okayama full" as "okayama_full".
std::string track_of(std::string name) {
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == ' ') c = '_';
  }
  return name;
}

/// No longer than a dimension may be, and cut before a character.
std::string short_enough(std::string text) {
  std::size_t size = std::min(text.size(), Schema::kMaxDimensionBytes);
  while (size < text.size() && size > 0 && (text[size] & 0xC0) == 0x80) --size;
  text.resize(size);
  return text;
}

bool is_in(double value, IbtMember::Range range) {
  if (!std::isfinite(value)) return false;
  switch (range) {
    case IbtMember::Range::kAll:
      return true;
    case IbtMember::Range::kPositive:
      return value > 0;
    case IbtMember::Range::kNotNegative:
      return value >= 0;
  }
  return false;
}

}  // namespace

Result<IbtPoints> IbtPoints::open(const IbtFile& file, const std::string& track,
                                  std::int64_t ended_ns) {
  IbtPoints points(file);
  const IbtSession session = read_ibt_session(file.session_text());
  std::string where = track;
  if (where.empty()) where = track_of(session.track);
  if (where.empty() && !session.track_id.empty()) where = "track_" + session.track_id;
  if (where.empty()) return fail("it names no track: --track does");
  std::string who = session.driver;
  if (who.empty()) who = "car index " + session.car_index;
  const SchemaOptions& names = usual_names();
  append_text_member(points.dimensions_, names.track, short_enough(std::move(where)));
  append_text_member(points.dimensions_, names.chassis, short_enough(std::move(who)));
  append_text_member(points.dimensions_, "source_game", "iracing");
  if (!session.car.empty()) append_text_member(points.dimensions_, "car", session.car);
  if (!session.car_number.empty()) {
    append_text_member(points.dimensions_, "car_number", session.car_number);
  }
  points.sub_session_ = session.sub_session;
  const auto* const clock = file.find("SessionTime");
  if (clock != nullptr && clock->count == 1) points.clock_ = clock;
  points.session_number_ = file.find("SessionNum");
  points.last_lap_ = file.find("LapLastLapTime");
  points.choose_columns();
  if (file.began_s()) {
    points.began_ns_ = *file.began_s() * 1'000'000'000;
    points.began_at_s_ = points.clock_ == nullptr ? 0 : file.began_at_session_s();
  } else if (file.records() > 0) {
    points.began_ns_ = ended_ns;
    points.began_at_s_ = points.clock_of(file.records() - 1).value_or(0);
  }
  return points;
}

void IbtPoints::choose_columns() {
  const SchemaOptions& names = usual_names();
  taken_ = {names.time, names.track, names.chassis, names.lap,    names.sector,
            "session",  "car",       "car_number",  "source_game"};
  // What all games have keeps its name, whatever another variable is called.
  const auto kind_of = [](const IbtVariable& variable) {
    if (variable.is_over_time) return 3;
    if (variable.count > 1) return 2;
    return member_of(variable).is_known ? 0 : 1;
  };
  for (int kind = 0; kind <= 3; ++kind) {
    for (const IbtVariable& variable : file_->variables()) {
      if (kind_of(variable) != kind) continue;
      if (variable.name == "Lap" && variable.count == 1) {
        lap_ = &variable;
      } else if (variable.type == IbtVariable::Type::kChar && variable.count > 1) {
        std::string before;
        append_json_string(before, unique(member_of(variable).name));
        texts_.push_back({&variable, "," + before + ":"});
      } else if (columns_.size() + variable.count > Schema::kMaxFieldsPerPoint) {
        left_out_.push_back(variable.name);
      } else {
        add_column(variable, member_of(variable));
      }
    }
  }
}

void IbtPoints::add_column(const IbtVariable& variable, IbtMember member) {
  for (std::size_t i = 0; i < variable.count; ++i) {
    std::string name;
    append_json_string(
        name, unique(variable.count == 1 ? member.name : fmt::format("{}_{}", member.name, i + 1)));
    columns_.push_back({.variable = &variable,
                        .index = i,
                        .scale = member.scale,
                        .range = member.range,
                        .before = "," + name + ":"});
  }
}

std::string IbtPoints::unique(std::string name) {
  std::string free = name;
  for (std::size_t n = 2; std::ranges::find(taken_, free) != taken_.end(); ++n) {
    free = fmt::format("{}_{}", name, n);
  }
  taken_.push_back(free);
  return free;
}

std::optional<double> IbtPoints::clock_of(std::size_t record) const {
  if (clock_ == nullptr) return static_cast<double>(record) / file_->ticks_per_second();
  const double seconds = IbtFile::number(file_->record(record), *clock_);
  if (!(std::abs(seconds) <= kLongestS)) return std::nullopt;
  return seconds;
}

/// A weekend's next session begins its clock anew, and the recording goes on.
std::optional<std::int64_t> IbtPoints::time_of(std::size_t record) {
  const auto seconds = clock_of(record);
  if (!seconds) return std::nullopt;
  if (last_s_ && *seconds < *last_s_) {
    shift_s_ += *last_s_ + 1 / file_->ticks_per_second() - *seconds;
  }
  last_s_ = seconds;
  const double since_s = *seconds + shift_s_ - began_at_s_;
  if (!(std::abs(since_s) <= kLongestS)) return std::nullopt;
  return began_ns_ + std::llround(since_s * kNsOfSecond);
}

std::optional<IbtPoints::Made> IbtPoints::point(std::size_t record) {
  const auto time_ns = time_of(record);
  if (!time_ns) return std::nullopt;
  const std::string_view bytes = file_->record(record);
  const SchemaOptions& names = usual_names();
  json_ = "{";
  append_json_string(json_, names.time);
  json_ += ":\"";
  append_iso_time(json_, *time_ns);
  json_ += "\",";
  json_ += dimensions_;
  append_texts(bytes);
  const auto lap = lap_of(bytes);
  if (lap) {
    json_ += ',';
    append_json_string(json_, names.lap);
    json_ += fmt::format(":{}", *lap);
  }
  watch_last_lap(bytes, lap);
  for (const Column& column : columns_) {
    const double raw = IbtFile::number(bytes, *column.variable, column.index);
    if (!is_in(raw, column.range)) continue;
    if (column.variable == last_lap_ && raw == old_last_lap_s_) continue;
    const double value = column.scale.is_plain() ? raw : column.scale.of(raw);
    if (!std::isfinite(value)) continue;
    json_ += column.before;
    append_json_number(json_, value);
  }
  json_ += '}';
  return Made{.time_ns = *time_ns, .json = json_};
}

std::optional<std::uint32_t> IbtPoints::lap_of(std::string_view record) const {
  if (lap_ == nullptr) return std::nullopt;
  const double lap = IbtFile::number(record, *lap_);
  if (!(lap >= 0 && lap <= static_cast<double>(Schema::kMaxLap))) return std::nullopt;
  return static_cast<std::uint32_t>(lap);
}

/// iRacing tells a lap's time some seconds behind the line. What it tells until then would be taken
/// for it.
void IbtPoints::watch_last_lap(std::string_view record, std::optional<std::uint32_t> lap) {
  if (last_lap_ == nullptr) return;
  const double told = IbtFile::number(record, *last_lap_);
  if (lap != lap_before_ && lap_before_) old_last_lap_s_ = last_lap_before_s_;
  if (old_last_lap_s_ && told != *old_last_lap_s_) old_last_lap_s_.reset();
  lap_before_ = lap;
  last_lap_before_s_ = told;
}

void IbtPoints::append_texts(std::string_view record) {
  if (!sub_session_.empty()) {
    std::string session = sub_session_;
    if (session_number_ != nullptr) {
      session += fmt::format("-{:.0f}", IbtFile::number(record, *session_number_));
    }
    json_ += ',';
    append_json_string(json_, "session");
    json_ += ':';
    append_json_string(json_, session);
  }
  for (const TextColumn& column : texts_) {
    const auto text = IbtFile::text(record, *column.variable);
    if (text.empty()) continue;
    json_ += column.before;
    append_json_string(json_, text);
  }
}

}  // namespace slipstream
