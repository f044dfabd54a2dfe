#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slipstream {

/// Where a captured datagram came from: an address of IPv6, or of IPv4 in its first four bytes.
struct CapturedSource {
  std::array<char, 16> address{};
  std::uint16_t port = 0;

  auto operator<=>(const CapturedSource&) const = default;
};

/// What one packet of a capture holds, as far as UDP is concerned.
struct CapturedPacket {
  enum class Kind : std::uint8_t {
    kDatagram,
    kNotUdp,       ///< of another protocol
    kFragment,     ///< a part of a datagram
    kCut,          ///< the capture has not all of it
    kDamaged,      ///< its heads contradict each other
    kUnknownLink,  ///< of a link that nobody here knows
  };
  Kind kind = Kind::kNotUdp;
  CapturedSource from = {};
  /// Where it was sent to, as far as that can be told: not of a fragment behind the first one.
  std::optional<std::uint16_t> to_port = {};
  std::string_view payload = {};  ///< of a datagram, in the packet
};

/// Finds the datagram in a packet as a capture has it. `link` is the capture's number of what the
/// packet begins with: Ethernet (with VLAN tags), Linux cooked (1 and 2), null and loopback, bare
/// IP. `original_bytes`: how long it was before the capture cut it. Reads nothing outside of
/// `packet`, whatever that is.
CapturedPacket read_captured_packet(std::uint32_t link, std::string_view packet,
                                    std::uint32_t original_bytes);

}  // namespace slipstream
