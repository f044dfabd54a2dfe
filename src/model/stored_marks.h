#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/mark.h"
#include "model/stored_events.h"

namespace slipstream {

/// A stored mark's row: given out from 1 in the order of commits; 0: none.
using MarkRow = std::int64_t;
/// How far somebody has read the stored marks, as RollupCursor of rollups.
using MarkCursor = RollupCursor;

/// Of a mark's row, and what it says.
MarkCursor mark_cursor(MarkRow row, std::string_view track, std::string_view kind,
                       std::string_view chassis, EventTime time);

struct StoredMark {
  MarkRow row = 0;
  MarkPtr mark = {};

  MarkCursor cursor() const;
};

struct StoredMarks {
  std::vector<StoredMark> marks = {};
  MarkCursor to = {};       ///< the last one; equals `after` where none was left
  bool is_foreign = false;  ///< the cursor is of another store: nothing was read
};

/// What /api/marks asks for. Times are inclusive.
struct MarkQuery {
  std::string track = {};  ///< empty: all
  std::string session = {};
  std::string chassis = {};
  std::string kind = {};
  std::optional<EventTime> from = {};
  std::optional<EventTime> to = {};
  std::size_t limit = 100;  ///< 1..1,000
  std::string cursor = {};  ///< of the page before
};
/// The newest by their time first.
struct MarkPage {
  std::vector<StoredMark> marks = {};
  std::optional<std::string> next = {};  ///< where more follow
};

}  // namespace slipstream
