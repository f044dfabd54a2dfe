#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace slipstream {

/// Where an HTTP server is, and a path there: http://HOST[:PORT][/PATH] or https://...
struct HttpUrl {
  bool is_tls = false;
  std::string host;  ///< a name or an address; of IPv6 without brackets
  std::uint16_t port = 0;
  std::string path = "/";  ///< with its query; what is asked for there

  /// Errors: another scheme, no host, no port, a name and password (they have a place of their
  /// own), or characters that no address has.
  static Result<HttpUrl> parse(std::string_view url);
  /// As a request's Host has it.
  std::string authority() const;
  /// Without the path, for people.
  std::string server() const;
};

/// HOST:PORT, of IPv6 with brackets.
std::string http_authority(std::string_view host, std::uint16_t port);

}  // namespace slipstream
