#pragma once
#include <cstdint>

namespace slipstream {

/// Cores that this process may run on: fewer than the machine has, where it is pinned to some. At
/// least 1. Any thread.
std::uint32_t usable_cores();

}  // namespace slipstream
