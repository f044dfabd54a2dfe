#pragma once
#include <vector>

#include "ops/config.h"

namespace slipstream {

/// Faults of a configuration that only the parts themselves can tell: networks that are none,
/// certificates, a sector file, a decoder that there is not. Nothing is started for it.
std::vector<ConfigFault> check_parts(const Config& config);

}  // namespace slipstream
