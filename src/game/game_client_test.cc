#include "game/game_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "game/acc_client.h"
#include "game/gt7_client.h"

namespace slipstream::game {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

using Said = std::vector<std::string>;

Said due(GameClient& client, SteadyTime now) {
  Said said;
  client.take_due(now, said);
  return said;
}

template <typename T>
std::string packed(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}
std::string packed_text(std::string_view text) {
  return packed(static_cast<std::uint16_t>(text.size())) + std::string(text);
}

TEST(Gt7Client, AsksOnceASecondAndTellsSilence) {
  SteadyTime now{5 * kNsPerSecond};
  Gt7Client client({.console = "10.0.0.5", .type = '~'}, now);
  EXPECT_THAT(due(client, now), ElementsAre("~"));
  EXPECT_THAT(due(client, now + (kNsPerSecond - 1)), IsEmpty());
  now = now + kNsPerSecond;
  EXPECT_THAT(due(client, now), ElementsAre("~"));
  EXPECT_EQ(client.state(now), ClientState::kAsking);
  EXPECT_EQ(client.trouble(now), "");
  now = now + Gt7Client::kSilentNs;
  EXPECT_EQ(client.state(now), ClientState::kSilent);
  EXPECT_THAT(client.trouble(now), HasSubstr("console 10.0.0.5"));
  for (const std::size_t size : {0u, 1u, 295u, 297u, 343u, 1'400u}) {
    client.heard(std::string(size, 'x'), now);
    EXPECT_EQ(client.state(now), ClientState::kSilent) << size;
  }
  client.heard(std::string(344, 'x'), now);
  EXPECT_EQ(client.state(now), ClientState::kLive);
  EXPECT_EQ(client.trouble(now), "");
  EXPECT_EQ(client.state(now + Gt7Client::kSilentNs), ClientState::kSilent);
}

class AccClientTest : public testing::Test {
 protected:
  static std::string answer(std::int32_t connection, bool is_taken, std::string_view error = {}) {
    return "\x01" + packed(connection) + (is_taken ? '\1' : '\0') + '\1' + packed_text(error);
  }
  static std::string ask(char what, std::int32_t connection) {
    return std::string(1, what) + packed(connection);
  }
  static std::string entries(const std::vector<std::uint16_t>& cars) {
    std::string out =
        "\x04" + packed(std::int32_t{7}) + packed(static_cast<std::uint16_t>(cars.size()));
    for (const auto car : cars) out += packed(car);
    return out;
  }
  static std::string entry(std::uint16_t car) { return "\x06" + packed(car) + "rest"; }
  static std::string update_of(std::uint16_t car) { return "\x03" + packed(car) + "rest"; }
  static std::string registration() {
    return std::string("\x01\x04") + packed_text("Pit") + packed_text("secret") +
           packed(std::int32_t{250}) + packed_text("");
  }

  SteadyTime now_{5 * kNsPerSecond};
  AccClient client_{
      {.host = "pc", .port = 9'000, .name = "Pit", .password = "secret", .interval_ms = 250}, now_};
};

TEST_F(AccClientTest, RegistersAndAsksForCarsAndTrackBeforeAnythingElse) {
  EXPECT_THAT(due(client_, now_), ElementsAre(registration()));
  EXPECT_THAT(due(client_, now_), IsEmpty());
  now_ = now_ + AccClient::kRegisterNs;
  EXPECT_THAT(due(client_, now_), ElementsAre(registration())) << "nobody has answered";
  client_.heard(answer(7, true), now_);
  EXPECT_THAT(due(client_, now_), ElementsAre(ask(10, 7), ask(11, 7)));
  EXPECT_THAT(due(client_, now_), IsEmpty());
  client_.heard(entries({1, 2}), now_);
  now_ = now_ + AccClient::kAskNs;
  EXPECT_THAT(due(client_, now_), ElementsAre(ask(11, 7))) << "the track was lost on the way";
  client_.heard(std::string("\x05track", 6), now_);
  now_ = now_ + AccClient::kAskNs;
  EXPECT_THAT(due(client_, now_), IsEmpty());
  EXPECT_EQ(client_.state(now_), ClientState::kLive);
}

TEST_F(AccClientTest, ACarThatIsNotKnownIsAskedForOnceASecond) {
  client_.heard(answer(7, true), now_);
  client_.heard(std::string("\x05track", 6), now_);
  client_.heard(entries({1, 2}), now_);
  client_.heard(entry(1), now_);
  client_.heard(update_of(1), now_);
  EXPECT_THAT(due(client_, now_), IsEmpty());
  client_.heard(update_of(2), now_);
  EXPECT_THAT(due(client_, now_), ElementsAre(ask(10, 7)));
  client_.heard(update_of(2), now_);
  EXPECT_THAT(due(client_, now_), IsEmpty());
  now_ = now_ + AccClient::kAskNs;
  EXPECT_THAT(due(client_, now_), ElementsAre(ask(10, 7)));
  client_.heard(entries({1, 2}), now_);
  client_.heard(entry(2), now_);
  client_.heard(update_of(2), now_);
  now_ = now_ + AccClient::kAskNs;
  EXPECT_THAT(due(client_, now_), IsEmpty());
  client_.heard(entries({2}), now_);
  client_.heard(update_of(1), now_);
  EXPECT_THAT(due(client_, now_), ElementsAre(ask(10, 7))) << "the list had it no more";
}

TEST_F(AccClientTest, SilenceRegistersAnew) {
  due(client_, now_);
  client_.heard(answer(7, true), now_);
  due(client_, now_);
  now_ = now_ + AccClient::kSilentNs;
  EXPECT_THAT(due(client_, now_), ElementsAre(ask(9, 7), registration()));
  EXPECT_EQ(client_.state(now_), ClientState::kAsking);
  client_.heard(answer(8, true), now_);
  EXPECT_THAT(due(client_, now_), ElementsAre(ask(10, 8), ask(11, 8)));
  now_ = now_ + AccClient::kSilentNs;
  EXPECT_EQ(client_.state(now_), ClientState::kSilent);
  EXPECT_THAT(client_.trouble(now_), HasSubstr("is a session running?"));
  due(client_, now_);
  EXPECT_THAT(client_.trouble(now_), HasSubstr("updListenerPort"));
}

TEST_F(AccClientTest, WhatTheGameRefusesWithIsToldAndTriedAgain) {
  due(client_, now_);
  client_.heard(answer(-1, false, "Wrong\npassword"), now_);
  EXPECT_EQ(client_.state(now_), ClientState::kRefused);
  EXPECT_THAT(client_.trouble(now_), HasSubstr("pc:9000 refuses the registration: Wrongpassword."));
  EXPECT_THAT(client_.trouble(now_), Not(HasSubstr("secret")));
  EXPECT_THAT(due(client_, now_ + (AccClient::kRefusedNs - 1)), IsEmpty());
  now_ = now_ + AccClient::kRefusedNs;
  EXPECT_THAT(due(client_, now_), ElementsAre(registration()));
  client_.heard(answer(3, true), now_);
  EXPECT_THAT(client_.state(now_), Not(ClientState::kRefused));
}

TEST_F(AccClientTest, ARefusalIsToldForAWhileOrUntilDataCome) {
  due(client_, now_);
  client_.heard(answer(-1, false, "Wrong password"), now_);
  auto later = now_ + (AccClient::kTellRefusedNs - 1);
  EXPECT_EQ(client_.state(later), ClientState::kRefused);
  later = now_ + AccClient::kTellRefusedNs;
  EXPECT_EQ(client_.state(later), ClientState::kSilent) << "the game was ended since";
  EXPECT_THAT(client_.trouble(later), HasSubstr("is it running"));
  client_.heard(update_of(1), now_);
  EXPECT_EQ(client_.state(now_), ClientState::kLive);
  EXPECT_EQ(client_.trouble(now_), "");
}

TEST_F(AccClientTest, ARefusalOfOneTooManyHidesNoData) {
  client_.heard(answer(7, true), now_);
  client_.heard(entries({}), now_);
  client_.heard(std::string("\x05track", 6), now_);
  client_.heard(answer(-1, false, "already there"), now_);
  EXPECT_EQ(client_.state(now_), ClientState::kLive);
  EXPECT_EQ(client_.trouble(now_), "");
  EXPECT_THAT(due(client_, now_ + AccClient::kRegisterNs), IsEmpty()) << "it is registered";
  Said said;
  client_.take_farewell(said);
  EXPECT_THAT(said, ElementsAre(ask(9, 7)));
}

TEST_F(AccClientTest, WhatIsRegisteredTwiceIsForgottenOnce) {
  due(client_, now_);
  now_ = now_ + AccClient::kRegisterNs;
  due(client_, now_);
  client_.heard(answer(7, true), now_);
  client_.heard(answer(8, true), now_);
  EXPECT_THAT(due(client_, now_), ElementsAre(ask(9, 7), ask(10, 8), ask(11, 8)));
  client_.heard(answer(8, true), now_);
  EXPECT_THAT(due(client_, now_), IsEmpty()) << "the same answer again";
  client_.heard(answer(9, true), now_);
  Said said;
  client_.take_farewell(said);
  EXPECT_THAT(said, ElementsAre(ask(9, 8), ask(9, 9)));
}

TEST_F(AccClientTest, RegistrationsThatNobodyAnswersBecomeRare) {
  std::vector<std::int64_t> seconds;
  const auto registers = [&] {
    seconds.clear();
    for (std::int64_t s = 0; s < 32; ++s, now_ = now_ + kNsPerSecond) {
      if (!due(client_, now_).empty()) seconds.push_back(s);
    }
  };
  registers();
  EXPECT_THAT(seconds, ElementsAre(0, 2, 6, 14, 22, 30));
  client_.heard(answer(7, true), now_);
  now_ = now_ + AccClient::kSilentNs;
  registers();
  EXPECT_THAT(seconds, ElementsAre(0, 2, 6, 14, 22, 30)) << "after an answer as at first";
}

TEST_F(AccClientTest, WhatIsNoMessageOfTheGameIsNoData) {
  client_.heard(answer(7, true), now_);
  due(client_, now_);
  now_ = now_ + AccClient::kSilentNs;
  for (const int type : {0, 8, 9, 66, 255}) {
    client_.heard(std::string(1, static_cast<char>(type)) + "rest", now_);
    EXPECT_EQ(client_.state(now_), ClientState::kAsking) << type;
  }
  EXPECT_THAT(due(client_, now_), ElementsAre(ask(9, 7), registration())) << "it was silent";
  client_.heard(std::string("\x07rest"), now_);
  EXPECT_EQ(client_.state(now_), ClientState::kLive);
}

TEST_F(AccClientTest, TakesItsLeaveOnce) {
  Said said;
  client_.take_farewell(said);
  EXPECT_THAT(said, IsEmpty());
  client_.heard(answer(7, true), now_);
  client_.take_farewell(said);
  client_.take_farewell(said);
  EXPECT_THAT(said, ElementsAre(ask(9, 7)));
}

TEST_F(AccClientTest, WhateverComesLittleIsSaidAndNothingBreaks) {
  std::uint64_t seed = 1;
  const auto next = [&seed] { return seed = seed * 6'364'136'223'846'793'005u + 1; };
  for (int i = 0; i < 100'000; ++i) {
    std::string datagram((next() >> 40) % 40, '\0');
    for (char& c : datagram) c = static_cast<char>(next() >> 50);
    if (!datagram.empty()) datagram[0] = static_cast<char>((next() >> 40) % 9);
    client_.heard(datagram, now_);
    ASSERT_THAT(due(client_, now_), SizeIs(testing::Le(3u)));  // one is of the connection before
    now_ = now_ + static_cast<std::int64_t>(next() >> 33);
  }
}

}  // namespace
}  // namespace slipstream::game
