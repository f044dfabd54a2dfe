#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "cli/body_sender.h"

namespace slipstream {

/// What a server of ours has counted of points that came by UDP, since its start, whoever sent
/// them.
struct UdpCounts {
  std::uint64_t accepted = 0;  ///< points
  std::uint64_t rejected = 0;
  std::uint64_t kernel_drops = 0;  ///< datagrams
};

/// Asks a server's `GET /api/health`, over one connection that it keeps. One thread.
class ServerCounts {
 public:
  explicit ServerCounts(BodySender::Server server);
  ~ServerCounts();

  /// Errors: nobody answers within 30 s, or with something else.
  Result<UdpCounts> ask();

 private:
  struct Connection;
  Result<std::string> get_health();

  const BodySender::Server server_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace slipstream
