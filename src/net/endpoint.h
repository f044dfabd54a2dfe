#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.h"
#include "net/address.h"

namespace slipstream {

/// A host, by a name or an address, and a port.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

/// From "HOST:PORT", or "[V6]:PORT" where the host is an IPv6 address. Port 0 is none.
Result<HostPort> parse_host_port(const std::string& text);

/// The same for all ways to write a host's address, or its name, and port; asks nobody.
std::string key_of(const HostPort& to);

/// Where datagrams are sent: an address and a port, as the system takes them.
struct Endpoint {
  sockaddr_storage name{};
  socklen_t name_size = 0;
  Address address;
  std::uint16_t port = 0;
};

/// What the host stands for now: an IPv4 address where it has one, since games and what reads them
/// listen at these ("localhost" is both). It may wait for name servers, but for an address.
Result<Endpoint> resolve_datagrams(const HostPort& to);
/// Likewise, of an address alone; an error where the host is a name.
Result<Endpoint> endpoint_of_address(const HostPort& to);

/// What a name of the system says; an IPv4 address as IPv4-mapped.
inline std::pair<Address, std::uint16_t> address_of(const sockaddr_storage& name) {
  unsigned char bytes[16] = {};
  std::uint16_t port = 0;
  if (name.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(name);
    std::memcpy(bytes, &v6.sin6_addr, 16);
    port = ntohs(v6.sin6_port);
  } else {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(name);
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(bytes + 12, &v4.sin_addr, 4);
    port = ntohs(v4.sin_port);
  }
  Address address;
  std::memcpy(&address.high, bytes, 8);
  std::memcpy(&address.low, bytes + 8, 8);
  return {address, port};
}

}  // namespace slipstream
