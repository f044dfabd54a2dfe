#include "game/forza_decoder.h"

#include <fmt/format.h>

#include "game/forza_layout.h"

namespace slipstream::game {

bool ForzaDecoder::fits(std::string_view datagram) {
  return forza_format_of(datagram) != nullptr;
}

bool ForzaDecoder::take(std::string_view datagram, const Receipt& receipt, GameSink& sink) {
  const ForzaFormat* format = forza_format_of(datagram);
  if (format == nullptr) return false;
  const PackedReader bytes(datagram);
  if (bytes.read<std::int32_t>(ForzaFormat::kIsRaceOnAt) == 0) {
    stats_.not_racing.add();
    return true;
  }
  Car* car = senders_.find(receipt.sender, receipt.arrival, [] { return std::make_unique<Car>(); });
  if (car == nullptr) {
    stats_.senders_refused.add();
    return true;
  }
  const auto stamp = bytes.read<std::uint32_t>(ForzaFormat::kTimestampAt);
  if (car->last_stamp == stamp) {
    stats_.late.add();
    return true;
  }
  car->last_stamp = stamp;
  cells_.clear();
  for (const ForzaPart& part : format->parts) {
    cells_.read(bytes, part.at, format->size - part.at, part.rows);
  }
  const std::string track =
      format->track_at == 0 ? std::string("forza")
                            : fmt::format("forza_{}", bytes.read<std::int32_t>(format->track_at));
  const std::string chassis =
      fmt::format("car_{}", bytes.read<std::int32_t>(ForzaFormat::kCarOrdinalAt));
  sink.point({.time = {receipt.arrival.ns},
              .arrival = receipt.arrival,
              .sender = receipt.sender,
              .track = track,
              .chassis = chassis,
              .source_game = format->source_game,
              .session = {},
              .is_restricted = {},
              .numbers = cells_.all(),
              .texts = {}});
  return true;
}

}  // namespace slipstream::game
