#include "codec/json_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> scan(std::string_view text) {
  std::vector<std::string> found;
  JsonScan items(text);
  while (const auto item = items.next()) {
    found.push_back(std::string(item->name) + "=" + std::string(item->value));
  }
  return found;
}

TEST(JsonScan, GivesMembersAndElementsAsTheyAreSpelled) {
  EXPECT_THAT(scan(R"({"a":1,"b" : "x,}\"" , "c":[1,{"d":"]"}],"e":{"f":[]},"g":null})"),
              ElementsAre("a=1", R"(b="x,}\"")", R"(c=[1,{"d":"]"}])", R"(e={"f":[]})", "g=null"));
  EXPECT_THAT(scan(R"( [ 1 , "two" , {"three":3} , [] ] )"),
              ElementsAre("=1", R"(="two")", R"(={"three":3})", "=[]"));
  EXPECT_THAT(scan("{}"), IsEmpty());
  EXPECT_THAT(scan("[]"), IsEmpty());
  EXPECT_THAT(scan("7"), IsEmpty());
}

TEST(JsonScan, EndsSomewhereInWhatIsNoJson) {
  const std::string text = R"({"a":[1,"b\"c",{"d":2}],"e":"f\\"})";
  for (std::size_t cut = 0; cut < text.size(); ++cut) scan(text.substr(0, cut));
  for (const auto odd : {"{", "{\"", "{\"a", "{\"a\"", "{\"a\":", "{a:1}", "[,,", "{\"a\":\"\\"}) {
    scan(odd);
  }
}

TEST(JsonScan, FindsAMember) {
  EXPECT_EQ(json_member(R"({"a":{"b":1},"b":2})", "b"), "2");
  EXPECT_EQ(json_member(R"({"a":1})", "b"), "");
  EXPECT_EQ(json_string_body("\"x\""), "x");
  EXPECT_EQ(json_string_body("1"), "1");
}

}  // namespace
}  // namespace slipstream
