#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/lap.h"

namespace slipstream {

/// A session, as the activities of its track make it.
struct BookedSession {
  std::string id = {};
  std::string track = {};
  bool is_named = false;  ///< the source calls it something
  EventTime started = {};
  EventTime ended = {};
  std::uint64_t machines = 0;
  std::uint64_t points = 0;
  std::vector<std::string> parts = {};  ///< what the source calls them, in their order
  std::vector<ActivityKey> activities = {};
};

/// Tells which activities are one session: a function of their set, in whatever order and of
/// whatever partitions they were told.
///   - Those that the source calls something are one with all of that name, whatever the silence
///     between them, and with those whose save they go on from.
///   - The others are one where the gap between them is under the longest. None is joined over a
///     gap whose first activity behind it begins anew: that is another run.
/// A session has the id of the earliest of its activities, by their keys' time; ids of the others,
/// which it had when it was told without those before, mean it too.
/// Bounded by whoever puts activities in. One thread.
class SessionBook {
 public:
  explicit SessionBook(std::int64_t gap_ns) : gap_ns_(gap_ns) {}

  /// What is known of one already grows by what is told.
  void put(const Activity& activity);
  /// By track: those that the source calls nothing, then the others, each by their start.
  std::vector<BookedSession> sessions() const;

 private:
  using Activities = std::vector<const Activity*>;
  void add_unnamed(Activities activities, std::vector<BookedSession>& to) const;
  static void add_named(const Activities& activities, std::vector<BookedSession>& to);

  const std::int64_t gap_ns_;
  std::map<ActivityKey, Activity> activities_;
};

/// Takes into `known` what was told of the same activity later: its times only grow, so that what a
/// restart tells once more takes nothing back; of all else the newest holds.
void grow_activity(Activity& known, const Activity& told);

/// The id of the session that begins with this activity.
std::string session_id_of(const ActivityKey& key);
/// A machine in ids of laps: 8 hex digits.
std::string machine_id_of(std::string_view chassis);

}  // namespace slipstream
