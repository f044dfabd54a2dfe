#include "codec/games_decoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/number_text.h"

namespace slipstream {
namespace {

/// What racing's members are called here, where the schema has other names for them.
std::string_view name_of_column(std::string_view column, const SchemaOptions& names) {
  static const SchemaOptions kUsual;
  if (column == kUsual.lap) return names.lap;
  if (column == kUsual.sector) return names.sector;
  const auto known = std::ranges::find(kUsual.well_known, column);
  if (known == kUsual.well_known.end()) return column;
  return names.well_known[static_cast<std::size_t>(known - kUsual.well_known.begin())];
}

}  // namespace

std::size_t GameDecoding::decode(std::string_view bytes, const TextOrigin& origin,
                                 RejectionSink& rejections) {
  source_ = origin.source;
  rejections_ = &rejections;
  points_ = 0;
  kept_last_ = false;
  if (!game_.take(bytes, {origin.sender, origin.arrival}, *this)) {
    rejections.rejected(0,
                        {RejectReason::kUnknownFormat,
                         fmt::format("{} bytes that are of no game known here", bytes.size())},
                        bytes);
    return 1;
  }
  kept_last_ = points_ == 0;
  return points_;
}

std::size_t GameDecoding::flush(ArrivalTime now, RejectionSink& rejections) {
  rejections_ = &rejections;
  points_ = 0;
  game_.flush(now, *this);
  return points_;
}

void GameDecoding::point(const game::GamePoint& point) {
  if (columns_.empty()) learn_columns();
  if (auto filled = fill(point); !filled) {
    rejections_->rejected(points_, filled.error(), point.chassis);
  }
  ++points_;
}

void GameDecoding::learn_columns() {
  const auto& names = filler_.builder().schema().options();
  for (const auto column : game::kColumns) {
    columns_.push_back(filler_.members().copy_of(name_of_column(column, names)));
  }
}

DraftFiller::Outcome GameDecoding::fill(const game::GamePoint& point) {
  static const Member kText("", MemberRole::kOther);
  const auto& names = filler_.builder().schema().options();
  filler_.begin();
  json_.begin();
  Draft& draft = filler_.draft();
  draft.track = point.track;
  draft.chassis = point.chassis;
  draft.event_ns = point.time.ns;
  json_.add_time(names.time, point.time.ns);
  json_.add_text(names.track, point.track);
  json_.add_text(names.chassis, point.chassis);
  const auto add_text = [&](std::string_view name, std::string_view text) -> DraftFiller::Outcome {
    json_.add_text(name, text);
    const Member* member = filler_.members().find(name);
    return filler_.take_text(member == nullptr ? kText : *member, text);
  };
  if (!point.session.empty()) {
    if (auto taken = add_text("session", point.session); !taken) return taken;
  }
  if (auto taken = add_text("source_game", point.source_game); !taken) return taken;
  for (const auto& [value, column] : point.numbers) {
    Member& member = columns_[column];
    char text[kNumberChars];
    const std::string_view literal(text,
                                   static_cast<std::size_t>(write_number(text, value) - text));
    json_.add_number(member, literal, value);
    if (auto taken = filler_.take_number(member, literal, value); !taken) return taken;
  }
  for (const auto& [name, text] : point.texts) {
    if (auto taken = add_text(name, text); !taken) return taken;
  }
  if (point.is_restricted) {
    json_.add_raw("restricted", *point.is_restricted ? "true" : "false");
    if (auto taken = filler_.take_other(kText); !taken) return taken;
  }
  json_.finish(draft);
  return filler_.finish({.source = source_, .arrival = point.arrival, .sender = point.sender});
}

}  // namespace slipstream
