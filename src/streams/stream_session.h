#pragma once
#include <cstddef>

namespace slipstream {

/// How a step of a session with one partition's streams ended.
enum class SessionStep {
  kWorked,
  kIdle,
  kLost,    ///< the connection, or what depends on it: begin another session
  kFenced,  ///< another instance owns the partition
};

}  // namespace slipstream
