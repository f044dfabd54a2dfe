// Laps of points that nobody would send on purpose: nothing of it may do harm.
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "racing/lap_testing.h"
#include "racing/motion.h"

namespace slipstream::lap_testing {
namespace {

constexpr std::int64_t kHostileNs = 1'760'000'000 * kNsPerSecond;
constexpr std::int64_t kYear1678Ns = -9'214'646'400 * kNsPerSecond;
constexpr std::int64_t kYear2261Ns = 9'183'024'000 * kNsPerSecond;

/// One of a few, at random.
template <typename T>
T any_of(std::mt19937& random, std::initializer_list<T> values) {
  return *(values.begin() + random() % values.size());
}

Told hostile_point(std::mt19937& random, int i) {
  Told told;
  told.ns = kHostileNs + i * 40 * kNsPerMs;
  if (random() % 30 == 0) {
    told.ns = any_of<std::int64_t>(random,
                                   {kYear1678Ns, kYear2261Ns, 0, told.ns - kNsPerSecond,
                                    told.ns - 3'600 * kNsPerSecond, told.ns + 700 * kNsPerSecond});
  }
  told.arrival_ns = kHostileNs + i * 40 * kNsPerMs;
  told.lap = static_cast<std::int16_t>(1 + i / 40);
  if (random() % 4 == 0) told.lap = any_of<std::int16_t>(random, {0, 1, 2, 32'767, 5});
  const auto figure = [&](double usual) {
    if (random() % 8 == 0) return any_of(random, {1e308, -1e308, -5.0, 0.0, 1e-308, 1e18});
    return random() % 4 == 0 ? std::nan("") : usual;
  };
  told.lapdist_m = figure((i % 40) * 2.0);
  told.speed_kmh = figure(180);
  told.sector = any_of<std::int32_t>(random, {-1, 0, 1, 2, 63, 64, 2'000'000'000});
  if (random() % 3 != 0) {
    told.sequence = random() % 20 == 0
                        ? any_of<std::uint64_t>(random, {0, 1, ~std::uint64_t{0}, 1ULL << 63})
                        : static_cast<std::uint64_t>(i);
  }
  if (random() % 10 == 0) told.session = any_of<const char*>(random, {"a", "b"});
  for (const char* const name :
       {"frame", "session_time_s", "lap_time_s", "last_lap_s", "sector1_s", "sector2_s",
        "pit_status", "lap_invalid", "result_status", "total_laps"}) {
    if (random() % 6 == 0) told.more.emplace_back(name, figure(i));
  }
  return told;
}

Mark hostile_mark(std::mt19937& random) {
  Mark mark;
  mark.kind = any_of<const char*>(random, {"flashback", "save_reload"});
  mark.session = any_of<const char*>(random, {"a", "b"});
  mark.goes_on_from = any_of<const char*>(random, {"a", "b", ""});
  mark.to_session_time_s = any_of(random, {0.0, 5.0, 1e308, -1e308});
  if (random() % 2 == 0) mark.frame = any_of<std::int64_t>(random, {0, 10, 1LL << 60});
  return mark;
}

TEST(HostileLaps, PointsWithAnyMixOfMembersDoNoHarmAndAStateThereGoesOn) {
  for (unsigned seed = 1; seed <= 150; ++seed) {
    std::mt19937 random(seed);
    Schema schema;
    LapCounts counts;
    auto observer = std::make_unique<LapObserver>(schema.fields(), nullptr, counts);
    ToldLaps told;
    for (int i = 0; i < 300; ++i) {
      observer->observe(told_batch(schema.fields(), {hostile_point(random, i)}));
      if (random() % 40 == 0) observer->observe_mark(hostile_mark(random));
      if (random() % 50 == 0) {
        observer->observe_time(
            {kHostileNs + i * 40 * kNsPerMs + (random() % 2 == 0 ? 700 * kNsPerSecond : 0)});
      }
      observer->take_told(told, random() % 20 == 0);
      if (random() % 30 != 0) continue;
      std::string bytes;
      observer->state()->save(bytes);
      observer = std::make_unique<LapObserver>(schema.fields(), nullptr, counts);
      ASSERT_TRUE(observer->state()->restore(bytes)) << seed << ' ' << i;
      std::string again;
      observer->state()->save(again);
      ASSERT_EQ(again, bytes) << seed << ' ' << i;
    }
    for (const auto& lap : told.laps) {
      if (lap->lap_time_s) {
        EXPECT_GT(*lap->lap_time_s, 0) << seed;
      }
    }
  }
}

TEST(HostileLaps, WhereTheObserverIsRestoredMeansNothing) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    const auto told_with = [&](unsigned restored_every) {
      std::mt19937 random(seed);
      Schema schema;
      LapCounts counts;
      auto observer = std::make_unique<LapObserver>(schema.fields(), nullptr, counts);
      Kept kept;
      for (unsigned i = 1; i <= 300; ++i) {
        const Told point = hostile_point(random, static_cast<int>(i));
        observer->observe(told_batch(schema.fields(), {point}));
        if (random() % 40 == 0) observer->observe_mark(hostile_mark(random));
        kept.take(*observer, i % restored_every == 0);
        if (i % restored_every != 0) continue;
        std::string bytes;
        observer->state()->save(bytes);
        observer = std::make_unique<LapObserver>(schema.fields(), nullptr, counts);
        EXPECT_TRUE(observer->state()->restore(bytes));
      }
      kept.take(*observer, true);
      std::string text;
      for (const auto& [name, lap] : kept.laps) {
        text += std::get<0>(name) + ' ' + std::to_string(std::get<1>(name)) + ' ' + text_of(lap);
        text += '\n';
      }
      for (const auto& [key, activity] : kept.activities) {
        text += key.source_session + ' ' + std::to_string(key.first.ns) + ' ' +
                std::to_string(activity.points) + '\n';
      }
      return text;
    };
    const std::string whole = told_with(1'000);
    for (const unsigned every : {7U, 50U}) EXPECT_EQ(told_with(every), whole) << seed;
  }
}

TEST(HostileLaps, ANumberOfPointsThatAppearsBehindALapWithoutOneIsTaken) {
  Schema schema;
  LapCounts counts;
  LapObserver observer(schema.fields(), nullptr, counts);
  Kept kept;
  std::vector<Told> points;
  for (int i = 0; i < 200; ++i) {
    Told& told = points.emplace_back();
    told.ns = kHostileNs + i * 100 * kNsPerMs;
    told.lap = static_cast<std::int16_t>(1 + i / 50);
    told.lapdist_m = (i % 50) * 4;
    told.speed_kmh = 144;
    if (i >= 100) told.sequence = static_cast<std::uint64_t>(i);
  }
  observer.observe(told_batch(schema.fields(), points));
  kept.take(observer, true);
  for (const int number : {1, 2, 3, 4}) {
    ASSERT_NE(kept.lap(number), nullptr) << number;
    EXPECT_EQ(kept.lap(number)->points, 50U) << number;
    EXPECT_EQ(kept.lap(number)->missing, 0U) << number;
  }
}

TEST(HostileLaps, TimesThatAreCenturiesApartAreAsFarApartAsANumberTells) {
  Schema schema;
  LapCounts counts;
  LapObserver observer(schema.fields(), nullptr, counts);
  Kept kept;
  for (const std::int64_t ns : {kYear1678Ns, kYear2261Ns, kYear1678Ns + kNsPerSecond}) {
    observer.observe(told_batch(
        schema.fields(), {{.ns = ns, .lapdist_m = 5, .speed_kmh = 100, .arrival_ns = kHostileNs}}));
    kept.take(observer, true);
  }
  EXPECT_EQ(ns_between({kYear1678Ns}, {kYear2261Ns}), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(ns_between({kYear2261Ns}, {kYear1678Ns}), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(kept.activities.size(), 2U);
}

}  // namespace
}  // namespace slipstream::lap_testing
