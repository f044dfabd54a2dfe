#pragma once
#include <cstdint>
#include <string>

namespace slipstream {

/// Whom the datagrams of a UDP source are sent on to.
struct RelayTargetOptions {
  std::string to;                         ///< HOST:PORT
  std::uint32_t max_per_second = 20'000;  ///< datagrams; what is beyond is dropped
};

}  // namespace slipstream
