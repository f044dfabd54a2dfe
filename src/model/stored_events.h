#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/stored_rollups.h"

namespace slipstream {

/// How far somebody has read what is stored in rows, whatever that is.
using StoredCursor = RollupCursor;

/// What happened once and is stored in a row: a mark, a lap, an alert. As clients get it.
struct StoredEvent {
  StoredCursor cursor = {};
  std::string track = {};
  std::string chassis = {};   ///< empty: it is about no machine alone
  std::string tags = {};      ///< of its series, as model/tags.h spells them
  bool is_of_series = false;  ///< else of the machine, whatever its tags
  std::string json = {};      ///< an object

  std::size_t bytes() const {
    return sizeof *this + track.size() + chassis.size() + tags.size() + json.size();
  }
};

/// Which stored events of one kind to read, in the order of their rows.
struct StoredEventsQuery {
  StoredCursor after = {};
  std::int64_t upto = 0;
  std::size_t max_rows = 64;
};
struct StoredEvents {
  std::vector<StoredEvent> events = {};
  StoredCursor to = {};     ///< the last one; equals `after` where none was left
  bool is_foreign = false;  ///< the cursor is of another store: nothing was read
};
/// Called on the I/O thread with what was read.
using StoredEventsTaker = std::function<void(Result<StoredEvents>)>;

}  // namespace slipstream
