#include "pipeline/series_state.h"

#include "base/bytes.h"
#include "model/point.h"

namespace slipstream {
namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::uint8_t kWithoutTags = 1;  // 0.1's
constexpr std::int64_t kFarMs = (std::int64_t{1} << 62) / kNsPerMs;

}  // namespace

void save(const SeriesState& state, std::string& out) {
  ByteWriter writer(out);
  writer.fixed(kVersion);
  writer.text(state.name.track());
  writer.text(state.name.chassis());
  writer.text(state.name.tags());
  writer.zigzag(floor_to_ms(state.last_arrival).ns / kNsPerMs);
  writer.fixed(state.lap);
  writer.zigzag(state.sector);
  writer.fixed(state.sector_lap);
  state.sequence.save(writer);
}

Result<SeriesState> series_state_from(std::string_view bytes) {
  ByteReader in(bytes);
  const auto version = in.fixed<std::uint8_t>();
  if (version != kVersion && version != kWithoutTags) {
    return fail("saved series: not of a known version");
  }
  SeriesState state;
  const auto track = in.text();
  const auto chassis = in.text();
  const auto tags = version == kWithoutTags ? std::string_view{} : in.text();
  state.name = {track, chassis, tags};
  state.hash = state.name.hash();
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
