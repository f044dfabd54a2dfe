#include "store/session_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/json_text.h"
#include "codec/lap_json.h"

namespace slipstream {
namespace {

constexpr std::string_view kActivityColumns =
    "a.number, a.session, a.track, a.chassis, a.source_session, a.first_ns, a.began_ns, "
    "a.ended_ns, a.points, a.begins_anew, a.goes_on_from";

/// Of two times; the least or the most there is where that is beyond.
std::int64_t sum_of(std::int64_t time_ns, std::int64_t more_ns) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(time_ns, more_ns, &sum)) return sum;
  using Limits = std::numeric_limits<std::int64_t>;
  return more_ns > 0 ? Limits::max() : Limits::min();
}

}  // namespace

Result<SessionTables> SessionTables::prepare(Database& database, std::int64_t gap_ns) {
  SessionTables tables(database, gap_ns);
  const auto activities = [](std::string_view from) {
    return fmt::format("SELECT {} FROM activities a{}", kActivityColumns, from);
  };
  const std::string find =
      activities(" WHERE track = ?1 AND chassis = ?2 AND source_session = ?3 AND first_ns = ?4");
  // Sessions without a name do not overlap: behind the last that begins before, none that began
  // earlier reaches further.
  const std::string unnamed_around = activities(
      " JOIN stored_sessions s ON s.number = a.session WHERE s.track = ?1 AND s.is_named = 0 AND "
      "s.started_ns >= (SELECT coalesce(max(started_ns), ?2) FROM stored_sessions WHERE track = ?1 "
      "AND is_named = 0 AND started_ns <= ?2) AND s.started_ns <= ?3");
  const std::string of_part =
      activities(" WHERE track = ?1 AND source_session = ?2 AND source_session <> ''");
  const std::string behind_part = activities(
      " WHERE track = ?1 AND goes_on_from = ?2 AND goes_on_from <> '' AND source_session <> ''");
  auto prepared = prepare_all(
      database,
      {{&tables.find_, find},
       {&tables.insert_,
        "INSERT INTO activities (track, chassis, source_session, first_ns, began_ns, ended_ns, "
        "points, begins_anew, goes_on_from, session_alias, session) VALUES (?1, ?2, ?3, ?4, ?5, "
        "?6, ?7, ?8, ?9, ?10, 0)"},
       {&tables.update_,
        "UPDATE activities SET began_ns = ?2, ended_ns = ?3, points = ?4, begins_anew = ?5, "
        "goes_on_from = ?6 WHERE number = ?1"},
       {&tables.grow_session_,
        "UPDATE stored_sessions SET ended_ns = max(ended_ns, ?2), points = points + ?3 WHERE "
        "number = ?1"},
       {&tables.session_reach_,
        "SELECT s.ended_ns, s.is_named, (SELECT min(n.started_ns) FROM stored_sessions n WHERE "
        "n.track = s.track AND n.is_named = 0 AND n.started_ns > s.started_ns) FROM "
        "stored_sessions s WHERE s.number = ?1"},
       {&tables.unnamed_around_, unnamed_around},
       {&tables.of_part_, of_part},
       {&tables.behind_part_, behind_part},
       {&tables.find_session_, "SELECT number FROM stored_sessions WHERE id = ?1"},
       {&tables.insert_session_,
        "INSERT INTO stored_sessions (id, track, is_named, started_ns, ended_ns, machines, laps, "
        "points, parts, name, pinned) VALUES (?1, ?2, ?3, 0, 0, 0, 0, 0, '[]', '', 0)"},
       {&tables.update_session_,
        "UPDATE stored_sessions SET started_ns = ?2, ended_ns = ?3, machines = ?4, points = ?5, "
        "parts = ?6 WHERE number = ?1"},
       {&tables.count_laps_,
        "UPDATE stored_sessions SET laps = (SELECT count(*) FROM stored_laps WHERE session = ?1 "
        "AND revision > 0) WHERE number = ?1"},
       {&tables.add_laps_, "UPDATE stored_sessions SET laps = laps + ?2 WHERE number = ?1"},
       {&tables.set_session_, "UPDATE activities SET session = ?2 WHERE number = ?1"},
       {&tables.set_session_of_laps_, "UPDATE stored_laps SET session = ?2 WHERE activity = ?1"},
       {&tables.groups_,
        "SELECT DISTINCT session, machine, lap FROM stored_laps WHERE activity = ?1"},
       {&tables.take_name_,
        "UPDATE stored_sessions AS new SET name = iif(new.name = '', old.name, new.name), pinned = "
        "max(new.pinned, old.pinned) FROM stored_sessions AS old WHERE old.number = ?1 AND "
        "new.number = (SELECT session FROM activities WHERE session_alias = old.id ORDER BY "
        "first_ns LIMIT 1) AND new.number <> ?1"},
       {&tables.drop_session_, "DELETE FROM stored_sessions WHERE number = ?1"}});
  if (!prepared) return std::unexpected(prepared.error());
  return tables;
}

void SessionTables::begin() {
  changed_.clear();
  growing_.clear();
  moved_.clear();
}

Result<std::optional<SessionTables::Kept>> SessionTables::find(const ActivityKey& key) {
  find_.bind(1, key.track).bind(2, key.chassis).bind(3, key.source_session).bind(4, key.first.ns);
  ByKey found;
  if (auto done = load(find_, found); !done) return std::unexpected(done.error());
  if (found.empty()) return std::optional<Kept>();
  return std::optional(std::move(found.begin()->second));
}

Result<void> SessionTables::load(Statement& rows, ByKey& into) {
  return each_row(rows, [&into](const Statement& row) {
    Activity activity{.key = {.track = std::string(row.text(2)),
                              .chassis = std::string(row.text(3)),
                              .source_session = std::string(row.text(4)),
                              .first = {row.integer(5)}},
                      .began = {row.integer(6)},
                      .ended = {row.integer(7)},
                      .points = static_cast<std::uint64_t>(row.integer(8)),
                      .begins_anew = row.integer(9) != 0,
                      .goes_on_from = std::string(row.text(10))};
    ActivityKey key = activity.key;
    into.insert_or_assign(
        std::move(key),
        Kept{.number = row.integer(0), .session = row.integer(1), .activity = std::move(activity)});
  });
}

Result<void> SessionTables::put(const Activity& activity, Counter& rows) {
  auto found = find(activity.key);
  if (!found) return std::unexpected(found.error());
  rows.add();
  if (!*found) {
    const std::string alias = session_id_of(activity.key);
    insert_.bind(1, activity.key.track)
        .bind(2, activity.key.chassis)
        .bind(3, activity.key.source_session)
        .bind(4, activity.key.first.ns)
        .bind(5, activity.began.ns)
        .bind(6, activity.ended.ns)
        .bind(7, signed_of(activity.points))
        .bind(8, std::int64_t{activity.begins_anew})
        .bind(9, activity.goes_on_from)
        .bind(10, alias);
    changed_.push_back(activity);
    return insert_.run();
  }
  Kept grown = **found;
  grow_activity(grown.activity, activity);
  if (grown.activity == (*found)->activity) return {};
  update_.bind(1, grown.number)
      .bind(2, grown.activity.began.ns)
      .bind(3, grown.activity.ended.ns)
      .bind(4, signed_of(grown.activity.points))
      .bind(5, std::int64_t{grown.activity.begins_anew})
      .bind(6, grown.activity.goes_on_from);
  if (auto done = update_.run(); !done) return done;
  const auto is_within = grow_within(**found, grown.activity);
  if (!is_within) return std::unexpected(is_within.error());
  if (!*is_within) changed_.push_back(std::move(grown.activity));
  return {};
}

Result<SessionTables::Growth*> SessionTables::growth_of(std::int64_t session) {
  if (const auto known = growing_.find(session); known != growing_.end()) return &known->second;
  session_reach_.bind(1, session);
  const auto row = session_reach_.step();
  Growth growth;
  if (row && *row) {
    growth.ended_ns = session_reach_.integer(0);
    const bool has_next = session_reach_.integer(1) == 0 && !session_reach_.is_null(2);
    if (has_next) growth.next_ns = session_reach_.integer(2);
  }
  session_reach_.reset();
  if (!row) return std::unexpected(row.error());
  if (!*row) return nullptr;
  return &growing_.emplace(session, growth).first->second;
}

/// Lets its session grow with an activity, where that is all that its growth is felt by.
Result<bool> SessionTables::grow_within(const Kept& known, const Activity& grown) {
  const Activity& was = known.activity;
  if (known.session == 0 || grown.began != was.began || grown.begins_anew != was.begins_anew ||
      grown.goes_on_from != was.goes_on_from) {
    return false;
  }
  const auto session = growth_of(known.session);
  if (!session) return std::unexpected(session.error());
  Growth* const growth = *session;
  if (growth == nullptr) return false;
  if (grown.ended.ns > growth->ended_ns) {
    if (growth->next_ns && sum_of(grown.ended.ns, gap_ns_) > *growth->next_ns) return false;
    growth->ended_ns = grown.ended.ns;
  }
  growth->points += signed_of(grown.points - was.points);
  return true;
}

Result<void> SessionTables::write_growth() {
  for (const auto& [session, growth] : growing_) {
    grow_session_.bind(1, session).bind(2, growth.ended_ns).bind(3, growth.points);
    if (auto done = grow_session_.run(); !done) return done;
  }
  growing_.clear();
  return {};
}

Result<void> SessionTables::put_lap(const Lap& lap, Counter& rows) {
  const ActivityKey& key = lap.activity;
  const auto found = find(key);
  if (!found) return std::unexpected(found.error());
  Activity told{.key = key, .began = key.first, .ended = std::max(key.first, lap.ended)};
  if (*found) {
    const Activity& known = (*found)->activity;
    if (lap.ended <= known.ended) return {};
    told = known;
    told.ended = lap.ended;
  }
  return put(told, rows);
}

Result<SessionTables::Place> SessionTables::place_of(const ActivityKey& key) {
  const auto found = find(key);
  if (!found) return std::unexpected(found.error());
  if (!*found) return fail("an activity that was put is not there", ErrorCode::kCorrupt);
  return Place{(*found)->number, (*found)->session};
}

Result<void> SessionTables::add_laps(std::int64_t session, std::int64_t laps) {
  add_laps_.bind(1, session).bind(2, laps);
  return add_laps_.run();
}

Result<void> SessionTables::settle() {
  if (auto done = write_growth(); !done) return done;
  if (changed_.empty()) return {};
  const auto touched = around(changed_);
  changed_.clear();
  if (!touched) return std::unexpected(touched.error());
  return book(*touched);
}

Result<void> SessionTables::follow_gap() {
  const auto gap = database_->integer("SELECT gap_ns FROM session_rules");
  if (!gap) return std::unexpected(gap.error());
  if (*gap == gap_ns_) return {};
  auto all = database_->prepare(fmt::format("SELECT {} FROM activities a", kActivityColumns));
  if (!all) return std::unexpected(all.error());
  ByKey activities;
  if (auto done = load(*all, activities); !done) return done;
  if (auto done = book(activities); !done) return done;
  return database_->execute(
      fmt::format("INSERT OR REPLACE INTO session_rules VALUES (0, {})", gap_ns_).c_str());
}

/// The activities of all sessions that those may be of now.
Result<SessionTables::ByKey> SessionTables::around(const std::vector<Activity>& changed) {
  struct Span {
    EventTime from;
    EventTime to;
  };
  std::map<std::string_view, Span> spans;
  std::map<std::string_view, std::set<std::string>> names;
  ByKey touched;
  for (const Activity& activity : changed) {
    const ActivityKey& key = activity.key;
    // A new one is of no session yet.
    auto kept = find(key);
    if (!kept) return std::unexpected(kept.error());
    if (*kept) touched.insert_or_assign(key, std::move(**kept));
    if (!key.source_session.empty()) {
      names[key.track].insert(key.source_session);
      if (!activity.goes_on_from.empty()) names[key.track].insert(activity.goes_on_from);
      continue;
    }
    auto& span = spans.try_emplace(key.track, Span{activity.began, activity.ended}).first->second;
    span = {std::min(span.from, activity.began), std::max(span.to, activity.ended)};
  }
  Result<void> done;
  for (const auto& [track, span] : spans) {
    if (done) done = add_unnamed_around(track, span.from, span.to, touched);
  }
  for (const auto& [track, of_track] : names) {
    if (done) done = add_named_around(track, of_track, touched);
  }
  if (!done) return std::unexpected(done.error());
  return touched;
}

Result<void> SessionTables::add_unnamed_around(std::string_view track, EventTime from, EventTime to,
                                               ByKey& into) {
  unnamed_around_.bind(1, track).bind(2, sum_of(from.ns, -gap_ns_)).bind(3, sum_of(to.ns, gap_ns_));
  return load(unnamed_around_, into);
}

Result<void> SessionTables::add_named_around(std::string_view track, std::set<std::string> names,
                                             ByKey& into) {
  std::set<std::string> done;
  while (!names.empty()) {
    const std::string name = std::move(names.extract(names.begin()).value());
    if (!done.insert(name).second) continue;
    ByKey of_name;
    for (Statement* const rows : {&of_part_, &behind_part_}) {
      rows->bind(1, track).bind(2, name);
      if (auto loaded = load(*rows, of_name); !loaded) return loaded;
    }
    for (auto& [key, kept] : of_name) {
      names.insert(key.source_session);
      if (!kept.activity.goes_on_from.empty()) names.insert(kept.activity.goes_on_from);
      into.insert_or_assign(key, std::move(kept));
    }
  }
  return {};
}

Result<void> SessionTables::book(const ByKey& activities) {
  SessionBook booked(gap_ns_);
  std::set<std::int64_t> before;
  for (const auto& [key, kept] : activities) {
    booked.put(kept.activity);
    if (kept.session != 0) before.insert(kept.session);
  }
  std::set<std::int64_t> after;
  for (const BookedSession& session : booked.sessions()) {
    const auto number = write_session(session);
    if (!number) return std::unexpected(number.error());
    after.insert(*number);
    for (const ActivityKey& key : session.activities) {
      const Kept& kept = activities.at(key);
      if (kept.session == *number) continue;
      if (auto done = move(kept, *number); !done) return done;
    }
  }
  for (const std::int64_t session : after) {
    count_laps_.bind(1, session);
    if (auto done = count_laps_.run(); !done) return done;
  }
  return drop_joined(before, after);
}

Result<std::int64_t> SessionTables::write_session(const BookedSession& session) {
  find_session_.bind(1, session.id);
  const auto found = find_session_.number();
  if (!found) return std::unexpected(found.error());
  std::int64_t number = found->value_or(0);
  if (number == 0) {
    insert_session_.bind(1, session.id)
        .bind(2, session.track)
        .bind(3, std::int64_t{session.is_named});
    if (auto done = insert_session_.run(); !done) return std::unexpected(done.error());
    number = database_->last_row();
  }
  std::string parts;
  append_json_names(parts, session.parts);
  update_session_.bind(1, number)
      .bind(2, session.started.ns)
      .bind(3, session.ended.ns)
      .bind(4, signed_of(session.machines))
      .bind(5, signed_of(session.points))
      .bind(6, parts);
  if (auto done = update_session_.run(); !done) return std::unexpected(done.error());
  return number;
}

Result<void> SessionTables::move(const Kept& kept, std::int64_t session) {
  if (auto noted = note_groups(kept.number); !noted) return noted;
  for (Statement* const statement : {&set_session_, &set_session_of_laps_}) {
    statement->bind(1, kept.number).bind(2, session);
    if (auto done = statement->run(); !done) return done;
  }
  return note_groups(kept.number);
}

Result<void> SessionTables::note_groups(std::int64_t activity) {
  groups_.bind(1, activity);
  return each_row(groups_, [this](const Statement& row) {
    moved_.insert({row.integer(0), std::string(row.text(1)), row.integer(2)});
  });
}

/// What a person said of a session goes with the activity that it had its id of.
Result<void> SessionTables::drop_joined(const std::set<std::int64_t>& before,
                                        const std::set<std::int64_t>& after) {
  for (const std::int64_t session : before) {
    if (after.contains(session)) continue;
    for (Statement* const statement : {&take_name_, &drop_session_}) {
      statement->bind(1, session);
      if (auto done = statement->run(); !done) return done;
    }
  }
  return {};
}

}  // namespace slipstream
