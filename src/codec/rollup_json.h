#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/rollup.h"
#include "model/rollup_selection.h"
#include "model/schema.h"
#include "model/tags.h"

namespace slipstream {

/// A rollup as everybody outside sees it: track, chassis, lap, sector, count, first_ts,
/// last_ts, its tags, avg_<field> ..., window, window_id. The tags stand there as an object, and
/// each also as a member, unless a rollup has one of its own by that name.
void append_rollup_json(std::string& out, const Rollup& rollup, const FieldTable& fields,
                        const RollupSelection& selection = {});
/// Its statistics alone: {"avg_speed_kmh":..,...}.
void append_rollup_stats(std::string& out, const Rollup& rollup, const FieldTable& fields);
std::string window_id_text(const std::array<std::uint8_t, 16>& id);

/// What stands in a rollup's object before its statistics, and behind them; the store puts objects
/// together from its columns by these.
struct RollupHead {
  std::string_view track;
  std::string_view chassis;
  std::string_view tags;
  std::int32_t lap;
  std::int32_t sector;
  std::uint64_t count;
  EventTime first_time;
  EventTime last_time;
};
void append_rollup_head(std::string& out, const RollupHead& head);
void append_rollup_tail(std::string& out, std::string_view window,
                        const std::array<std::uint8_t, 16>& id, bool late);

/// Whether it says something of the whole, beside the tags and the statistics of each field.
bool is_rollup_member(std::string_view name);

/// What /api/rollups asks for. Times are of the rollup's last point, inclusive.
struct RollupQuery {
  std::string window = {};  ///< empty: all
  std::string track = {};
  std::string chassis = {};
  TagFilter tags = {};
  std::optional<std::int32_t> lap = {};
  std::optional<EventTime> from = {};
  std::optional<EventTime> to = {};
  std::size_t limit = 100;                        ///< 1..1,000
  std::size_t max_bytes = std::size_t{16} << 20;  ///< of the page's rollups; one always comes
  std::string cursor = {};                        ///< of the page before
  std::string first = {};                         ///< a place: nothing before it comes
  std::string last = {};                          ///< nothing behind it comes
};

/// Newest first; each rollup as JSON text. A place is written as the cursor of what follows it.
struct RollupPage {
  std::vector<std::string> rollups = {};
  std::optional<std::string> next = {};  ///< the last one's place, where more follow
  std::vector<std::string> places = {};  ///< of each
};

}  // namespace slipstream
