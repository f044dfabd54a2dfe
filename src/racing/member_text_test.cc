#include "racing/member_text.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

std::string session_in(std::string_view json) {
  const auto found = member_text(json, "session");
  if (!found) return "(none)";
  EXPECT_TRUE(stands_at(json, found->at, found->spelled)) << json;
  return found->text;
}

TEST(MemberText, IsFoundHoweverTheSourceSpellsIt) {
  EXPECT_EQ(session_in(R"({"session":"RACE1"})"), "RACE1");
  EXPECT_EQ(session_in(R"({"a": 1, "session": "RACE1", "b": 2})"), "RACE1");
  EXPECT_EQ(session_in("{\n  \"session\" :\t\"RACE1\"\n}"), "RACE1");
  EXPECT_EQ(session_in(R"({"session":12,"b":2})"), "12");
  EXPECT_EQ(session_in(R"({"session": -7.5e3 })"), "-7.5e3");
  EXPECT_EQ(session_in(R"({"session":""})"), "");
  EXPECT_EQ(session_in(R"({"session":"Qualif\u00e9"})"), "Qualif\u00e9");
  EXPECT_EQ(session_in(R"({"session":"Q\/1 \"x\" \\ \t"})"), "Q/1 \"x\" \\ \t");
  EXPECT_EQ(session_in(R"({"session":"\ud83c\udfc1"})"), "\U0001F3C1");
  EXPECT_EQ(session_in(R"({"session":"\ud83c"})"), "\uFFFD");
}

TEST(MemberText, IsOnlyTheObjectsOwn) {
  EXPECT_EQ(session_in(R"({"a":{"session":"inner"},"session":"outer"})"), "outer");
  EXPECT_EQ(session_in(R"({"a":[{"session":"inner"},"]"]})"), "(none)");
  EXPECT_EQ(session_in(R"({"a":"\"session\":\"x\"","session":"b"})"), "b");
  EXPECT_EQ(session_in(R"({"a":"session","b":"x"})"), "(none)");
  EXPECT_EQ(session_in(R"({"session":null})"), "(none)");
  EXPECT_EQ(session_in(R"({"session":true})"), "(none)");
  EXPECT_EQ(session_in(R"({"session":["x"]})"), "(none)");
}

TEST(MemberText, OfWhatIsCutOffAnywhereDoesNoHarm) {
  const std::string json = R"({"a":{"b":[1,"\""]},"session": "Q\u00e9\ud83c\udfc1\\","c":1})";
  for (std::size_t size = 0; size <= json.size(); ++size) {
    const std::string cut = json.substr(0, size);
    if (const auto found = member_text(cut, "session")) {
      EXPECT_LE(found->at + found->spelled.size(), cut.size());
    }
  }
}

TEST(MemberText, ThatStoodThereBeforeIsNotALongerNumber) {
  EXPECT_TRUE(stands_at(R"({"session":12})", 1, R"("session":12)"));
  EXPECT_FALSE(stands_at(R"({"session":123})", 1, R"("session":12)"));
}

}  // namespace
}  // namespace slipstream
