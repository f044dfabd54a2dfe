#include "app/heap_component.h"

#include "ops/logging.h"

namespace slipstream {
namespace {

constexpr std::chrono::seconds kHeapInterval{10};

}  // namespace

void HeapComponent::start() {
  queries_.every(kHeapInterval, [this] {
    if (const auto bytes = keeper_.keep(); bytes > 0) {
      log_line(LogLevel::kDebug, "memory given back to the system",
               {{"bytes", std::to_string(bytes)}});
    }
  });
}

}  // namespace slipstream
