#pragma once
#include <chrono>

namespace slipstream {

/// Signals as values: SIGTERM, SIGINT and SIGHUP are taken by wait() alone. To be made before any
/// thread is started, since threads inherit what is blocked.
class Signals {
 public:
  Signals();
  /// The signal that came; 0 when `limit` passed without one.
  int wait(std::chrono::milliseconds limit);
  /// From now on SIGTERM and SIGINT end the process at once, whatever it is doing.
  void exit_on_next();
};

}  // namespace slipstream
