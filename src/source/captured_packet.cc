#include "source/captured_packet.h"

#include <algorithm>
#include <cstddef>

namespace slipstream {
namespace {

using Kind = CapturedPacket::Kind;

/// Numbers of links, as captures have them.
enum Link : std::uint32_t {
  kLinkNull = 0,
  kLinkEthernet = 1,
  kLinkRawOld = 12,
  kLinkRawOpenBsd = 14,
  kLinkRaw = 101,
  kLinkLoop = 108,
  kLinkCooked = 113,
  kLinkIpv4 = 228,
  kLinkIpv6 = 229,
  kLinkCooked2 = 276,
};

constexpr std::uint16_t kTypeIpv4 = 0x0800;
constexpr std::uint16_t kTypeIpv6 = 0x86dd;
constexpr std::uint8_t kUdp = 17;
constexpr std::size_t kUdpHead = 8;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}
/// As networks order them.
std::uint16_t u16_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

CapturedPacket of_kind(Kind kind) {
  return {.kind = kind};
}

/// `udp_bytes`: what the heads before it say that it takes, which may be more than is there.
CapturedPacket read_udp(std::string_view udp, std::size_t udp_bytes, CapturedSource from) {
  if (udp_bytes < kUdpHead) return of_kind(Kind::kDamaged);
  if (udp.size() < kUdpHead) return of_kind(Kind::kCut);
  from.port = u16_at(udp, 0);
  CapturedPacket packet{.from = from, .to_port = u16_at(udp, 2)};
  const std::size_t length = u16_at(udp, 4);
  if (length < kUdpHead || length > udp_bytes) {
    packet.kind = Kind::kDamaged;
  } else if (length > udp.size()) {
    packet.kind = Kind::kCut;
  } else {
    packet.kind = Kind::kDatagram;
    packet.payload = udp.substr(kUdpHead, length - kUdpHead);
  }
  return packet;
}

/// A datagram's first piece still tells its port.
CapturedPacket fragment(std::string_view first_piece) {
  CapturedPacket packet{.kind = Kind::kFragment};
  if (first_piece.size() >= kUdpHead) packet.to_port = u16_at(first_piece, 2);
  return packet;
}

CapturedPacket read_ipv4(std::string_view ip) {
  constexpr std::size_t kHead = 20;
  if (ip.size() < kHead) return of_kind(Kind::kCut);
  const std::size_t head = 4u * (byte_at(ip, 0) & 0x0f);
  std::size_t total = u16_at(ip, 2);
  // A network card that cuts what it sends gets packets that do not say how long they are.
  if (total == 0) total = ip.size();
  if (head < kHead || total < head) return of_kind(Kind::kDamaged);
  if (byte_at(ip, 9) != kUdp) return of_kind(Kind::kNotUdp);
  if (ip.size() < head) return of_kind(Kind::kCut);
  // What is behind is the link's padding.
  const std::string_view udp = ip.substr(head, std::min(total, ip.size()) - head);
  const std::uint16_t flags = u16_at(ip, 6);
  constexpr std::uint16_t kMoreFragments = 0x2000;
  constexpr std::uint16_t kFragmentOffset = 0x1fff;
  if ((flags & kFragmentOffset) != 0) return fragment({});
  if ((flags & kMoreFragments) != 0) return fragment(udp);
  CapturedSource from;
  ip.copy(from.address.data(), 4, 12);
  return read_udp(udp, total - head, from);
}

CapturedPacket read_ipv6(std::string_view ip) {
  constexpr std::size_t kHead = 40;
  constexpr std::uint8_t kHopByHop = 0;
  constexpr std::uint8_t kRouting = 43;
  constexpr std::uint8_t kFragmentHead = 44;
  constexpr std::uint8_t kAuthentication = 51;
  constexpr std::uint8_t kDestination = 60;
  if (ip.size() < kHead) return of_kind(Kind::kCut);
  CapturedSource from;
  ip.copy(from.address.data(), from.address.size(), 8);
  std::uint8_t next = byte_at(ip, 6);
  std::size_t left = u16_at(ip, 4);  // behind the head, as it says
  if (left == 0) left = ip.size() - kHead;
  ip.remove_prefix(kHead);
  ip = ip.substr(0, left);
  while (next != kUdp) {
    const bool is_known = next == kHopByHop || next == kRouting || next == kFragmentHead ||
                          next == kAuthentication || next == kDestination;
    if (!is_known) return of_kind(Kind::kNotUdp);
    if (ip.size() < 8) return of_kind(left < 8 ? Kind::kDamaged : Kind::kCut);
    std::size_t head = 8;
    if (next == kAuthentication) {
      head = 4u * (byte_at(ip, 1) + 2u);
    } else if (next != kFragmentHead) {
      head = 8u * (byte_at(ip, 1) + 1u);
    }
    const bool is_fragment_head = next == kFragmentHead;
    const std::uint16_t place = is_fragment_head ? u16_at(ip, 2) : std::uint16_t{0};
    next = byte_at(ip, 0);
    if (head > left) return of_kind(Kind::kDamaged);
    if (head > ip.size()) return of_kind(Kind::kCut);
    left -= head;
    ip.remove_prefix(head);
    constexpr std::uint16_t kOffsetBits = 0xfff8;
    constexpr std::uint16_t kMoreBit = 0x0001;
    if ((place & kOffsetBits) != 0) return next == kUdp ? fragment({}) : of_kind(Kind::kNotUdp);
    if ((place & kMoreBit) != 0) return next == kUdp ? fragment(ip) : of_kind(Kind::kNotUdp);
  }
  return read_udp(ip, left, from);
}

CapturedPacket read_ip(std::string_view ip) {
  if (ip.empty()) return of_kind(Kind::kCut);
  const unsigned version = byte_at(ip, 0) >> 4;
  return version == 4 ? read_ipv4(ip) : version == 6 ? read_ipv6(ip) : of_kind(Kind::kDamaged);
}

/// What comes behind the number of its protocol, which tags of VLANs may stand before.
CapturedPacket read_typed(std::uint16_t type, std::string_view rest) {
  constexpr std::size_t kTag = 4;
  while (type == 0x8100 || type == 0x88a8 || type == 0x9100) {
    if (rest.size() < kTag) return of_kind(Kind::kCut);
    type = u16_at(rest, 2);
    rest.remove_prefix(kTag);
  }
  return type == kTypeIpv4   ? read_ipv4(rest)
         : type == kTypeIpv6 ? read_ipv6(rest)
                             : of_kind(Kind::kNotUdp);
}

/// A head of so many bytes in which the protocol's number stands there.
CapturedPacket read_behind(std::string_view packet, std::size_t type_at, std::size_t head) {
  if (packet.size() < head) return of_kind(Kind::kCut);
  return read_typed(u16_at(packet, type_at), packet.substr(head));
}

/// Four bytes name the family, by the number that it has on the system that captured it, in that
/// system's order.
CapturedPacket read_null(std::string_view packet) {
  if (packet.size() < 4) return of_kind(Kind::kCut);
  const bool is_small_first = byte_at(packet, 0) != 0;
  const unsigned family = is_small_first ? byte_at(packet, 0) : byte_at(packet, 3);
  packet.remove_prefix(4);
  switch (family) {
    case 2:
      return read_ipv4(packet);
    case 10:  // Linux
    case 23:  // Windows
    case 24:  // NetBSD
    case 28:  // FreeBSD
    case 30:  // macOS
      return read_ipv6(packet);
    default:
      return of_kind(Kind::kNotUdp);
  }
}

CapturedPacket read_link(std::uint32_t link, std::string_view packet) {
  switch (link) {
    case kLinkEthernet:
      return read_behind(packet, 12, 14);
    case kLinkCooked:
      return read_behind(packet, 14, 16);
    case kLinkCooked2:
      return read_behind(packet, 0, 20);
    case kLinkNull:
    case kLinkLoop:
      return read_null(packet);
    case kLinkRaw:
    case kLinkRawOld:
    case kLinkRawOpenBsd:
    case kLinkIpv4:
    case kLinkIpv6:
      return read_ip(packet);
    default:
      return of_kind(Kind::kUnknownLink);
  }
}

}  // namespace

CapturedPacket read_captured_packet(std::uint32_t link, std::string_view packet,
                                    std::uint32_t original_bytes) {
  auto read = read_link(link, packet);
  // One that is shorter than its heads say, though nothing was cut off, was never whole.
  if (read.kind == Kind::kCut && original_bytes <= packet.size()) read.kind = Kind::kDamaged;
  return read;
}

}  // namespace slipstream
