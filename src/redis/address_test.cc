#include "redis/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

using testing::HasSubstr;
using testing::Not;
using Kind = RedisAddress::Kind;

TEST(RedisUrl, IsTakenApart) {
  struct Case {
    const char* url;
    RedisAddress address;
    const char* text;
  };
  const Case cases[] = {
      {"redis://127.0.0.1", {}, "redis://127.0.0.1:6379"},
      {"redis://127.0.0.1/", {}, "redis://127.0.0.1:6379"},
      {"redis://cache:7000/3",
       {.host = "cache", .port = 7000, .database = 3},
       "redis://cache:7000/3"},
      {"redis://cache?db=3", {.host = "cache", .database = 3}, "redis://cache:6379/3"},
      {"redis://:secret@cache",
       {.host = "cache", .password = "secret", .has_credentials = true},
       "redis://cache:6379"},
      {"redis://car:p%40%3A%2f%2C%25@cache:1",
       {.host = "cache", .port = 1, .user = "car", .password = "p@:/,%", .has_credentials = true},
       "redis://cache:1"},
      {"redis://car:a@b@cache",
       {.host = "cache", .user = "car", .password = "a@b", .has_credentials = true},
       "redis://cache:6379"},
      {"redis://guest:@cache",
       {.host = "cache", .user = "guest", .has_credentials = true},
       "redis://cache:6379"},
      {"rediss://[::1]:6380/1",
       {.kind = Kind::kTls, .host = "::1", .port = 6380, .database = 1},
       "rediss://[::1]:6380/1"},
      {"redis://[fe80::1]", {.host = "fe80::1"}, "redis://[fe80::1]:6379"},
      {"unix:///run/redis.sock",
       {.kind = Kind::kUnix, .path = "/run/redis.sock"},
       "unix:///run/redis.sock"},
      {"unix://car:secret@/run/my%20redis.sock?db=2",
       {.kind = Kind::kUnix,
        .path = "/run/my redis.sock",
        .user = "car",
        .password = "secret",
        .has_credentials = true,
        .database = 2},
       "unix:///run/my redis.sock?db=2"},
  };
  for (const auto& c : cases) {
    const auto address = parse_redis_url(c.url);
    ASSERT_TRUE(address) << c.url << ": " << address.error().message;
    EXPECT_EQ(*address, c.address) << c.url;
    EXPECT_EQ(address->text(), c.text);
  }
}

TEST(RedisUrl, ThatIsWrongSaysWhere) {
  struct Case {
    const char* url;
    const char* error;
  };
  const Case cases[] = {
      {"", "begin with redis://"},
      {"127.0.0.1:6379", "begin with redis://"},
      {"http://cache", "begin with redis://"},
      {"redis://", "host is missing"},
      {"redis://:7000", "host is missing"},
      {"redis://:secret@", "host is missing"},
      {"redis://cache:0", "port '0'"},
      {"redis://cache:65536", "port '65536'"},
      {"redis://cache:", "port ''"},
      {"redis://cache:70x", "port '70x'"},
      {"redis://::1", "brackets"},
      {"redis://[::1", "']' is missing"},
      {"redis://[::1]7000", "after ']'"},
      {"redis://cache/one", "database 'one'"},
      {"redis://cache/-1", "database '-1'"},
      {"redis://cache?db=", "database ''"},
      {"redis://cache?ssl=yes", "parameter 'ssl'"},
      {"redis://secret@cache", "without a password"},
      {"redis://:100%secret@cache", "password must be followed by two hex digits"},
      {"redis://:secret%4@cache", "password must be followed by two hex digits"},
      {"redis://car:secret/secret@cache", "percent-encoded"},
      {"unix://run/redis.sock", "unix:// has no host"},
      {"unix:///", "path is missing"},
      {"unix://", "path is missing"},
  };
  for (const auto& c : cases) {
    const auto address = parse_redis_url(c.url);
    ASSERT_FALSE(address) << c.url;
    EXPECT_THAT(address.error().message, HasSubstr(c.error)) << c.url;
    EXPECT_THAT(address.error().message, Not(HasSubstr("secret"))) << c.url;
  }
  EXPECT_FALSE(parse_redis_url("unix:///" + std::string(107, 'x')));
  EXPECT_TRUE(parse_redis_url("unix:///" + std::string(106, 'x')));
}

TEST(RedisUrls, AreSplitAtCommas) {
  const auto addresses = parse_redis_urls("redis://a, redis://b:7001 ,rediss://c");
  ASSERT_TRUE(addresses);
  ASSERT_EQ(addresses->size(), 3u);
  EXPECT_EQ((*addresses)[1].text(), "redis://b:7001");
  EXPECT_EQ((*addresses)[2].kind, Kind::kTls);
  EXPECT_EQ(parse_redis_urls("redis://a,b").error().message,
            "Redis URL: it must begin with redis://, rediss:// (TLS) or unix:// (number 2 of the "
            "list)");
  EXPECT_FALSE(parse_redis_urls(""));
  EXPECT_FALSE(parse_redis_urls("redis://a,"));
}

}  // namespace
}  // namespace slipstream
