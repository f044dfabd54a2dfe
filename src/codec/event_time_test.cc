#include "codec/event_time.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace slipstream {
namespace {

TEST(EventTime, OfANumberIsExactToTheNanosecond) {
  struct Case {
    const char* text;
    std::int64_t ns;
  };
  for (const Case& c : {
           Case{"0", 0},
           Case{"1757000000", 1'757'000'000'000'000'000},
           Case{"1757000000.123456", 1'757'000'000'123'456'000},
           Case{"1757000000.123456789", 1'757'000'000'123'456'789},
           Case{"1757000000.1234567899", 1'757'000'000'123'456'789},
           Case{"1757000000.", 1'757'000'000'000'000'000},
           Case{"1757000000123", 1'757'000'000'123'000'000},
           Case{"1757000000123.456789", 1'757'000'000'123'456'789},
           Case{"1757000000123456", 1'757'000'000'123'456'000},
           Case{"1757000000123456.789", 1'757'000'000'123'456'789},
           Case{"1757000000123456789", 1'757'000'000'123'456'789},
           Case{"1757000000123456789.9", 1'757'000'000'123'456'789},
           Case{" +1757000000.5 ", 1'757'000'000'500'000'000},
           Case{"1.757e9", 1'757'000'000'000'000'000},
           Case{".5", 500'000'000},
           Case{"-0", 0},
       }) {
    EXPECT_EQ(time_from_number(c.text), c.ns) << c.text;
  }
}

TEST(EventTime, OfWhatIsNoNumberOrHasNoPlaceIsNone) {
  for (const char* text :
       {"", " ", "-1", "-0.5", "1.5.5", "1757000000x", "nan", "inf", "1e300", "9223372036854775808",
        "99999999999.9", "9223372036.854775808", "2025-09-04"}) {
    EXPECT_FALSE(time_from_number(text)) << text;
  }
  EXPECT_EQ(time_from_number("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(time_from_number("9223372036.854775807"), std::numeric_limits<std::int64_t>::max());
}

TEST(EventTime, OfAPersonIsADateOrANumber) {
  EXPECT_EQ(asked_time("2025-09-04T15:33:20Z").value(), EventTime{1'757'000'000'000'000'000});
  EXPECT_EQ(asked_time("1757000000.25").value(), EventTime{1'757'000'000'250'000'000});
  EXPECT_EQ(asked_time("0").value(), EventTime{0});
  for (const auto* const date : {"2020", "1970", "0001", "202406", "20240601", "19991231"}) {
    const auto refused = asked_time(date);
    ASSERT_FALSE(refused) << date;
    EXPECT_NE(refused.error().message.find("a date is written 2024-06-01"), std::string::npos);
  }
  const auto plus = asked_time("2025-09-04T15:33:20 02:00");
  ASSERT_FALSE(plus);
  EXPECT_NE(plus.error().message.find("%2B"), std::string::npos);
  const auto none = asked_time("yester day");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message.find("%2B"), std::string::npos);
}

}  // namespace
}  // namespace slipstream
