#include "net/address_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace slipstream {
namespace {

constexpr int kMappedPrefix = 96;

Address from_bytes(const unsigned char* bytes) {
  Address address;
  std::memcpy(&address.high, bytes, 8);
  std::memcpy(&address.low, bytes + 8, 8);
  return address;
}

Address mask_of(int bits) {
  unsigned char bytes[16] = {};
  for (int i = 0; i < bits; ++i)
    bytes[i / 8] = static_cast<unsigned char>(bytes[i / 8] | (0x80 >> (i % 8)));
  return from_bytes(bytes);
}

Address masked(const Address& a, const Address& mask) {
  return {a.high & mask.high, a.low & mask.low};
}

}  // namespace

Result<AddressList> AddressList::parse(const std::vector<std::string>& networks) {
  AddressList list;
  for (const auto& text : networks) {
    const auto slash = text.find('/');
    auto address = parse_address(text.substr(0, slash));
    if (!address) return std::unexpected(address.error());
    const bool v4 = text.find(':') == std::string::npos;
    const int most = v4 ? 32 : 128;
    int bits = most;
    if (slash != std::string::npos) {
      const char* begin = text.data() + slash + 1;
      const char* end = text.data() + text.size();
      if (std::from_chars(begin, end, bits).ptr != end || begin == end || bits < 0 || bits > most) {
        return fail(
            fmt::format("'{}': the length behind the slash must be from 0 to {}", text, most));
      }
    }
    const Address mask = mask_of(v4 ? kMappedPrefix + bits : bits);
    list.networks_.push_back({masked(*address, mask), mask});
  }
  return list;
}

bool AddressList::contains(const Address& address) const {
  return std::ranges::any_of(networks_, [&](const Network& network) {
    return masked(address, network.mask) == network.address;
  });
}

}  // namespace slipstream
