#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/alert.h"
#include "model/stored_events.h"

namespace slipstream {

/// Of an alert that was raised, or cleared: given out from 1 in the order of commits; 0: none.
using AlertRow = std::int64_t;
using AlertCursor = RollupCursor;

struct StoredAlert {
  AlertRow row = 0;
  Alert alert = {};
  /// It was raised, and is not cleared: as the store has it at the moment.
  bool is_active = false;

  AlertCursor cursor() const;
};

struct StoredAlerts {
  std::vector<StoredAlert> alerts = {};
  AlertCursor to = {};      ///< the last one; equals `after` where none was left
  bool is_foreign = false;  ///< the cursor is of another store: nothing was read
};

enum class AlertState : std::uint8_t { kAny, kActive, kRaised, kCleared };

/// What /api/alerts asks for. Times are inclusive.
struct AlertQuery {
  AlertState state = AlertState::kAny;
  std::string name = {};  ///< empty: all
  std::string track = {};
  std::string chassis = {};
  std::optional<EventTime> from = {};
  std::optional<EventTime> to = {};
  std::size_t limit = 100;  ///< 1..1,000
  std::string cursor = {};  ///< of the page before
};
/// The newest by their time first.
struct AlertPage {
  std::vector<StoredAlert> alerts = {};
  std::optional<std::string> next = {};  ///< where more follow
};

}  // namespace slipstream
