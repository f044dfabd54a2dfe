#include "net/own_addresses.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace slipstream {
namespace {

std::array<unsigned char, 16> bytes_of(const Address& address) {
  std::array<unsigned char, 16> bytes;
  std::memcpy(bytes.data(), &address.high, 8);
  std::memcpy(bytes.data() + 8, &address.low, 8);
  return bytes;
}

bool is_unspecified(const Address& address) {
  const auto bytes = bytes_of(address);
  return address == Address{} || (address.is_v4() && std::all_of(bytes.begin() + 12, bytes.end(),
                                                                 [](auto b) { return b == 0; }));
}

bool is_own_loopback(const Address& address) {
  constexpr unsigned char kLoopback4 = 127;
  const auto bytes = bytes_of(address);
  if (address.is_v4()) return bytes[12] == kLoopback4;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](auto b) { return b == 0; }) &&
         bytes.back() == 1;
}

/// A group, or everybody on the network.
bool is_for_many(const Address& address) {
  constexpr unsigned char kGroups4 = 224;
  constexpr unsigned char kBehindGroups4 = 240;
  constexpr unsigned char kOnes = 0xff;
  const auto bytes = bytes_of(address);
  if (!address.is_v4()) return bytes[0] == kOnes;
  return (bytes[12] >= kGroups4 && bytes[12] < kBehindGroups4) ||
         std::all_of(bytes.begin() + 12, bytes.end(), [](auto b) { return b == kOnes; });
}

void add(const sockaddr* name, std::vector<Address>& addresses) {
  if (name == nullptr) return;
  sockaddr_storage storage{};
  if (name->sa_family == AF_INET) {
    std::memcpy(&storage, name, sizeof(sockaddr_in));
  } else if (name->sa_family == AF_INET6) {
    std::memcpy(&storage, name, sizeof(sockaddr_in6));
  } else {
    return;
  }
  addresses.push_back(address_of(storage).first);
}

}  // namespace

OwnAddresses OwnAddresses::now() {
  OwnAddresses own;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return own;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    add(one->ifa_addr, own.addresses_);
    if ((one->ifa_flags & IFF_BROADCAST) != 0) add(one->ifa_broadaddr, own.addresses_);
  }
  freeifaddrs(all);
  return own;
}

bool OwnAddresses::contains(const Address& address) const {
  return is_unspecified(address) || is_own_loopback(address) || is_for_many(address) ||
         std::ranges::find(addresses_, address) != addresses_.end();
}

bool OwnAddresses::kernel_knows(const Endpoint& to) {
  const int fd = ::socket(to.name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  bool is_own = false;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to.name), to.name_size) != 0) {
    is_own = errno == EACCES;
  } else {
    // What goes to one of its own addresses is sent from there, or from loopback.
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&from), &size) == 0) {
      const Address source = address_of(from).first;
      is_own = source == to.address || is_own_loopback(source);
    }
  }
  close(fd);
  return is_own;
}

bool OwnAddresses::is_of_many(const Endpoint& to) {
  if (is_for_many(to.address)) return true;
  const int fd = ::socket(to.name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const bool is_broadcast =
      connect(fd, reinterpret_cast<const sockaddr*>(&to.name), to.name_size) != 0 &&
      errno == EACCES;
  close(fd);
  return is_broadcast;
}

bool OwnAddresses::is_heard(const Endpoint& to, const ListeningPort& at) const {
  if (to.port != at.port || !(contains(to.address) || kernel_knows(to))) return false;
  if (at.host.empty()) return true;
  const auto listening = parse_address(at.host);
  if (!listening || listening->is_v4() != to.address.is_v4()) return false;
  return is_unspecified(*listening) || *listening == to.address ||
         (is_unspecified(to.address) && is_own_loopback(*listening));
}

}  // namespace slipstream
