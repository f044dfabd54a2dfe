#include "game/f1_encoder.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "game/packet_writer.h"

namespace slipstream::game {
namespace {

constexpr std::size_t kEventCodeAt = 29;
constexpr std::string_view kSessionStarted = "SSTA";
// Of a session packet.
constexpr std::size_t kSessionLapsAt = 32;
constexpr std::size_t kSessionTypeAt = 35;
constexpr std::size_t kSessionTrackAt = 36;
// Of a participants packet.
constexpr std::size_t kActiveCarsAt = 29;
constexpr std::size_t kFirstDriverAt = 30;

constexpr std::array kFrameParts = {std::pair(F1Packet::kMotion, CarPacket::kMotion),
                                    std::pair(F1Packet::kLap, CarPacket::kLap),
                                    std::pair(F1Packet::kTelemetry, CarPacket::kTelemetry),
                                    std::pair(F1Packet::kStatus, CarPacket::kStatus),
                                    std::pair(F1Packet::kDamage, CarPacket::kDamage)};

std::uint8_t race_type(const F1Format& format) {
  return format.year < 2024 ? 10 : 15;
}

}  // namespace

class F1Encoder::Packet : public PacketWriter {
 public:
  Packet(const F1Encoder& of, F1Packet id, Moment when)
      : PacketWriter(of.format_.sizes[static_cast<std::size_t>(id)]) {
    put(0, of.format_.year);
    put(2, static_cast<std::uint8_t>(of.format_.year % 100));
    put(3, std::uint8_t{1});  // version of the game
    put(5, std::uint8_t{1});  // of the packet
    put(6, static_cast<std::uint8_t>(id));
    put(7, of.race_.uid);
    put(15, when.session_time_s);
    put(19, when.frame);
    put(23, when.frame);
    constexpr std::uint8_t kNobody = 255;
    put(28, kNobody);  // no second player
  }
};

void F1Encoder::start(Moment when, const Send& send) const {
  Packet packet(*this, F1Packet::kEvent, when);
  for (std::size_t i = 0; i < kSessionStarted.size(); ++i) {
    packet.put(kEventCodeAt + i, kSessionStarted[i]);
  }
  send(packet.bytes());
}

void F1Encoder::session(Moment when, const Send& send) const {
  Packet packet(*this, F1Packet::kSession, when);
  packet.put(kSessionLapsAt, race_.laps);
  packet.put(kSessionTypeAt, race_type(format_));
  packet.put(kSessionTrackAt, race_.track);
  send(packet.bytes());
}

void F1Encoder::drivers(Moment when, std::span<const Driver> drivers, const Send& send) const {
  CHECK(drivers.size() <= most_cars(), "a packet has room for so many");
  Packet packet(*this, F1Packet::kParticipants, when);
  packet.put(kActiveCarsAt, static_cast<std::uint8_t>(drivers.size()));
  const auto& at = format_.participant;
  for (std::size_t i = 0; i < drivers.size(); ++i) {
    const std::size_t begin = kFirstDriverAt + i * at.stride;
    packet.put(begin + at.race_number, drivers[i].number);
    packet.put_text(begin + at.name, at.name_bytes, drivers[i].name);
    packet.put(begin + at.your_telemetry, std::uint8_t{1});
  }
  send(packet.bytes());
}

void F1Encoder::frame(Moment when, std::span<const Car> cars, const Send& send) const {
  CHECK(cars.size() <= most_cars(), "a packet has room for so many");
  constexpr std::uint8_t kRacing = 2;
  for (const auto& [id, part] : kFrameParts) {
    Packet packet(*this, id, when);
    const Block& block = format_.blocks[static_cast<std::size_t>(part)];
    for (std::size_t i = 0; i < cars.size(); ++i) {
      packet.put(block.at(i), block.rows, cars[i].numbers);
      if (part == CarPacket::kLap) packet.put(block.at(i) + format_.result_status, kRacing);
      if (part == CarPacket::kStatus) {
        packet.put(block.at(i) + format_.visual_compound, cars[i].compound);
      }
    }
    send(packet.bytes());
  }
}

}  // namespace slipstream::game
