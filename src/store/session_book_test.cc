#include "store/session_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kMinuteNs = 60 * kNsPerSecond;
constexpr std::int64_t kGapNs = 10 * kMinuteNs;

/// Of `from` to `to`, in minutes.
Activity driven(std::string chassis, std::int64_t from, std::int64_t to, std::string source = "") {
  return {.key = {.track = "spa",
                  .chassis = std::move(chassis),
                  .source_session = std::move(source),
                  .first = {from * kMinuteNs}},
          .began = {from * kMinuteNs},
          .ended = {to * kMinuteNs},
          .points = 10};
}
Activity anew(Activity activity) {
  activity.begins_anew = true;
  return activity;
}
Activity loaded(Activity activity, std::string from) {
  activity.goes_on_from = std::move(from);
  return activity;
}

std::vector<BookedSession> booked(const std::vector<Activity>& activities) {
  SessionBook book(kGapNs);
  for (const auto& activity : activities) book.put(activity);
  return book.sessions();
}
/// Of each session the machines that are in it.
std::vector<std::string> crews(const std::vector<Activity>& activities) {
  std::vector<std::string> crews;
  for (const auto& session : booked(activities)) {
    std::vector<std::string> names;
    for (const auto& key : session.activities) names.push_back(key.chassis);
    std::ranges::sort(names);
    std::string crew;
    for (const auto& name : names) crew += name;
    crews.push_back(crew);
  }
  return crews;
}

TEST(SessionBook, APauseAsLongAsTheGapEndsASession) {
  EXPECT_THAT(crews({driven("A", 0, 5), driven("B", 14, 20)}), ElementsAre("AB"));
  EXPECT_THAT(crews({driven("A", 0, 5), driven("B", 15, 20)}), ElementsAre("A", "B"));
  EXPECT_THAT(crews({driven("A", 0, 5), driven("B", 20, 25), driven("C", 3, 16)}),
              ElementsAre("ABC"))
      << "another car spans it";
  EXPECT_THAT(crews({}), IsEmpty());
}

TEST(SessionBook, ARunThatBeginsAnewIsAnotherSessionWhereNobodySpansThatInstant) {
  EXPECT_THAT(crews({driven("A", 0, 5), anew(driven("B", 6, 20))}), ElementsAre("A", "B"));
  EXPECT_THAT(crews({driven("A", 0, 5), driven("C", 2, 8), anew(driven("B", 6, 20))}),
              ElementsAre("ABC"));
  EXPECT_THAT(crews({driven("A", 0, 5), driven("C", 6, 8), anew(driven("B", 7, 20))}),
              ElementsAre("ABC"))
      << "the first behind the gap goes on";
  EXPECT_THAT(crews({driven("A", 0, 5), driven("C", 6, 8), anew(driven("B", 6, 20))}),
              ElementsAre("A", "BC"));
}

TEST(SessionBook, ASourcesOwnSessionIsOneWhateverTheSilence) {
  const auto sessions =
      booked({driven("A", 0, 5, "s1"), driven("A", 500, 505, "s1"), driven("A", 10, 20, "s2")});
  ASSERT_THAT(sessions, SizeIs(2));
  EXPECT_THAT(sessions[0].parts, ElementsAre("s1"));
  EXPECT_EQ(sessions[0].started, EventTime{});
  EXPECT_EQ(sessions[0].ended, EventTime{505 * kMinuteNs});
  EXPECT_EQ(sessions[0].machines, 1u);
  EXPECT_EQ(sessions[0].points, 20u);
  EXPECT_EQ(sessions[0].id, session_id_of(driven("B", 900, 901, "s1").key));
}

TEST(SessionBook, ASaveJoinsWhatItGoesOnFrom) {
  const auto sessions =
      booked({loaded(driven("A", 90, 95, "s3"), "s2"), loaded(driven("A", 50, 55, "s2"), "s1"),
              driven("A", 0, 5, "s1"), driven("A", 7, 8, "other")});
  ASSERT_THAT(sessions, SizeIs(2));
  EXPECT_THAT(sessions[0].parts, ElementsAre("s1", "s2", "s3"));
  EXPECT_EQ(sessions[0].id, session_id_of(driven("A", 0, 5, "s1").key));
  EXPECT_THAT(
      crews({loaded(driven("A", 0, 5, "s2"), "gone"), loaded(driven("B", 50, 55, "s3"), "gone")}),
      ElementsAre("AB"))
      << "the part between need not be there";
}

TEST(SessionBook, AnIdIsOfTheTrackAndTheNameOrTheFirstTime) {
  const auto id = [](std::string track, std::string source, std::int64_t first) {
    return session_id_of({std::move(track), "A", std::move(source), {first}});
  };
  EXPECT_EQ(id("spa", "", 1).size(), 17u);
  EXPECT_EQ(id("spa", "7", 1), id("spa", "7", 2));
  EXPECT_NE(id("spa", "", 1), id("spa", "", 2));
  EXPECT_NE(id("spa", "7", 1), id("spa2", "7", 1));
  EXPECT_NE(id("spa", "7", 1), id("sp", "a7", 1));
  // Given out, and kept by others: they may not change.
  EXPECT_EQ(id("spa", "", 1'757'000'000'000'000'000), "s5aa3ec96debe1f51");
  EXPECT_EQ(id("spa", "12", 0), "scfd64ed2a7c8d867");
  EXPECT_EQ(machine_id_of("GR86-001-01"), "07f65b7a");
}

TEST(SessionBook, AnActivityGrows) {
  SessionBook book(kGapNs);
  book.put(driven("A", 0, 5));
  book.put(driven("A", 0, 3));
  ASSERT_THAT(book.sessions(), SizeIs(1));
  EXPECT_EQ(book.sessions()[0].ended, EventTime{5 * kMinuteNs}) << "a replay takes nothing back";
  Activity late = driven("A", 0, 30);
  late.points = 99;
  book.put(late);
  EXPECT_EQ(book.sessions()[0].ended, EventTime{30 * kMinuteNs});
  EXPECT_EQ(book.sessions()[0].points, 99u);
}

struct Told {
  std::vector<std::string> ids;
  std::vector<std::vector<ActivityKey>> activities;
  bool operator==(const Told&) const = default;
};
Told told(const std::vector<Activity>& activities) {
  Told all;
  for (const auto& session : booked(activities)) {
    all.ids.push_back(session.id);
    all.activities.push_back(session.activities);
  }
  return all;
}

std::vector<Activity> any_activities() {
  return *rc::gen::container<std::vector<Activity>>(rc::gen::exec([] {
    const auto from = *rc::gen::inRange<std::int64_t>(0, 200);
    const std::string names[] = {"", "", "", "s1", "s2", "s3"};
    Activity activity =
        driven(std::string(1, static_cast<char>('A' + *rc::gen::inRange(0, 4))), from,
               from + *rc::gen::inRange<std::int64_t>(0, 12), names[*rc::gen::inRange(0, 6)]);
    activity.begins_anew = *rc::gen::inRange(0, 3) == 0;
    if (!activity.key.source_session.empty() && *rc::gen::inRange(0, 3) == 0) {
      activity.goes_on_from = names[*rc::gen::inRange(3, 6)];
    }
    return activity;
  }));
}
/// One of each key.
std::vector<Activity> distinct(std::vector<Activity> activities) {
  std::map<ActivityKey, Activity> by_key;
  for (auto& activity : activities) by_key.try_emplace(activity.key, activity);
  activities.clear();
  for (auto& [key, activity] : by_key) activities.push_back(std::move(activity));
  return activities;
}

RC_GTEST_PROP(SessionBook, IsAFunctionOfTheSetAndNotOfItsOrder, ()) {
  auto activities = distinct(any_activities());
  const auto expected = told(activities);
  std::mt19937 random(*rc::gen::arbitrary<std::uint32_t>());
  std::ranges::shuffle(activities, random);
  RC_ASSERT(told(activities) == expected);
}

RC_GTEST_PROP(SessionBook, PutsEachActivityIntoOneSession, ()) {
  const auto activities = distinct(any_activities());
  std::map<ActivityKey, int> count;
  std::set<std::string> ids;
  for (const auto& session : booked(activities)) {
    RC_ASSERT(ids.insert(session.id).second);
    for (const auto& key : session.activities) ++count[key];
  }
  RC_ASSERT(count.size() == activities.size());
  RC_ASSERT(std::ranges::all_of(count, [](const auto& one) { return one.second == 1; }));
}

RC_GTEST_PROP(SessionBook, LeavesAGapBetweenSessionsOrANewRunBehindIt, ()) {
  auto activities = any_activities();
  for (auto& activity : activities) activity.key.source_session.clear();
  activities = distinct(std::move(activities));
  const auto sessions = booked(activities);
  for (std::size_t i = 1; i < sessions.size(); ++i) {
    const std::int64_t gap = sessions[i].started.ns - sessions[i - 1].ended.ns;
    const bool is_anew = std::ranges::any_of(activities, [&](const Activity& activity) {
      return activity.began == sessions[i].started && activity.begins_anew;
    });
    RC_ASSERT(gap >= kGapNs || (gap > 0 && is_anew));
  }
}

}  // namespace
}  // namespace slipstream
