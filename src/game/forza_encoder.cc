#include "game/forza_encoder.h"

#include "base/check.h"
#include "game/forza_layout.h"
#include "game/packet_writer.h"

namespace slipstream::game {

std::string encode_forza_dash(std::span<const Cell> numbers) {
  const ForzaFormat* const dash = forza_format_named("forza_dash");
  CHECK(dash != nullptr, "it is in the table");
  PacketWriter packet(dash->size);
  for (const ForzaPart& part : dash->parts) packet.put(part.at, part.rows, numbers);
  packet.put(ForzaFormat::kIsRaceOnAt, std::int32_t{1});
  return std::string(packet.bytes());
}

}  // namespace slipstream::game
