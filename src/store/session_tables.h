#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/counters.h"
#include "model/lap.h"
#include "model/stored_laps.h"
#include "store/session_book.h"
#include "store/sqlite.h"

namespace slipstream {

/// Laps of one number that a machine drove in a session: ids count them.
struct LapGroup {
  std::int64_t session = 0;
  std::string machine = {};
  std::int64_t lap = 0;

  friend auto operator<=>(const LapGroup&, const LapGroup&) = default;
};

/// Writes activities, and the sessions that they make. Where an activity only grows within its
/// session, that grows with it; else the sessions around it are booked anew (SessionBook), which
/// gives what booking all would give. Part of a transaction that the caller has begun; what it
/// remembers is of that transaction alone. One thread.
class SessionTables {
 public:
  static Result<SessionTables> prepare(Database& database, std::int64_t gap_ns);

  /// A transaction begins.
  void begin();
  Result<void> put(const Activity& activity, Counter& rows);
  /// That it lasts at least as long as a lap of it; nobody need have told it before.
  Result<void> put_lap(const Lap& lap, Counter& rows);
  /// Sessions are what the activities say from here on.
  Result<void> settle();
  /// Books all anew, where another gap was in force.
  Result<void> follow_gap();

  struct Place {
    std::int64_t activity = 0;
    std::int64_t session = 0;
  };
  /// Of an activity that was put.
  Result<Place> place_of(const ActivityKey& key);
  /// So many more laps of it are closed.
  Result<void> add_laps(std::int64_t session, std::int64_t laps);
  /// Whose laps went elsewhere, or came from there.
  const std::set<LapGroup>& moved() const { return moved_; }

 private:
  struct Kept {
    std::int64_t number = 0;
    std::int64_t session = 0;
    Activity activity = {};
  };
  SessionTables(Database& database, std::int64_t gap_ns) : database_(&database), gap_ns_(gap_ns) {}

  Result<std::optional<Kept>> find(const ActivityKey& key);
  /// How a session grows in this transaction, without meeting another.
  struct Growth {
    std::int64_t ended_ns = 0;
    std::optional<std::int64_t> next_ns = {};  ///< where the one behind it starts
    std::int64_t points = 0;                   ///< more than before
  };
  Result<Growth*> growth_of(std::int64_t session);
  Result<bool> grow_within(const Kept& known, const Activity& grown);
  Result<void> write_growth();
  using ByKey = std::map<ActivityKey, Kept>;
  Result<void> load(Statement& rows, ByKey& into);
  Result<ByKey> around(const std::vector<Activity>& changed);
  Result<void> add_unnamed_around(std::string_view track, EventTime from, EventTime to,
                                  ByKey& into);
  Result<void> add_named_around(std::string_view track, std::set<std::string> names, ByKey& into);
  Result<void> book(const ByKey& activities);
  Result<std::int64_t> write_session(const BookedSession& session);
  Result<void> move(const Kept& kept, std::int64_t session);
  Result<void> note_groups(std::int64_t activity);
  Result<void> drop_joined(const std::set<std::int64_t>& before,
                           const std::set<std::int64_t>& after);

  Database* database_;
  std::int64_t gap_ns_;
  std::vector<Activity> changed_;  ///< whose sessions are to be booked anew
  std::map<std::int64_t, Growth> growing_;
  std::set<LapGroup> moved_;

  Statement find_;
  Statement insert_;
  Statement update_;
  Statement grow_session_;
  Statement session_reach_;
  Statement unnamed_around_;
  Statement of_part_;
  Statement behind_part_;
  Statement find_session_;
  Statement insert_session_;
  Statement update_session_;
  Statement count_laps_;
  Statement add_laps_;
  Statement set_session_;
  Statement set_session_of_laps_;
  Statement groups_;
  Statement take_name_;
  Statement drop_session_;
};

}  // namespace slipstream
