#include "alert/alert_observer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "derive/testing.h"

namespace slipstream::alert_testing {
namespace {

using derive_testing::batch_of;
using derive_testing::Reading;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Rules = std::vector<AlertRule>;

/// Alerts of a partition, one point after the other.
class Watching {
 public:
  explicit Watching(Rules rules) : rules_(std::move(rules)), observer_(rules_, schema_, counts_) {}

  std::vector<Alert> take(const Reading& reading, std::uint32_t machine = 0) {
    const PointBatch batch = batch_of(reading, schema_, machine);
    observer_.observe(batch);
    return told();
  }
  std::vector<Alert> take(std::string_view field, double value, std::int64_t ms) {
    return take({.values = {{std::string(field), value}}, .ms = ms});
  }
  std::vector<Alert> forget(std::uint32_t machine) {
    observer_.forget(machine);
    return told();
  }
  std::string saved() {
    std::string bytes;
    observer_.state()->save(bytes);
    return bytes;
  }
  Result<void> restore(std::string_view bytes) { return observer_.state()->restore(bytes); }
  const AlertCounts& counts() const { return counts_; }

 private:
  std::vector<Alert> told() {
    std::vector<Alert> alerts;
    observer_.take_alerts(alerts);
    return alerts;
  }

  const Rules rules_;
  Schema schema_;
  AlertCounts counts_;
  AlertObserver observer_;
};

std::vector<std::string> states(const std::vector<Alert>& alerts) {
  std::vector<std::string> texts;
  for (const Alert& alert : alerts) {
    texts.push_back(fmt::format("{} {} {}", alert.name, alert.is_raised ? "raised" : "cleared",
                                alert.time.ns / kNsPerMs));
  }
  return texts;
}

TEST(Alerts, AreRaisedAndClearedByOnePointWhereNothingElseIsSaid) {
  Watching watching(
      Rules{{.name = "hot", .when = "oil > 110", .severity = AlertSeverity::kCritical}});
  EXPECT_THAT(watching.take("oil", 110, 0), IsEmpty());
  const auto raised = watching.take("oil", 111.5, 100);
  ASSERT_EQ(raised.size(), 1u);
  EXPECT_TRUE(raised[0].is_raised);
  EXPECT_EQ(raised[0].severity, AlertSeverity::kCritical);
  EXPECT_EQ(raised[0].track, "cota");
  EXPECT_EQ(raised[0].chassis, "GR86-0");
  EXPECT_EQ(raised[0].value, 111.5);
  EXPECT_EQ(raised[0].message, "oil > 110 (oil = 111.5)");
  EXPECT_THAT(watching.take("oil", 112, 200), IsEmpty());
  const auto cleared = watching.take("oil", 90, 300);
  ASSERT_EQ(cleared.size(), 1u);
  EXPECT_FALSE(cleared[0].is_raised);
  EXPECT_EQ(cleared[0].id, raised[0].id);
  EXPECT_EQ(cleared[0].message, "no longer oil > 110 (oil = 90)");
  const auto again = watching.take("oil", 120, 400);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_NE(again[0].id, raised[0].id);
}

TEST(Alerts, HoldForAsLongAsTheySay) {
  Watching watching(Rules{{.name = "hot", .when = "oil > 110 for 2s"}});
  EXPECT_THAT(watching.take("oil", 120, 0), IsEmpty());
  EXPECT_THAT(watching.take("oil", 90, 1'000), IsEmpty());  // from the beginning
  EXPECT_THAT(watching.take("oil", 120, 1'500), IsEmpty());
  EXPECT_THAT(watching.take("oil", 120, 3'499), IsEmpty());
  EXPECT_THAT(states(watching.take("oil", 120, 3'500)), ElementsAre("hot raised 3500"));
  // And are cleared behind as long a time, unless another condition is given.
  EXPECT_THAT(watching.take("oil", 90, 4'000), IsEmpty());
  EXPECT_THAT(watching.take("oil", 120, 5'000), IsEmpty());
  EXPECT_THAT(watching.take("oil", 90, 6'000), IsEmpty());
  EXPECT_THAT(states(watching.take("oil", 90, 8'000)), ElementsAre("hot cleared 8000"));
}

TEST(Alerts, AreClearedByTheConditionThatIsGiven) {
  Watching watching(Rules{{.name = "hot", .when = "oil > 110 for 2s", .clear = "oil < 100"}});
  watching.take("oil", 120, 0);
  EXPECT_THAT(states(watching.take("oil", 120, 2'000)), ElementsAre("hot raised 2000"));
  EXPECT_THAT(watching.take("oil", 105, 3'000), IsEmpty());
  const auto cleared = watching.take("oil", 99, 3'100);
  EXPECT_THAT(states(cleared), ElementsAre("hot cleared 3100"));
  EXPECT_EQ(cleared[0].message, "again oil < 100 (oil = 99)");
}

TEST(Alerts, APointThatLacksAFieldSaysNothing) {
  Watching watching(Rules{{.name = "hot", .when = "oil > 110 for 2s"}});
  watching.take("oil", 120, 0);
  EXPECT_THAT(watching.take("water", 1, 1'000), IsEmpty());
  EXPECT_THAT(states(watching.take("oil", 120, 2'000)), ElementsAre("hot raised 2000"));
  EXPECT_THAT(watching.take("water", 1, 9'000), IsEmpty());
}

TEST(Alerts, AreOfEachMachineByItself) {
  Watching watching(Rules{{.name = "hot", .when = "oil > 110"}});
  const Reading hot{.values = {{"oil", 120}}, .ms = 5};
  const auto first = watching.take(hot, 0);
  const auto second = watching.take(hot, 1);
  ASSERT_EQ(first.size() + second.size(), 2u);
  EXPECT_EQ(second[0].chassis, "GR86-1");
  EXPECT_NE(first[0].id, second[0].id);
}

TEST(Alerts, AreAboutTheMachinesThatTheyAskFor) {
  TagFilter wheel;
  wheel.add("wheel", "fl");
  Watching watching(Rules{{.name = "a", .when = "oil > 0", .tracks = {"spa"}},
                          {.name = "b", .when = "oil > 0", .chassis = {"GR86-0", "x"}},
                          {.name = "c", .when = "oil > 0", .tags = wheel}});
  EXPECT_THAT(states(watching.take("oil", 1, 7)), ElementsAre("b raised 7"));
}

TEST(Alerts, ConditionsMayRemember) {
  Watching watching(
      Rules{{.name = "jump", .when = "abs(rate(oil)) > 100", .clear = "rate(oil) < 1"}});
  watching.take("oil", 0, 0);
  EXPECT_THAT(states(watching.take("oil", 50, 100)), ElementsAre("jump raised 100"));
  EXPECT_THAT(states(watching.take("oil", 50, 200)), ElementsAre("jump cleared 200"));
}

TEST(Alerts, AMachineThatIsForgottenIsCleared) {
  Watching watching(Rules{{.name = "hot", .when = "oil > 110"}});
  watching.take("oil", 120, 5);
  const auto cleared = watching.forget(0);
  EXPECT_THAT(states(cleared), ElementsAre("hot cleared 5"));
  EXPECT_THAT(cleared[0].message, HasSubstr("forgotten"));
  EXPECT_THAT(watching.forget(0), IsEmpty());
}

TEST(Alerts, MachinesBeyondTheLimitAreCounted) {
  Watching watching(Rules{{.name = "hot", .when = "oil > 110"}});
  const Reading cold{.values = {{"oil", 20}}};
  for (std::uint32_t i = 0; i < AlertObserver::kMostSeries; ++i) watching.take(cold, i);
  // Also behind a restart, where there was nothing to remember of the others.
  ASSERT_TRUE(watching.restore(watching.saved()));
  const Reading hot{.values = {{"oil", 120}}};
  EXPECT_THAT(watching.take(hot, 5'000), IsEmpty());
  EXPECT_EQ(watching.counts().not_followed.value(), 1u);
  EXPECT_EQ(watching.take(hot, 5).size(), 1u);
}

TEST(Alerts, WhatIsKnownOfARuleThatChangedIsLetGo) {
  Watching before(Rules{{.name = "hot", .when = "oil > 110"}, {.name = "wet", .when = "rain > 0"}});
  before.take({.values = {{"oil", 120}, {"rain", 1}}});
  Watching after(Rules{{.name = "wet", .when = "rain > 0"}, {.name = "hot", .when = "oil > 111"}});
  ASSERT_TRUE(after.restore(before.saved()));
  EXPECT_THAT(states(after.take({.values = {{"oil", 120}, {"rain", 0}}, .ms = 9})),
              ElementsAre("wet cleared 9", "hot raised 9"));
}

TEST(Alerts, DamageOfTheStateIsFound) {
  Watching watching(Rules{{.name = "hot", .when = "rate(oil) > 110"}});
  watching.take("oil", 120, 0);
  const std::string saved = watching.saved();
  EXPECT_TRUE(watching.restore(saved));
  for (std::size_t size = 0; size < saved.size(); ++size) {
    if (size == 1) continue;  // nothing but the version is a state of nobody
    EXPECT_FALSE(watching.restore(saved.substr(0, size))) << size;
  }
}

TEST(AlertRules, AreKnownByWhatTheyMean) {
  const AlertRule rule{.name = "hot", .when = "oil > 110"};
  AlertRule graver = rule;
  graver.severity = AlertSeverity::kCritical;
  EXPECT_EQ(rule.id(), graver.id());
  std::set<std::string> ids = {rule.id()};
  AlertRule other = rule;
  other.name = "hotter";
  ids.insert(other.id());
  other = rule;
  other.when = "oil > 111";
  ids.insert(other.id());
  other = rule;
  other.clear = "oil < 9";
  ids.insert(other.id());
  other = rule;
  other.tracks = {"spa"};
  ids.insert(other.id());
  other = rule;
  other.chassis = {"spa"};
  ids.insert(other.id());
  other = rule;
  other.tags.add("wheel", "fl");
  ids.insert(other.id());
  EXPECT_EQ(ids.size(), 7u);
}

TEST(AlertRules, EveryFaultIsTold) {
  Schema schema;
  const auto faults = check_rules(
      {{.name = "a", .when = "oil >", .clear = "flor(oil)"}, {.name = "b", .when = "oil > 1"}},
      schema);
  ASSERT_EQ(faults.size(), 2u);
  EXPECT_EQ(faults[0].what, "when: character 6: it ends too early: a value is missing");
  EXPECT_EQ(faults[1].what,
            "clear: character 1: there is no function \"flor\"; is \"floor\" meant?");
}

/// The same rules, said with all points at hand: of each machine, a list of what it told.
class Recomputed {
 public:
  std::vector<std::string> take(std::uint32_t machine, std::int64_t ms, std::optional<double> oil) {
    std::vector<std::string> told;
    if (!oil) return told;
    plain(machine, ms, *oil > 50, *oil <= 50, 0, "plain", told);
    plain(machine, ms, *oil > 60, *oil <= 60, 300, "long", told);
    plain(machine, ms, *oil > 70, *oil < 20, 0, "apart", told);
    return told;
  }

 private:
  struct State {
    bool is_active = false;
    std::vector<std::pair<std::int64_t, bool>> seen = {};  ///< of the condition that counts
  };
  void plain(std::uint32_t machine, std::int64_t ms, bool when, bool clear, std::int64_t for_ms,
             const std::string& name, std::vector<std::string>& told) {
    State& state = states_[{machine, name}];
    state.seen.emplace_back(ms, state.is_active ? clear : when);
    // Back to the first of those of which all are true.
    std::size_t first = state.seen.size();
    while (first > 0 && state.seen[first - 1].second) --first;
    if (first == state.seen.size() || ms - state.seen[first].first < for_ms) return;
    state.is_active = !state.is_active;
    state.seen.clear();
    told.push_back(fmt::format("{} {} {}", name, state.is_active ? "raised" : "cleared", ms));
  }
  std::map<std::pair<std::uint32_t, std::string>, State> states_;
};

void alerts_are_what_recomputing_gives() {
  const Rules rules = {
      {.name = "plain", .when = "oil > 50"},
      {.name = "long", .when = "oil > 60 for 300ms"},
      {.name = "apart", .when = "oil > 70", .clear = "oil < 20"},
      {.name = "remembering", .when = "rate(oil) > 100", .clear = "mean(oil, 200ms) < 40 for 1ms"}};
  Watching steady(rules);
  Watching restarted(rules);
  Recomputed recomputed;
  std::map<std::uint32_t, std::int64_t> clocks;
  const auto steps = *rc::gen::container<std::vector<std::uint32_t>>(
      *rc::gen::inRange<std::size_t>(0, 300), rc::gen::arbitrary<std::uint32_t>());
  std::set<std::string> occurrences;
  for (const std::uint32_t step : steps) {
    const std::uint32_t machine = step % 3;
    const std::int64_t ms = clocks[machine] += step % 91;
    std::optional<double> oil;
    if (step % 7 != 0) oil = step / 97 % 100;
    Reading reading{.values = {{"water", 1}}, .ms = ms};
    if (oil) reading.values.emplace_back("oil", *oil);
    if (step % 13 == 0) {
      // A restart that goes back over what is not saved: told again, with the same ids.
      const std::string saved = restarted.saved();
      const auto once = restarted.take(reading, machine);
      RC_ASSERT(restarted.restore(saved).has_value());
      const auto again = restarted.take(reading, machine);
      RC_ASSERT(once == again);
      RC_ASSERT(restarted.restore(saved).has_value());
    }
    const auto told = steady.take(reading, machine);
    RC_ASSERT(told == restarted.take(reading, machine));
    for (const Alert& alert : told) {
      if (alert.is_raised) RC_ASSERT(occurrences.insert(alert.id).second);
    }
    auto wanted = recomputed.take(machine, ms, oil);
    auto got = states(told);
    std::erase_if(got, [](const std::string& text) { return text.starts_with("remembering"); });
    RC_ASSERT(got == wanted);
  }
}

TEST(Alerts, AreWhatRecomputingGivesWithRestartsAnywhere) {
  EXPECT_TRUE(rc::check(alerts_are_what_recomputing_gives));
}

}  // namespace
}  // namespace slipstream::alert_testing
