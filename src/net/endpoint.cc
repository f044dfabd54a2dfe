#include "net/endpoint.h"

#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <memory>
#include <tuple>

namespace slipstream {
namespace {

Result<Endpoint> look_up(const HostPort& to, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  const int failure = getaddrinfo(to.host.c_str(), std::to_string(to.port).c_str(), &hints, &found);
  if (failure != 0) return fail(fmt::format("{}: {}", to.host, gai_strerror(failure)));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  const addrinfo* chosen = found;
  while (chosen != nullptr && chosen->ai_family != AF_INET) chosen = chosen->ai_next;
  if (chosen == nullptr) chosen = found;
  Endpoint endpoint;
  std::memcpy(&endpoint.name, chosen->ai_addr, chosen->ai_addrlen);
  endpoint.name_size = chosen->ai_addrlen;
  std::tie(endpoint.address, endpoint.port) = address_of(endpoint.name);
  return endpoint;
}

}  // namespace

Result<HostPort> parse_host_port(const std::string& text) {
  const auto no_target = [&] {
    return fail(
        fmt::format("\"HOST:PORT\" is expected (\"[ADDRESS]:PORT\" of IPv6), not \"{}\"", text));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || text.contains('\0')) return no_target();
  HostPort to{.host = text.substr(0, colon)};
  const char* const begin = text.data() + colon + 1;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(begin, end, to.port);
  if (error != std::errc{} || stopped != end || to.port == 0) return no_target();
  if (to.host.starts_with('[') && to.host.ends_with(']')) {
    to.host = to.host.substr(1, to.host.size() - 2);
  } else if (to.host.contains(':')) {
    return no_target();
  }
  if (to.host.empty()) return no_target();
  return to;
}

std::string key_of(const HostPort& to) {
  std::string host = to.host;
  std::ranges::transform(host, host.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (host == "localhost") host = "127.0.0.1";
  const auto endpoint = endpoint_of_address({host, to.port});
  return fmt::format(
      "{} {}", endpoint && !host.contains('%') ? endpoint->address.to_string() : host, to.port);
}

Result<Endpoint> resolve_datagrams(const HostPort& to) {
  return look_up(to, 0);
}

Result<Endpoint> endpoint_of_address(const HostPort& to) {
  return look_up(to, AI_NUMERICHOST);
}

}  // namespace slipstream
