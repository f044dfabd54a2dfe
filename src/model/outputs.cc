#include "model/outputs.h"

namespace slipstream {

std::size_t Output::bytes() const {
  std::size_t bytes = sizeof *this;
  for (const auto& rollup : rollups) {
    bytes += sizeof(Rollup) + rollup->fields.size() * sizeof(FieldFigures);
  }
  for (const auto& key : keys) bytes += sizeof key + key.key.size() + key.answer.size();
  if (checkpoint) {
    for (const auto& [number, state] : checkpoint->changed) bytes += state.size() + sizeof number;
  }
  return bytes;
}

}  // namespace slipstream
