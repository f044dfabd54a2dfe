#include "racing/lap_quality.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include "racing/state_archive.h"

namespace slipstream {
namespace {

using Outcome = LapQuality::Outcome;

constexpr EventTime at_frame(std::uint64_t id) {
  return {static_cast<std::int64_t>(id) * 20 * kNsPerMs};
}

/// What was injected into a stream of points, worked out from the whole of it.
struct Injected {
  std::vector<std::uint64_t> sent;  ///< ids, in the order in which they come
  std::uint64_t points = 0;
  std::uint64_t missing = 0;
  std::uint64_t duplicates = 0;
  std::int64_t longest_ns = 0;
};

Injected inject(std::mt19937& random, std::size_t count) {
  const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
  Injected injected;
  std::set<std::uint64_t> came;
  const auto loss = static_cast<unsigned>(random() % 10);
  for (std::uint64_t id = 1'000; id < 1'000 + count; ++id) {
    const bool is_end = id == 1'000 || id == 999 + count;
    if (!is_end && chance(loss)) continue;
    injected.sent.push_back(id);
    came.insert(id);
    while (chance(4)) {
      injected.sent.push_back(id);
      ++injected.duplicates;
    }
  }
  for (std::size_t i = 0; i + 1 < injected.sent.size(); ++i) {
    if (chance(5)) {
      const std::size_t other = std::min(i + random() % 40, injected.sent.size() - 1);
      std::swap(injected.sent[i], injected.sent[other]);
    }
  }
  injected.points = came.size();
  injected.missing = count - came.size();
  for (auto id = came.begin(); std::next(id) != came.end(); ++id) {
    injected.longest_ns =
        std::max(injected.longest_ns, at_frame(*std::next(id)).ns - at_frame(*id).ns);
  }
  return injected;
}

TEST(LapQuality, TellsExactlyWhatWasInjected) {
  std::mt19937 random(11);
  for (int run = 0; run < 1'000; ++run) {
    const Injected injected = inject(random, 100 + random() % 700);
    LapQuality quality;
    std::uint64_t duplicates = 0;
    for (const std::uint64_t id : injected.sent) {
      duplicates += quality.add(id, at_frame(id)) == Outcome::kDuplicate ? 1 : 0;
    }
    ASSERT_EQ(quality.points(), injected.points) << run;
    ASSERT_EQ(quality.missing(), injected.missing) << run;
    ASSERT_EQ(duplicates, injected.duplicates) << run;
    ASSERT_EQ(quality.longest_gap_ns(), injected.longest_ns) << run;
  }
}

TEST(LapQuality, TellsExactlyWhatWasInjectedWhereOnlyTimesTell) {
  std::mt19937 random(12);
  for (int run = 0; run < 1'000; ++run) {
    const Injected injected = inject(random, 100 + random() % 700);
    LapQuality quality;
    std::uint64_t duplicates = 0;
    for (const std::uint64_t id : injected.sent) {
      duplicates += quality.add(at_frame(id)) == Outcome::kDuplicate ? 1 : 0;
    }
    ASSERT_EQ(quality.points(), injected.points) << run;
    ASSERT_EQ(quality.missing(), injected.missing) << run;
    ASSERT_EQ(duplicates, injected.duplicates) << run;
    ASSERT_EQ(quality.longest_gap_ns(), injected.longest_ns) << run;
    ASSERT_EQ(quality.usual_step_ns(), 20 * kNsPerMs) << run;
  }
}

TEST(LapQuality, JitterOfAClockIsNoLoss) {
  std::mt19937 random(13);
  LapQuality quality;
  for (std::uint64_t id = 0; id < 1'000; ++id) {
    quality.add(EventTime{at_frame(id).ns + static_cast<std::int64_t>(random() % 6'000'000)});
  }
  EXPECT_EQ(quality.missing(), 0U);
}

TEST(LapQuality, WhatIsTakenBackIsNeitherThereNorMissing) {
  LapQuality quality;
  for (std::uint64_t id = 1; id <= 100; ++id) {
    if (id != 30 && id != 70) quality.add(id, at_frame(id));
  }
  EXPECT_EQ(quality.take_back(61, 100), 39U);
  EXPECT_EQ(quality.points(), 59U);
  EXPECT_EQ(quality.missing(), 1U);
  EXPECT_TRUE(quality.ends_void());
  EXPECT_EQ(quality.add(70, at_frame(70)), Outcome::kVoid);
  EXPECT_EQ(quality.add(30, at_frame(30)), Outcome::kNew);
  // The first frame behind it got lost.
  EXPECT_EQ(quality.add(102, at_frame(102)), Outcome::kNew);
  EXPECT_EQ(quality.points(), 61U);
  EXPECT_EQ(quality.missing(), 1U);
}

TEST(LapQuality, WhatIsOlderThanItRemembersIsTooOldAndChangesNothing) {
  LapQuality quality;
  const std::uint64_t count = 3 * LapQuality::kMostRuns;
  for (std::uint64_t id = 1; id <= count; ++id) quality.add(2 * id, at_frame(2 * id));
  EXPECT_EQ(quality.points(), count);
  EXPECT_EQ(quality.missing(), count - 1);
  EXPECT_EQ(quality.add(5, at_frame(5)), Outcome::kTooOld);
  EXPECT_EQ(quality.add(4, at_frame(4)), Outcome::kTooOld);
  EXPECT_EQ(quality.add(2 * count - 1, at_frame(2 * count - 1)), Outcome::kNew);
  EXPECT_EQ(quality.points(), count + 1);
  EXPECT_EQ(quality.missing(), count - 2);
}

TEST(LapQuality, GoesOnAsItWasWhereItIsRestored) {
  std::mt19937 random(14);
  for (int run = 0; run < 100; ++run) {
    const Injected injected = inject(random, 400);
    LapQuality whole;
    LapQuality restored;
    const bool by_time = run % 2 == 0;
    for (const std::uint64_t id : injected.sent) {
      for (LapQuality* const quality : {&whole, &restored}) {
        by_time ? quality->add(at_frame(id)) : quality->add(id, at_frame(id));
      }
      if (random() % 50 != 0) continue;
      std::string bytes;
      StateWriter writer(bytes);
      writer(restored);
      restored = {};
      StateReader reader(bytes);
      reader(restored);
      ASSERT_TRUE(reader.at_end());
    }
    whole.settle();
    EXPECT_EQ(restored.points(), whole.points());
    EXPECT_EQ(restored.missing(), whole.missing());
    EXPECT_EQ(restored.longest_gap_ns(), whole.longest_gap_ns());
  }
}

}  // namespace
}  // namespace slipstream
