#include "racing/session_frames.h"

#include <gtest/gtest.h>

#include "racing/max_speed.h"
#include "racing/state_archive.h"

namespace slipstream {
namespace {

float session_time(std::uint64_t frame) {
  return static_cast<float>(frame) / 60.0F;
}

TEST(SessionFrames, TellTheFirstFrameSinceATime) {
  SessionFrames frames;
  for (std::uint64_t frame = 1; frame <= 600; ++frame) frames.see(frame, session_time(frame));
  EXPECT_EQ(frames.first_since(session_time(300)), 300U);
  EXPECT_EQ(frames.first_since(session_time(300) + 0.001), 301U);
  EXPECT_EQ(frames.first_since(-1), 1U);
  EXPECT_FALSE(frames.first_since(11));
  EXPECT_TRUE(frames.reaches(-1));
}

TEST(SessionFrames, WhatWasTakenBackIsNoneOfThemAlsoWhereItComesLate) {
  SessionFrames frames;
  for (std::uint64_t frame = 1; frame <= 600; ++frame) {
    if (frame != 450) frames.see(frame, session_time(frame));
  }
  frames.take_back(400, 600);
  frames.see(450, session_time(450));
  frames.see(601, session_time(400));
  frames.see(602, session_time(401));
  EXPECT_EQ(frames.first_since(session_time(400)), 601U);
  EXPECT_EQ(frames.newest(), 602U);
  EXPECT_EQ(frames.size(), 401U);
}

TEST(SessionFrames, AreNoMoreThanItsBoundAndSayHowFarTheyReach) {
  SessionFrames frames;
  const std::uint64_t count = SessionFrames::kMostFrames + 100;
  for (std::uint64_t frame = 1; frame <= count; ++frame) frames.see(frame, session_time(frame));
  EXPECT_EQ(frames.size(), SessionFrames::kMostFrames);
  EXPECT_FALSE(frames.reaches(session_time(50)));
  EXPECT_TRUE(frames.reaches(session_time(200)));
  std::string bytes;
  StateWriter writer(bytes);
  writer(frames);
  EXPECT_LT(bytes.size(), 4 * SessionFrames::kMostFrames);
  SessionFrames restored;
  StateReader reader(bytes);
  reader(restored);
  ASSERT_TRUE(reader.at_end());
  EXPECT_EQ(restored.first_since(session_time(5'000)), 5'000U);
  EXPECT_FALSE(restored.reaches(session_time(50)));
}

TEST(MaxSpeed, OfWhatWasTakenBackCountsNoMore) {
  MaxSpeed speed;
  const double kmh[] = {100, 150, 140, 180, 170, 200, 190};
  for (std::uint64_t i = 0; i < std::size(kmh); ++i) speed.see(i, kmh[i], true);
  EXPECT_EQ(speed.kmh(), 200);
  speed.take_back(5);
  EXPECT_EQ(speed.kmh(), 180);
  speed.take_back(1);
  EXPECT_EQ(speed.kmh(), 100);
  speed.take_back(0);
  EXPECT_EQ(speed.kmh(), std::nullopt);
}

TEST(MaxSpeed, OfMoreRisesThanItKeepsIsExactOrUnknown) {
  MaxSpeed speed;
  for (std::uint64_t i = 0; i < 1'000; ++i) speed.see(i, static_cast<double>(i), true);
  EXPECT_EQ(speed.kmh(), 999);
  speed.take_back(500);
  const auto known = speed.kmh();
  EXPECT_TRUE(!known || *known == 499);
  speed.see(1'000, 999, true);
  EXPECT_EQ(speed.kmh(), 999);
}

TEST(MaxSpeed, OfPointsThatComeLateIsTheSame) {
  MaxSpeed speed;
  speed.see(1, 100, true);
  speed.see(5, 120, true);
  speed.see(3, 150, true);
  EXPECT_EQ(speed.kmh(), 150);
  speed.take_back(3);
  EXPECT_EQ(speed.kmh(), 100);
}

}  // namespace
}  // namespace slipstream
