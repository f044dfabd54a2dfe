#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace slipstream {

/// An alert on its way to a destination, as a row of the outbox has it.
struct OutboxAlert {
  std::string_view id = {};    ///< of the message: the same at each try
  ArrivalTime queued = {};     ///< when it was committed
  std::string_view body = {};  ///< JSON
};

std::string outbox_row_of(const OutboxAlert& alert);
/// What it gives refers to the row. Nothing: it is none.
std::optional<OutboxAlert> outbox_alert_of(std::string_view row);

}  // namespace slipstream
