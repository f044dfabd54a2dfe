#include "app/threads_component.h"

namespace slipstream {

void ThreadsComponent::start() {
  queries_.start();
  io_.start();
}

bool ThreadsComponent::stop() {
  queries_.stop();
  io_.stop();
  return true;
}

}  // namespace slipstream
