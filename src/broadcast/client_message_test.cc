#include "broadcast/client_message.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

ClientMessageParser parser() {
  return ClientMessageParser({.stored = {"sector"}, .unstored = {"bucket"}});
}

std::string reason_for(const std::string& text) {
  auto p = parser();
  const auto message = p.parse(text);
  return message ? "" : std::string(message.error().reason);
}

std::string many(int count, std::string_view prefix = "car ") {
  std::string list;
  for (int i = 0; i < count; ++i) {
    list += fmt::format("{}\"{}{}\"", i == 0 ? "" : ",", prefix, i);
  }
  return "[" + list + "]";
}

TEST(ClientMessage, FaultsAreToldApart) {
  const std::string long_name(129, 'x');
  const std::pair<std::string, const char*> cases[] = {
      {"", "malformed_json"},
      {"{", "malformed_json"},
      {"{}}", "malformed_json"},
      {R"({"type":"ping")", "malformed_json"},
      {"{\"type\":\"ping\",\"a\":\"\xff\"}", "malformed_json"},
      {"[]", "not_an_object"},
      {"1", "not_an_object"},
      {"null", "not_an_object"},
      {"{}", "unknown_type"},
      {R"({"type":5})", "unknown_type"},
      {R"({"type":"dance"})", "unknown_type"},
      {R"({"type":"ping","id":{}})", "bad_id"},
      {R"({"type":"ping","id":true})", "bad_id"},
      {fmt::format(R"({{"type":"ping","id":"{}"}})", std::string(256, 'i')), "bad_id"},
      {fmt::format(R"({{"type":"ping","id":1{}}})", std::string(33, '0')), "malformed_json"},
      {fmt::format(R"({{"type":"ping","id":0.{}}})", std::string(33, '1')), "bad_id"},
      {R"({"type":"subscribe","channels":["telemetry","weather"]})", "unknown_channel"},
      {R"({"type":"subscribe","channels":7})", "bad_channels"},
      {R"({"type":"subscribe","channels":[7]})", "bad_channels"},
      {R"({"type":"subscribe","where":["cota"]})", "bad_where"},
      {R"({"type":"subscribe","where":{"lap":["1"]}})", "bad_where"},
      {R"({"type":"subscribe","where":{"track":[1]}})", "bad_where"},
      {R"({"type":"subscribe","where":{"track":[]}})", "bad_where"},
      {R"({"type":"subscribe","where":{"track":""}})", "bad_where"},
      {fmt::format(R"({{"type":"subscribe","where":{{"track":"{}"}}}})", long_name), "bad_where"},
      {fmt::format(R"({{"type":"subscribe","where":{{"chassis":{}}}}})", many(257)),
       "too_many_values"},
      {fmt::format(R"({{"type":"subscribe","where":{{"chassis":{},"track":{}}}}})", many(200),
                   many(57)),
       "too_many_values"},
      {R"({"type":"subscribe","fields":[]})", "bad_fields"},
      {R"({"type":"subscribe","fields":{}})", "bad_fields"},
      {fmt::format(R"({{"type":"subscribe","fields":{}}})", many(65)), "too_many_values"},
      {R"({"type":"subscribe","max_hz":0})", "bad_max_hz"},
      {R"({"type":"subscribe","max_hz":-1})", "bad_max_hz"},
      {R"({"type":"subscribe","max_hz":1001})", "bad_max_hz"},
      {R"({"type":"subscribe","max_hz":"20"})", "bad_max_hz"},
      {R"({"type":"subscribe","policy":"wait"})", "bad_policy"},
      {R"({"type":"subscribe","policy":1})", "bad_policy"},
      {R"({"type":"subscribe","windows":["minute"]})", "bad_windows"},
      {R"({"type":"subscribe","windows":[1]})", "bad_windows"},
      {R"({"type":"resume","channel":"telemetry","after":"0"})", "unknown_channel"},
      {R"({"type":"resume","channel":1,"after":"0"})", "unknown_channel"},
      {R"({"type":"resume","channel":"rollups"})", "bad_cursor"},
      {R"({"type":"resume","channel":"rollups","after":12})", "bad_cursor"},
      {R"({"type":"resume","channel":"rollups","after":"yesterday"})", "bad_cursor"},
      {R"({"type":"publish"})", "bad_points"},
      {R"({"type":"publish","points":{}})", "bad_points"},
      {R"({"type":"publish","points":"x"})", "bad_points"},
  };
  for (const auto& [text, reason] : cases) EXPECT_EQ(reason_for(text), reason) << text;
}

TEST(ClientMessage, FaultIsAnsweredWithItsIdWhereThereIsOne) {
  auto p = parser();
  const auto message = p.parse(R"({"id":"a\"b","type":"dance"})");
  ASSERT_FALSE(message);
  EXPECT_THAT(error_text(message.error()), testing::EndsWith(R"(,"id":"a\"b"})"));
  EXPECT_EQ(error_text({"why", "say \"so\""}),
            R"({"type":"error","reason":"why","message":"say \"so\""})");
}

TEST(ClientMessage, PointsThatAreNoJsonAreLeftToWhoDecodesThem) {
  auto p = parser();
  for (const auto points : {"[{\"x\":1e400}]", "[{\"x\":01}]", "[{\"x\":123456789012345678901234}]",
                            "[{\"x\":nothing},{\"x\":1}]"}) {
    const std::string text = fmt::format(R"({{"id":7,"points":{},"type":"publish"}})", points);
    const auto message = p.parse(text);
    ASSERT_TRUE(message) << points;
    EXPECT_EQ(std::get<PublishCommand>(message->command).points, points);
    EXPECT_EQ(message->id, "7");
  }
  EXPECT_EQ(reason_for(R"({"type":"publish","points":[{"x":1}})"), "malformed_json");
  EXPECT_EQ(reason_for(R"({"type":"publish","points":[1e400],"id":})"), "malformed_json");
  EXPECT_EQ(reason_for(R"({"type":"subscribe","points":[1e400]})"), "malformed_json");
}

TEST(ClientMessage, ATraceparentThatIsNoTextIsLeftToWhoCountsSuch) {
  auto p = parser();
  const auto given = [&](std::string_view member) {
    const auto message = p.parse(fmt::format(R"({{"type":"publish","points":[]{}}})", member));
    return std::string(std::get<PublishCommand>(message->command).traceparent);
  };
  EXPECT_EQ(given(""), "");
  EXPECT_EQ(given(R"(,"traceparent":null)"), "");
  EXPECT_EQ(given(R"(,"traceparent":"00-1")"), "00-1");
  EXPECT_NE(given(R"(,"traceparent":1)"), "");
}

TEST(ClientMessage, NullIsAsGoodAsLeftOut) {
  auto p = parser();
  const auto message =
      p.parse(R"({"type":"subscribe","channels":null,"where":null,"fields":null,"max_hz":null,)"
              R"("policy":null,"windows":null,"id":null})");
  ASSERT_TRUE(message);
  const auto& s = std::get<SubscribeCommand>(message->command).subscription;
  EXPECT_EQ(s.filter, Filter{});
  EXPECT_TRUE(s.has(Channel::kTelemetry));
  EXPECT_FALSE(s.has(Channel::kRollups));
  EXPECT_EQ(message->id, "");
}

TEST(ClientMessage, EqualFiltersAreEqualHoweverTheyAreWritten) {
  auto p = parser();
  const auto filter = [&](const char* text) {
    return std::get<SubscribeCommand>(p.parse(text)->command).subscription.filter;
  };
  EXPECT_EQ(filter(R"({"type":"subscribe","where":{"chassis":["a","b"],"track":"cota"}})"),
            filter(R"({"type":"subscribe","where":{"track":["cota"],"chassis":["b","a","b"]}})"));
  EXPECT_EQ(filter(R"({"type":"subscribe","windows":["sector"]})"), Filter{})
      << "stored windows come anyway";
}

}  // namespace
}  // namespace slipstream
