#include "app/threads_component.h"

#include "ops/logging.h"

namespace slipstream {
namespace {

constexpr std::chrono::seconds kHeapInterval{10};

}  // namespace

void ThreadsComponent::start() {
  queries_.every(kHeapInterval, [this] {
    if (const auto bytes = heap_.keep(); bytes > 0) {
      log_line(LogLevel::kDebug, "memory given back to the system",
               {{"bytes", std::to_string(bytes)}});
    }
  });
  queries_.start();
  io_.start();
}

bool ThreadsComponent::stop() {
  queries_.stop();
  io_.stop();
  return true;
}

}  // namespace slipstream
