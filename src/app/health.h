#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "app/parts.h"
#include "app/rates.h"

namespace slipstream {

/// What keeps the server from its job right now; empty when nothing does. Any thread.
std::vector<std::string> health_problems(const Parts& parts);
/// As the body of /api/health, where rates are texts; or all of it in numbers, with a few rates
/// more.
enum class HealthForm : std::uint8_t { kBody, kNumbers };
std::string health_json(const Parts& parts, const Rates& rates,
                        const std::vector<std::string>& problems,
                        HealthForm form = HealthForm::kBody);
/// The body of /metrics.
std::string metrics_text(const Parts& parts);

}  // namespace slipstream
