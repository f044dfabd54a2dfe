#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace slipstream {

/// Whose pages may use the server. A browser says in `Origin` which site's page sends a request;
/// without one it was no other site's page. A page of the server's own is always welcome, which is
/// told by its host and port being those that the request names in `Host`. Immutable.
class OriginList {
 public:
  OriginList() = default;
  /// Each "scheme://host" or "scheme://host:port", or "*" for every site.
  static Result<OriginList> parse(const std::vector<std::string>& origins);

  bool allows(std::string_view origin, std::string_view host) const {
    return origin.empty() || is_same(origin, host) || is_listed(origin);
  }
  /// Whether the page is the server's own.
  static bool is_same(std::string_view origin, std::string_view host);
  bool is_listed(std::string_view origin) const;
  /// Whether some listed origin has this host, whatever its port.
  bool has_host(std::string_view host) const;

 private:
  bool any_ = false;
  std::vector<std::string> origins_;
};

}  // namespace slipstream
