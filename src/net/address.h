#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"

namespace slipstream {

/// An IPv4 address as its IPv4-mapped IPv6 address, so that there is one kind. Network byte order.
struct Address {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend bool operator==(const Address&, const Address&) = default;
  std::string to_string() const;
  bool is_v4() const;
  /// What one sender can be held to: an IPv4 address, or the /64 network of an IPv6 address, all of
  /// whose addresses are usually one household's.
  Address sender() const;
};
struct AddressHash {
  std::size_t operator()(const Address& a) const noexcept {
    return (a.high ^ (a.low * 0x9e3779b97f4a7c15u)) * 0xbf58476d1ce4e5b9u;
  }
};

/// An address from its text; IPv4 as IPv4-mapped.
Result<Address> parse_address(const std::string& text);

}  // namespace slipstream
