#include "store/stored_rollup.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "codec/rollup_json.h"

namespace slipstream {

std::string stored_rollup_json(const Statement& row) {
  std::string out;
  append_rollup_head(out, {row.text(kTrackColumn),
                           row.text(kChassisColumn),
                           row.text(kTagsColumn),
                           static_cast<std::int32_t>(row.integer(5)),
                           static_cast<std::int32_t>(row.integer(6)),
                           static_cast<std::uint64_t>(row.integer(7)),
                           {row.integer(8)},
                           {row.integer(9)}});
  const auto stats = row.text(11);
  if (stats.size() > 2) {
    out += ',';
    out += stats.substr(1, stats.size() - 2);
  }
  std::array<std::uint8_t, 16> id{};
  const auto blob = row.blob(2);
  std::memcpy(id.data(), blob.data(), std::min(id.size(), blob.size()));
  append_rollup_tail(out, row.text(1), id, row.integer(10) != 0);
  return out;
}

}  // namespace slipstream
