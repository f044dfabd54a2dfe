#include "app/late_names.h"

#include <pthread.h>

namespace slipstream {

void LateNames::start() {
  if (looks_.empty()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void LateNames::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void LateNames::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "late-names");
  while (!looks_.empty()) {
    {
      std::unique_lock lock(mutex_);
      woken_.wait_for(lock, stop, kEvery, [] { return false; });
    }
    if (stop.stop_requested()) return;
    turn();
  }
}

}  // namespace slipstream
