// What is stored of laps and sessions is a function of what was told, in whatever order.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "codec/lap_json.h"
#include "store/lap_fixture.h"
#include "store/session_book.h"

namespace slipstream {
namespace {

/// What the store says of a track, whatever rows it gave.
std::vector<std::string> picture(const RollupStore& store, const std::string& track) {
  std::vector<std::string> all;
  const auto page = store.query_laps({.track = track, .limit = 1'000});
  for (const auto& one : page->laps) {
    std::string json;
    append_lap_json(json, one);
    all.push_back(std::move(json));
  }
  const auto sessions = store.query_sessions({.track = track});
  for (const auto& session : *sessions) {
    std::string json;
    append_session_json(json, session, false);
    all.push_back(std::move(json));
  }
  std::ranges::sort(all);
  return all;
}

/// Two stores that are told the same in two orders, of a track of its own each time.
class AnyOrderOfTelling : public StoredLapsTest {
 public:
  AnyOrderOfTelling() {
    SetUp();
    one_ = open();
    other_ = RollupStore::open(directory_ / "other", {}, schema_.fields()).value();
  }
  ~AnyOrderOfTelling() override {
    one_.reset();
    other_.reset();
    TearDown();
  }
  void TestBody() override {}

  struct Told {
    std::optional<Activity> activity = {};
    std::optional<Lap> lap = {};
  };
  static std::vector<Told> any(const std::string& track) {
    std::vector<Told> told;
    std::set<ActivityKey> keys;
    const int count = *rc::gen::inRange(1, 8);
    for (int i = 0; i < count; ++i) {
      const auto from = *rc::gen::inRange<std::int64_t>(0, 40) * 120;
      const std::string names[] = {"", "", "s1", "s2"};
      const std::string source = names[*rc::gen::inRange(0, 4)];
      const auto one = key(std::string(1, static_cast<char>('A' + *rc::gen::inRange(0, 3))), from,
                           source, track);
      if (!keys.insert(one).second) continue;
      Activity whole = activity(one, from + *rc::gen::inRange<std::int64_t>(100, 900));
      whole.begins_anew = *rc::gen::inRange(0, 4) == 0;
      if (source == "s2" && *rc::gen::inRange(0, 2) == 0) whole.goes_on_from = "s1";
      Activity part = whole;
      part.ended = whole.began;
      part.points = 1;
      told.push_back({.activity = part});
      told.push_back({.activity = whole});
      for (std::uint32_t n = 0; n < 2; ++n) {
        Lap driven = lap(one, *rc::gen::inRange(1, 3), from + 90 * n, *rc::gen::inRange(0, 3));
        driven.repeat = n;
        told.push_back({.lap = driven});
      }
    }
    return told;
  }
  static void tell(RollupStore& store, const std::vector<Told>& told) {
    constexpr std::size_t kACommit = 3;
    for (std::size_t from = 0; from < told.size(); from += kACommit) {
      std::vector<Activity> activities;
      std::vector<Lap> laps;
      for (std::size_t i = from; i < std::min(from + kACommit, told.size()); ++i) {
        if (told[i].activity) activities.push_back(*told[i].activity);
        if (told[i].lap) laps.push_back(*told[i].lap);
      }
      put(store, std::move(activities), laps);
    }
  }

  std::unique_ptr<RollupStore> one_;
  std::unique_ptr<RollupStore> other_;
  int tracks_ = 0;
};

TEST(StoredLaps, SessionsAndIdsAreAFunctionOfTheSet) {
  AnyOrderOfTelling stores;
  const bool holds = rc::check("the order of telling means nothing", [&stores] {
    const std::string track = fmt::format("track{}", ++stores.tracks_);
    const auto told = AnyOrderOfTelling::any(track);
    auto shuffled = told;
    std::mt19937 random(*rc::gen::arbitrary<std::uint32_t>());
    std::ranges::shuffle(shuffled, random);
    // Of an activity the newest holds: it stands behind the others.
    std::ranges::stable_sort(shuffled, {}, [](const AnyOrderOfTelling::Told& one) {
      return one.activity && one.activity->points > 1;
    });
    AnyOrderOfTelling::tell(*stores.one_, told);
    AnyOrderOfTelling::tell(*stores.other_, shuffled);
    const auto expected = picture(*stores.one_, track);
    RC_ASSERT(picture(*stores.other_, track) == expected);
    SessionBook book(600 * kNsPerSecond);
    for (const auto& one : told) {
      if (!one.lap) continue;
      const ActivityKey& of = one.lap->activity;
      book.put({.key = of, .began = of.first, .ended = one.lap->ended});
    }
    for (const auto& one : told) {
      if (one.activity) book.put(*one.activity);
    }
    for (const BookedSession& session : book.sessions()) {
      const auto stored = stores.one_->find_session(session.id);
      RC_ASSERT(stored && *stored);
      RC_ASSERT((*stored)->id == session.id);
      RC_ASSERT((*stored)->started == session.started && (*stored)->ended == session.ended);
      RC_ASSERT((*stored)->machines == session.machines && (*stored)->parts == session.parts);
    }
    RC_ASSERT(stores.one_->query_sessions({.track = track})->size() == book.sessions().size());
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace slipstream
