#pragma once

namespace slipstream {

/// Ends the process with a line on stderr that says what did not hold, where and why it must. For
/// CHECK alone.
[[noreturn]] void check_failed(const char* condition, const char* why, const char* file, int line);

}  // namespace slipstream

/// States what must hold wherever state changes hands: where it does not, the program is wrong, and
/// whatever it did next might be lost or counted twice; so the process is aborted, in release
/// builds too, and what a restart reads back is right. `why` is a sentence for whoever reads the
/// line. Never for input, nor for what a disk, a network or another process may do: that is
/// answered by an Error. The condition has no effect of its own and costs next to nothing.
/// Threads: any.
#define CHECK(condition, why) \
  ((condition) ? void() : ::slipstream::check_failed(#condition, why, __FILE_NAME__, __LINE__))
