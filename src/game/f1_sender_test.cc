#include "game/f1_sender.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace slipstream::game {
namespace {

constexpr std::uint64_t kUid = 42;

struct Driver {
  std::string name;
  std::uint8_t number = 1;
  bool keeps_to_himself = false;
};

/// Packets of 2025, as far as a test needs them.
class F1Test : public testing::Test, public GameSink {
 protected:
  struct Seen {
    std::string chassis, session;
    std::int64_t ns;
    std::optional<bool> restricted;
    std::map<std::string_view, double> numbers;
  };
  void point(const GamePoint& point) override {
    Seen seen{std::string(point.chassis),
              std::string(point.session),
              point.time.ns,
              point.is_restricted,
              {}};
    for (const auto& [value, column] : point.numbers) seen.numbers[kColumns[column]] = value;
    points_.push_back(std::move(seen));
    order_ += 'p';
  }
  void mark(Mark mark) override {
    order_ += mark.kind == "flashback" ? 'f' : 'm';
    marks_.push_back(std::move(mark));
  }

  static const F1Format& format() { return f1_formats()[2]; }
  template <typename T>
  static void put(std::string& bytes, std::size_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  }
  static std::string packet(F1Packet id, std::uint32_t frame, float time,
                            std::uint64_t uid = kUid) {
    std::string bytes(format().sizes[static_cast<std::size_t>(id)], '\0');
    put(bytes, 0, format().year);
    put(bytes, 6, id);
    put(bytes, 7, uid);
    put(bytes, 15, time);
    put(bytes, 19, frame);
    put(bytes, 23, frame + 100);
    return bytes;
  }
  static std::string session(std::uint32_t frame, float time, std::uint64_t uid = kUid) {
    std::string bytes = packet(F1Packet::kSession, frame, time, uid);
    put(bytes, 32, std::uint8_t{5});
    put(bytes, 35, std::uint8_t{15});
    put(bytes, 36, std::uint8_t{10});
    return bytes;
  }
  static std::string participants(std::uint32_t frame, const std::vector<Driver>& drivers) {
    std::string bytes = packet(F1Packet::kParticipants, frame, 0);
    const auto& at = format().participant;
    for (std::size_t car = 0; car < drivers.size(); ++car) {
      const std::size_t begin = 30 + car * at.stride;
      std::memcpy(bytes.data() + begin + at.name, drivers[car].name.data(),
                  drivers[car].name.size());
      put(bytes, begin + at.race_number, drivers[car].number);
      put(bytes, begin + at.your_telemetry,
          static_cast<std::uint8_t>(drivers[car].keeps_to_himself ? 0 : 1));
    }
    return bytes;
  }
  /// Of so many cars that race.
  static std::string laps(std::uint32_t frame, float time, std::size_t cars = 1,
                          std::uint64_t uid = kUid) {
    std::string bytes = packet(F1Packet::kLap, frame, time, uid);
    const Block& block = format().blocks[static_cast<std::size_t>(CarPacket::kLap)];
    for (std::size_t car = 0; car < cars; ++car) {
      put(bytes, block.at(car) + format().result_status, std::uint8_t{2});
    }
    return bytes;
  }
  static std::string motion(std::uint32_t frame, float time) {
    return packet(F1Packet::kMotion, frame, time);
  }
  static std::string event(std::string_view code, std::uint32_t frame, float time,
                           float to_time = 0) {
    std::string bytes = packet(F1Packet::kEvent, frame, time);
    std::memcpy(bytes.data() + 29, code.data(), 4);
    put(bytes, 37, to_time);
    return bytes;
  }

  void take(const std::string& bytes, std::int64_t after_ms = 1) {
    now_.ns += after_ms * kNsPerMs;
    sender_.take(format(), bytes, now_, *this);
  }
  void wait(std::int64_t ms) {
    now_.ns += ms * kNsPerMs;
    sender_.flush(now_, *this);
  }
  void begin(const std::vector<Driver>& drivers = {{"ANA"}}) {
    take(session(0, 0));
    take(participants(0, drivers));
  }

  /// Frames that are taken before those of the test, until the rhythm is known.
  void settle() {
    for (std::uint32_t i = 0; i < F1Rhythm::kLearning; ++i) {
      take(laps(i - 50, static_cast<float>(i) / 1'000));
    }
    wait(60);
    EXPECT_EQ(points_.size(), F1Rhythm::kLearning);
    points_.clear();
    order_.clear();
    marks_.clear();
  }

  GameStats stats_;
  F1Sender sender_{1, stats_};
  ArrivalTime now_{1'760'000'000'000'000'000};
  std::vector<Seen> points_;
  std::vector<Mark> marks_;
  std::string order_;  ///< of points, marks, flashbacks
};

TEST_F(F1Test, AFrameGoesOutWhenAllThatIsDueHasCome) {
  begin();
  take(laps(static_cast<std::uint32_t>(-60), 0));
  EXPECT_TRUE(points_.empty()) << "of the first ones nobody knows what else comes";
  wait(60);
  EXPECT_EQ(points_.size(), 1u);
  points_.clear();
  settle();
  take(motion(1, 0.1f));
  take(laps(1, 0.1f));
  EXPECT_EQ(points_.size(), 1u);
  take(motion(2, 0.2f), 40);
  EXPECT_EQ(points_.size(), 1u);
  const auto first = now_;
  take(laps(2, 0.2f));
  ASSERT_EQ(points_.size(), 2u) << "complete";
  EXPECT_EQ(points_[1].ns, first.ns);
  EXPECT_FALSE(sender_.deadline());
}

TEST_F(F1Test, APacketThatIsLostHoldsUpTwoFramesOrSixtyMilliseconds) {
  begin();
  settle();
  for (std::uint32_t frame = 1; frame <= 3; ++frame) {
    take(motion(frame, static_cast<float>(frame)), 16);
    take(laps(frame, static_cast<float>(frame)));
  }
  wait(60);
  ASSERT_EQ(points_.size(), 3u);
  take(laps(4, 4), 16);  // without motion
  take(motion(5, 5), 16);
  take(laps(5, 5));
  EXPECT_EQ(points_.size(), 3u);
  take(motion(6, 6), 16);
  EXPECT_EQ(points_.size(), 5u) << "the second next has begun";
  EXPECT_FALSE(points_[3].numbers.contains("x_m"));
  EXPECT_TRUE(points_[4].numbers.contains("x_m"));
  take(motion(4, 4));
  EXPECT_EQ(stats_.late.value(), 1u);
  ASSERT_TRUE(sender_.deadline());
  wait(60);
  EXPECT_EQ(points_.size(), 5u) << "a frame without laps makes no points";
  EXPECT_EQ(stats_.without_lap.value(), 1u);
  EXPECT_FALSE(sender_.deadline());
}

TEST_F(F1Test, WhatComesWithEverySixthFrameIsWaitedForThenAlone) {
  begin();
  std::size_t early = 0;
  for (std::uint32_t frame = 1; frame <= 60; ++frame) {
    take(laps(frame, static_cast<float>(frame) / 60), 15);
    early += points_.size() == frame ? 1 : 0;
    if (frame % 6 == 0) take(packet(F1Packet::kDamage, frame, static_cast<float>(frame) / 60));
  }
  wait(60);
  ASSERT_EQ(points_.size(), 60u);
  for (std::size_t i = 0; i < points_.size(); ++i) {
    EXPECT_EQ(points_[i].numbers.contains("damage_floor_pct"), (i + 1) % 6 == 0) << i;
  }
  EXPECT_GT(early, 25u) << "most frames wait for nothing";
}

TEST_F(F1Test, NamesThatSeveralHaveAreToldApart) {
  begin({{"ANA", 7}, {"PLAYER", 8}, {"PLAYER", 9}, {"SAME", 5}, {"SAME", 5}, {""}});
  take(laps(1, 0.1f, 6));
  wait(60);
  std::vector<std::string> names;
  for (const auto& point : points_) names.push_back(point.chassis);
  EXPECT_EQ(names, (std::vector<std::string>{"ANA", "PLAYER #8", "PLAYER #9", "SAME #5 (car 3)",
                                             "SAME #5 (car 4)", "car 5"}));
}

TEST_F(F1Test, WithoutNamesForFiveSecondsCarsHaveNumbers) {
  take(session(0, 0));
  take(laps(1, 0.1f));
  wait(60);
  EXPECT_TRUE(points_.empty());
  EXPECT_EQ(stats_.waiting.value(), 1u);
  take(laps(2, 5.1f), 5'000);
  wait(60);
  ASSERT_EQ(points_.size(), 1u);
  EXPECT_EQ(points_[0].chassis, "car 0");
  EXPECT_FALSE(points_[0].restricted) << "not known";
}

TEST_F(F1Test, WhatAPlayerKeepsToHimselfIsAbsent) {
  begin({{"ANA"}, {"BEN", 2, true}});
  take(laps(1, 0.1f, 2));
  take(packet(F1Packet::kStatus, 1, 0.1f));
  take(packet(F1Packet::kDamage, 1, 0.1f));
  wait(60);
  ASSERT_EQ(points_.size(), 2u);
  EXPECT_EQ(points_[0].restricted, false);
  EXPECT_TRUE(points_[0].numbers.contains("fuel_kg"));
  EXPECT_EQ(points_[1].restricted, true);
  EXPECT_FALSE(points_[1].numbers.contains("fuel_kg"));
  EXPECT_FALSE(points_[1].numbers.contains("tyre_wear_fl_pct"));
  EXPECT_TRUE(points_[1].numbers.contains("tyre_age_laps"));
}

TEST_F(F1Test, AFlashbackIsFoundByTheClockAndToldOnce) {
  begin();
  settle();
  float time = 1;
  const auto drive = [&](std::uint32_t frame) { take(laps(frame, time += 0.5f), 16); };
  drive(1);
  drive(2);
  drive(3);
  time = 1.2f;  // its event is lost
  drive(4);
  EXPECT_EQ(order_, "pppfp");
  EXPECT_FLOAT_EQ(static_cast<float>(*marks_.back().to_session_time_s), 1.7f);
  // Its event comes before, and tells of an earlier frame than the first that came.
  drive(5);
  take(event("FLBK", 5, time, 1.5f));
  time = 1.1f;
  drive(6);
  EXPECT_FLOAT_EQ(static_cast<float>(*marks_.back().to_session_time_s), 1.5f);
  // Its event comes behind it.
  time = 1.0f;
  drive(7);
  take(event("FLBK", 7, time, time));
  drive(8);
  drive(9);
  EXPECT_EQ(order_, "pppfppfpfppp");
}

TEST_F(F1Test, MarksStandBehindThePointsOfTheirFrame) {
  begin();
  settle();
  take(laps(1, 1));
  take(event("CHQF", 2, 2), 16);
  EXPECT_TRUE(marks_.empty());
  take(laps(2, 2));
  EXPECT_EQ(order_, "ppm");
  take(event("LGOT", 2, 2));
  EXPECT_EQ(order_, "ppmm") << "its frame is out";
  take(event("SEND", 9, 9));
  EXPECT_TRUE(sender_.deadline()) << "no frame may follow";
  wait(60);
  EXPECT_EQ(order_, "ppmmm");
  EXPECT_FALSE(sender_.deadline());
}

TEST_F(F1Test, ALoadedSaveGoesOnFromTheSessionBefore) {
  begin();
  take(laps(1, 70));
  wait(60);
  take(laps(0, 0, 1, 0), 1'000);  // the menu
  take(laps(0, 68, 1, 43));
  take(session(0, 68, 43));
  wait(60);
  ASSERT_EQ(marks_.size(), 3u);
  EXPECT_EQ(marks_[2].kind, "save_reload");
  EXPECT_EQ(marks_[2].session, "43");
  EXPECT_EQ(marks_[2].goes_on_from, "42");
  EXPECT_EQ(stats_.in_menu.value(), 1u);
  // A late packet of the session before does not bring it back.
  take(laps(2, 71));
  EXPECT_EQ(stats_.late.value() + stats_.waiting.value(), 2u);
}

TEST_F(F1Test, EventsAloneBeginNoSession) {
  take(event("SSTA", 0, 0));
  take(event("SEND", 0, 0));
  wait(6'000);
  EXPECT_TRUE(marks_.empty());
  EXPECT_EQ(stats_.marks_dropped.value(), 2u);
  EXPECT_FALSE(sender_.deadline());
}

TEST_F(F1Test, FrameIdsThatBeginAnewAreTakenAfterAWhile) {
  begin();
  take(laps(1'000, 50));
  wait(60);
  take(laps(3, 51));
  EXPECT_EQ(stats_.late.value(), 1u);
  take(laps(4, 53), 2'100);
  wait(60);
  EXPECT_EQ(points_.size(), 2u);
}

}  // namespace
}  // namespace slipstream::game
