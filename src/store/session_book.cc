#include "store/session_book.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace slipstream {
namespace {

void append_little_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

BookedSession session_of(const std::vector<const Activity*>& activities) {
  const Activity& any = *activities.front();
  BookedSession session{.id = {},
                        .track = any.key.track,
                        .is_named = !any.key.source_session.empty(),
                        .started = any.began,
                        .ended = any.ended};
  std::set<std::string_view> machines;
  const Activity* earliest = &any;
  for (const Activity* const activity : activities) {
    session.started = std::min(session.started, activity->began);
    session.ended = std::max(session.ended, activity->ended);
    session.points += activity->points;
    machines.insert(activity->key.chassis);
    session.activities.push_back(activity->key);
    const auto place = [](const Activity& one) {
      return std::tie(one.key.first, one.key.source_session);
    };
    if (place(*activity) < place(*earliest)) earliest = activity;
  }
  session.id = session_id_of(earliest->key);
  session.machines = machines.size();
  return session;
}

/// Of names, which are joined two by two.
class NameGroups {
 public:
  void join(const std::string& a, const std::string& b) { leader_[root(a)] = root(b); }
  std::string root(std::string name) {
    while (true) {
      const std::string& next = leader_.try_emplace(name, name).first->second;
      if (next == name) return name;
      name = next;
    }
  }

 private:
  std::map<std::string, std::string> leader_;
};

}  // namespace

void grow_activity(Activity& known, const Activity& told) {
  known.began = std::min(known.began, told.began);
  known.ended = std::max(known.ended, told.ended);
  known.points = told.points;
  known.begins_anew = told.begins_anew;
  known.goes_on_from = told.goes_on_from;
}

std::string session_id_of(const ActivityKey& key) {
  std::string bytes;
  append_little_endian(bytes, key.track.size(), 4);
  bytes += key.track;
  if (key.source_session.empty()) {
    bytes += 't';
    append_little_endian(bytes, static_cast<std::uint64_t>(key.first.ns), 8);
  } else {
    bytes += 's';
    bytes += key.source_session;
  }
  return fmt::format("s{:016x}", XXH3_64bits(bytes.data(), bytes.size()));
}

std::string machine_id_of(std::string_view chassis) {
  return fmt::format("{:08x}",
                     static_cast<std::uint32_t>(XXH3_64bits(chassis.data(), chassis.size())));
}

void SessionBook::put(const Activity& activity) {
  const auto [known, is_new] = activities_.try_emplace(activity.key, activity);
  if (!is_new) grow_activity(known->second, activity);
}

std::vector<BookedSession> SessionBook::sessions() const {
  std::map<std::string_view, std::pair<Activities, Activities>> by_track;
  for (const auto& [key, activity] : activities_) {
    auto& [unnamed, named] = by_track[key.track];
    (key.source_session.empty() ? unnamed : named).push_back(&activity);
  }
  std::vector<BookedSession> all;
  for (const auto& [track, activities] : by_track) {
    add_unnamed(activities.first, all);
    add_named(activities.second, all);
  }
  return all;
}

void SessionBook::add_unnamed(Activities activities, std::vector<BookedSession>& to) const {
  std::ranges::sort(activities, {}, [](const Activity* activity) {
    return std::tuple<EventTime, bool, const ActivityKey&>(activity->began, !activity->begins_anew,
                                                           activity->key);
  });
  Activities open;
  EventTime end;
  for (const Activity* const activity : activities) {
    const std::int64_t gap = activity->began.ns - end.ns;
    const bool is_apart = gap >= gap_ns_ || (gap > 0 && activity->begins_anew);
    if (!open.empty() && is_apart) to.push_back(session_of(std::exchange(open, {})));
    end = open.empty() ? activity->ended : std::max(end, activity->ended);
    open.push_back(activity);
  }
  if (!open.empty()) to.push_back(session_of(open));
}

void SessionBook::add_named(const Activities& activities, std::vector<BookedSession>& to) {
  NameGroups groups;
  for (const Activity* const activity : activities) {
    if (!activity->goes_on_from.empty()) {
      groups.join(activity->key.source_session, activity->goes_on_from);
    }
  }
  std::map<std::string, Activities> by_group;
  for (const Activity* const activity : activities) {
    by_group[groups.root(activity->key.source_session)].push_back(activity);
  }
  const auto first_new = to.size();
  for (const auto& [root, members] : by_group) {
    BookedSession session = session_of(members);
    std::map<std::string_view, EventTime> parts;
    for (const Activity* const activity : members) {
      const auto known = parts.try_emplace(activity->key.source_session, activity->key.first).first;
      known->second = std::min(known->second, activity->key.first);
    }
    for (const auto& [part, first] : parts) session.parts.emplace_back(part);
    std::ranges::sort(session.parts, {}, [&parts](const std::string& part) {
      return std::pair<EventTime, std::string_view>(parts[part], part);
    });
    to.push_back(std::move(session));
  }
  std::ranges::sort(to.begin() + static_cast<std::ptrdiff_t>(first_new), to.end(), {},
                    [](const BookedSession& one) { return std::tie(one.started, one.id); });
}

}  // namespace slipstream
