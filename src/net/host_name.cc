#include "net/host_name.h"

#include "net/address.h"

namespace slipstream {

std::string_view host_name(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.find(':'));
}

bool is_domain_name(std::string_view host) {
  return host.contains('.') && !parse_address(std::string(host));
}

}  // namespace slipstream
