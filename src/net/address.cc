#include "net/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cstring>

namespace slipstream {
namespace {
constexpr unsigned char kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
}

bool Address::is_v4() const {
  std::uint32_t middle;
  std::memcpy(&middle, &low, 4);
  std::uint32_t mapped;
  std::memcpy(&mapped, kMapped + 8, 4);
  return high == 0 && middle == mapped;
}

Address Address::sender() const {
  return is_v4() ? *this : Address{high, 0};
}

std::string Address::to_string() const {
  unsigned char bytes[16];
  std::memcpy(bytes, &high, 8);
  std::memcpy(bytes + 8, &low, 8);
  char text[INET6_ADDRSTRLEN] = "";
  if (is_v4()) {
    inet_ntop(AF_INET, bytes + 12, text, sizeof text);
  } else {
    inet_ntop(AF_INET6, bytes, text, sizeof text);
  }
  return text;
}

Result<Address> parse_address(const std::string& text) {
  unsigned char bytes[16] = {};
  if (inet_pton(AF_INET6, text.c_str(), bytes) != 1) {
    std::memcpy(bytes, kMapped, sizeof kMapped);
    if (inet_pton(AF_INET, text.c_str(), bytes + 12) != 1) {
      return fail(fmt::format("'{}' is no IPv4 or IPv6 address", text));
    }
  }
  Address address;
  std::memcpy(&address.high, bytes, 8);
  std::memcpy(&address.low, bytes + 8, 8);
  return address;
}

}  // namespace slipstream
