#pragma once
#include <cstddef>

#include "base/error.h"

namespace slipstream {

/// File descriptors of this process: sockets, files, timers, all out of one limited number.
/// Threads: any.

/// How many may be open at once (the soft RLIMIT_NOFILE).
std::size_t descriptor_limit();
/// Raises that as far as the process may by itself, to the hard limit. What is in force afterwards.
Result<std::size_t> raise_descriptor_limit();
/// How many are open now; 0 where the system does not tell. Costs a system call, and on Linux
/// before 6.2 time in proportion to the number.
std::size_t open_descriptors();

}  // namespace slipstream
