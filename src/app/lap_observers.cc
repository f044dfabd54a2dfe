#include "app/lap_observers.h"

namespace slipstream {

PartitionObservers make_lap_observers(const Basics& /*basics*/, PartitionId /*partition*/) {
  return {};
}

}  // namespace slipstream
