#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "cli/http_sender.h"

namespace slipstream {

/// What a server of ours has counted of points that came by UDP, since its start, whoever sent
/// them.
struct UdpCounts {
  std::uint64_t datagrams = 0;  ///< received
  std::uint64_t accepted = 0;   ///< points
  std::uint64_t rejected = 0;
  std::uint64_t kernel_drops = 0;  ///< datagrams
};

/// Asks a server's `GET /api/health`. One thread.
class ServerCounts {
 public:
  explicit ServerCounts(const BodySender::Server& server);

  /// Errors: nobody answers within 30 s, or with something else.
  Result<UdpCounts> ask();

 private:
  const std::string where_;  ///< for people
  const HttpClient::Headers headers_;
  const std::unique_ptr<HttpClient> http_;
};

}  // namespace slipstream
