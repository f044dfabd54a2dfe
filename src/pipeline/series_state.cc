#include "pipeline/series_state.h"

#include "base/bytes.h"
#include "model/point.h"

namespace slipstream {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::int64_t kFarMs = (std::int64_t{1} << 62) / kNsPerMs;

}  // namespace

void save(const SeriesState& state, std::string& out) {
  ByteWriter writer(out);
  writer.fixed(kVersion);
  writer.text(state.track);
  writer.text(state.chassis);
  writer.zigzag(floor_to_ms(state.last_arrival).ns / kNsPerMs);
  writer.fixed(state.lap);
  writer.zigzag(state.sector);
  writer.fixed(state.sector_lap);
  state.sequence.save(writer);
}

Result<SeriesState> series_state_from(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.fixed<std::uint8_t>() != kVersion) return fail("saved series: not of a known version");
  SeriesState state;
  state.track = in.text();
  state.chassis = in.text();
  state.hash = series_hash(state.track, state.chassis);
  const std::int64_t last_arrival_ms = in.zigzag();
  state.lap = in.fixed<std::int16_t>();
  state.sector = static_cast<std::int32_t>(in.zigzag());
  state.sector_lap = in.fixed<std::int16_t>();
  state.sequence.restore(in);
  state.in_use = true;
  if (!in.at_end() || last_arrival_ms <= -kFarMs || last_arrival_ms >= kFarMs) {
    return fail("saved series: damaged");
  }
  state.last_arrival = {last_arrival_ms * kNsPerMs};
  return state;
}

}  // namespace slipstream
