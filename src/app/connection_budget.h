#pragma once
#include <cstddef>
#include <cstdint>

#include "ops/config.h"

namespace slipstream {

/// How the descriptors that the process may have are shared out: a reserve for log, store, Redis
/// and UDP, which connections never touch, however many come; the rest for HTTP and WebSocket
/// connections.
struct ConnectionBudget {
  /// With fewer connections than these a server is of no use.
  static constexpr std::size_t kFewest = 8;

  std::size_t limit = 0;             ///< of the process: RLIMIT_NOFILE
  std::size_t reserve = 0;           ///< of it, not for connections
  std::uint32_t connections = 0;     ///< that may be open: at most `[server] max_connections`
  std::uint32_t turned_away = 0;     ///< besides, for the moment in which they are told 503
  bool is_lower_than_asked = false;  ///< `connections` is below `max_connections`
};

/// An error, which says what to do, where the limit leaves fewer than kFewest.
Result<ConnectionBudget> plan_connections(const Config& config, std::size_t descriptor_limit);

}  // namespace slipstream
