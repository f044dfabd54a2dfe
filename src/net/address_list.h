#pragma once
#include <string>
#include <vector>

#include "base/error.h"
#include "net/address.h"

namespace slipstream {

/// Networks in CIDR notation, IPv4 and IPv6. Immutable.
class AddressList {
 public:
  AddressList() = default;
  /// An address without a length stands for itself alone.
  static Result<AddressList> parse(const std::vector<std::string>& networks);
  bool empty() const { return networks_.empty(); }
  bool contains(const Address& address) const;

 private:
  struct Network {
    Address address;
    Address mask;
  };
  std::vector<Network> networks_;
};

}  // namespace slipstream
