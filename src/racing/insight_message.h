#pragma once
#include <span>

#include "base/clock.h"
#include "model/insight_update.h"
#include "racing/insights.h"

namespace slipstream {

/// The `insight_update` message that WebSocket clients get. Absent figures are null.
InsightUpdate encode_insight_update(std::span<const VehicleInsight> insights,
                                    std::span<const Gap> gaps, std::span<const Notice> notices,
                                    ArrivalTime generated_at);

}  // namespace slipstream
