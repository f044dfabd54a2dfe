#include "net/origin_list.h"

#include <fmt/format.h>

#include <algorithm>

#include "net/host_name.h"
#include "net/http.h"

namespace slipstream {
namespace {

constexpr std::string_view kSchemeEnd = "://";

/// "host:port" without the port that the scheme has anyway.
std::string_view without_default_port(std::string_view authority, std::string_view scheme) {
  const std::string_view port = equal_ignoring_case(scheme, "https") ? ":443" : ":80";
  if (authority.ends_with(port)) authority.remove_suffix(port.size());
  return authority;
}

}  // namespace

Result<OriginList> OriginList::parse(const std::vector<std::string>& origins) {
  OriginList list;
  for (const auto& origin : origins) {
    if (origin == "*") {
      list.any_ = true;
      continue;
    }
    const auto scheme_end = origin.find(kSchemeEnd);
    const auto authority = scheme_end == std::string::npos
                               ? std::string_view{}
                               : std::string_view(origin).substr(scheme_end + kSchemeEnd.size());
    if (scheme_end == 0 || authority.empty() ||
        authority.find_first_of("/?#@* ") != std::string_view::npos) {
      return fail(fmt::format("'{}' is no origin: https://HOST or https://HOST:PORT is", origin));
    }
    list.origins_.push_back(origin);
  }
  return list;
}

bool OriginList::is_same(std::string_view origin, std::string_view host) {
  const auto scheme_end = origin.find(kSchemeEnd);
  if (scheme_end == std::string_view::npos || host.empty()) return false;
  const auto scheme = origin.substr(0, scheme_end);
  return equal_ignoring_case(
      without_default_port(origin.substr(scheme_end + kSchemeEnd.size()), scheme),
      without_default_port(host, scheme));
}

bool OriginList::is_listed(std::string_view origin) const {
  return any_ || std::ranges::any_of(origins_, [&](const std::string& listed) {
           return equal_ignoring_case(listed, origin);
         });
}

bool OriginList::has_host(std::string_view host) const {
  return any_ || std::ranges::any_of(origins_, [&](std::string_view listed) {
           listed.remove_prefix(listed.find(kSchemeEnd) + kSchemeEnd.size());
           return equal_ignoring_case(host_name(listed), host);
         });
}

}  // namespace slipstream
