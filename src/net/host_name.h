#pragma once
#include <string_view>

namespace slipstream {

/// The host of "host", "host:port" or "[v6]:port", without brackets.
std::string_view host_name(std::string_view authority);

/// Whether name servers say where the host is, so that it may be any site's: not so for addresses
/// and for names without a dot (localhost, a machine's own).
bool is_domain_name(std::string_view host);

}  // namespace slipstream
