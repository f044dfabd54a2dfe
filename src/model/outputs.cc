#include "model/outputs.h"

#include <algorithm>

namespace slipstream {

std::size_t Output::bytes() const {
  std::size_t bytes = sizeof *this;
  for (const auto& rollup : rollups) {
    bytes += sizeof(Rollup) + rollup->fields.size() * sizeof(FieldFigures);
  }
  for (const auto& key : keys) bytes += sizeof key + key.key.size() + key.answer.size();
  for (const auto& placed : marks) bytes += sizeof placed + bytes_of(*placed.mark);
  bytes += laps.bytes();
  for (const auto& [name, line] : track_lines) bytes += name.size() + line.size();
  for (const Alert& alert : alerts) bytes += alert.bytes();
  if (checkpoint) {
    for (const auto& [number, state] : checkpoint->changed) bytes += state.size() + sizeof number;
  }
  return bytes;
}

std::size_t Output::rows() const {
  const auto stored =
      std::ranges::count_if(rollups, [](const RollupPtr& rollup) { return rollup->stored; });
  return static_cast<std::size_t>(stored) + marks.size() + laps.laps.size() +
         laps.activities.size() + track_lines.size() + alerts.size() +
         (checkpoint ? checkpoint->changed.size() : 0);
}

}  // namespace slipstream
