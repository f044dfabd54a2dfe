#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "game/layout.h"

namespace slipstream::game {

/// The packets that tell of each car: what a frame is joined from.
enum class CarPacket : std::uint8_t { kMotion, kLap, kTelemetry, kStatus, kDamage, kTelemetry2 };
inline constexpr std::size_t kCarPackets = 6;

/// Packet ids of F1, as the header has them.
enum class F1Packet : std::uint8_t {
  kMotion = 0,
  kSession = 1,
  kLap = 2,
  kEvent = 3,
  kParticipants = 4,
  kTelemetry = 6,
  kStatus = 7,
  kDamage = 10,
  kTelemetry2 = 16,
};

/// Where things stand in the datagrams of a packet format. The format is named by the header, and
/// is not the year of the game: a newer game can send an older one.
struct F1Format {
  static constexpr std::size_t kPacketIds = 17;

  std::uint16_t year;
  std::string_view source_game;
  std::uint8_t cars;
  std::array<std::uint16_t, kPacketIds> sizes;  ///< of a datagram, by packet id; 0: there is none
  std::array<Block, kCarPackets> blocks;
  std::uint16_t result_status;    ///< in a car's part of the lap packet
  std::uint16_t visual_compound;  ///< in its part of the status packet
  struct {
    std::uint16_t stride, race_number, name, name_bytes, your_telemetry;
  } participant;
};

/// Of all formats.
struct F1Header {
  static constexpr std::size_t kBytes = 29;

  std::uint16_t format = 0;
  std::uint8_t packet_id = 0;
  std::uint64_t session_uid = 0;
  float session_time = 0;
  std::uint32_t frame = 0;          ///< goes back with a flashback
  std::uint32_t overall_frame = 0;  ///< does not
  std::uint8_t player = 0;          ///< 255: somebody who watches
  std::uint8_t second_player = 0;
};

F1Header read_f1_header(const PackedReader& datagram);

/// Of these bytes, by format and size; nullptr: they are no datagram of F1 that is known.
const F1Format* f1_format_of(std::string_view datagram);
std::span<const F1Format> f1_formats();

/// Of the packet whose cars are joined; nothing: it tells of something else.
constexpr int car_packet_of(std::uint8_t packet_id) {
  switch (static_cast<F1Packet>(packet_id)) {
    case F1Packet::kMotion:
      return static_cast<int>(CarPacket::kMotion);
    case F1Packet::kLap:
      return static_cast<int>(CarPacket::kLap);
    case F1Packet::kTelemetry:
      return static_cast<int>(CarPacket::kTelemetry);
    case F1Packet::kStatus:
      return static_cast<int>(CarPacket::kStatus);
    case F1Packet::kDamage:
      return static_cast<int>(CarPacket::kDamage);
    case F1Packet::kTelemetry2:
      return static_cast<int>(CarPacket::kTelemetry2);
    default:
      return -1;
  }
}

}  // namespace slipstream::game
