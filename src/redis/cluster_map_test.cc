#include "redis/cluster_map.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

RedisReply reply_of(std::string_view bytes) {
  ReplyReader reader;
  reader.feed(bytes);
  EXPECT_EQ(reader.next(), ReplyReader::Status::kReply) << reader.error();
  return reader.reply().copy();
}

TEST(RedisSlot, IsThatOfTheHashTag) {
  // From the specification: CRC16("123456789") = 0x31C3.
  EXPECT_EQ(redis_slot("123456789"), 0x31C3);
  EXPECT_EQ(redis_slot(""), 0);
  EXPECT_EQ(redis_slot("foo"), 12182);
  EXPECT_EQ(redis_slot("a{foo}b"), redis_slot("foo"));
  EXPECT_EQ(redis_slot("{foo}{bar}"), redis_slot("foo"));
  EXPECT_EQ(redis_slot("foo{{bar}}zap"), redis_slot("{bar"));
  EXPECT_NE(redis_slot("foo{}{bar}"), redis_slot("bar"));
  EXPECT_NE(redis_slot("{foo"), redis_slot("foo"));
}

TEST(RedisRedirect, IsTakenApart) {
  const auto moved = parse_redirect(reply_of("-MOVED 3999 127.0.0.1:6381\r\n").view(), "asked");
  ASSERT_TRUE(moved);
  EXPECT_FALSE(moved->is_ask);
  EXPECT_EQ(moved->slot, 3999);
  EXPECT_EQ(moved->to, (RedisNode{"127.0.0.1", 6381}));
  const auto ask = parse_redirect(reply_of("-ASK 1 ::1:7000\r\n").view(), "asked");
  ASSERT_TRUE(ask);
  EXPECT_TRUE(ask->is_ask);
  EXPECT_EQ(ask->to, (RedisNode{"::1", 7000}));
  EXPECT_EQ(parse_redirect(reply_of("-MOVED 1 :7000\r\n").view(), "asked")->to.host, "asked");
  for (const auto bad : {"-ERR x\r\n", "-MOVED\r\n", "-MOVED 1\r\n", "-MOVED x a:1\r\n",
                         "-MOVED 16384 a:1\r\n", "-MOVED 1 a:x\r\n", "+OK\r\n"}) {
    EXPECT_FALSE(parse_redirect(reply_of(bad).view(), "asked")) << bad;
  }
}

TEST(ClusterMap, IsReadFromClusterSlots) {
  const auto map = ClusterMap::parse(
      reply_of("*3\r\n"
               "*4\r\n:0\r\n:5460\r\n"
               "*4\r\n$1\r\na\r\n:7000\r\n$2\r\nid\r\n*0\r\n"
               "*4\r\n$1\r\nr\r\n:7003\r\n$2\r\nid\r\n*0\r\n"
               "*3\r\n:5461\r\n:10922\r\n"
               "*4\r\n$-1\r\n:7001\r\n$2\r\nid\r\n*0\r\n"
               "*3\r\n:10923\r\n:16382\r\n"
               "*4\r\n$1\r\n?\r\n:7002\r\n$2\r\nid\r\n*2\r\n$2\r\nip\r\n$8\r\n10.0.0.7\r\n")
          .view(),
      "asked");
  ASSERT_TRUE(map) << map.error().message;
  EXPECT_EQ(*map->master_of(0), (RedisNode{"a", 7000}));
  EXPECT_EQ(*map->master_of(5460), (RedisNode{"a", 7000}));
  EXPECT_EQ(map->masters(),
            (std::vector<RedisNode>{{"a", 7000}, {"asked", 7001}, {"10.0.0.7", 7002}}));
  EXPECT_EQ(*map->master_of(5461), (RedisNode{"asked", 7001}));
  EXPECT_EQ(*map->master_of(16382), (RedisNode{"10.0.0.7", 7002}));
  EXPECT_EQ(map->master_of(16383), nullptr);
  EXPECT_FALSE(map->is_complete());
  EXPECT_EQ(map->nodes().size(), 4u);
  EXPECT_EQ(map->nodes().back(), (RedisNode{"r", 7003}));
}

TEST(ClusterMap, TakesInWhatAMovedSays) {
  ClusterMap map;
  EXPECT_EQ(map.master_of(7), nullptr);
  map.move(7, {"a", 1});
  map.move(8, {"a", 1});
  map.move(7, {"b", 1});
  EXPECT_EQ(*map.master_of(7), (RedisNode{"b", 1}));
  EXPECT_EQ(*map.master_of(8), (RedisNode{"a", 1}));
  EXPECT_EQ(map.nodes().size(), 2u);
}

TEST(ClusterMap, RefusesOtherReplies) {
  for (const auto bad :
       {"-ERR This instance has cluster support disabled\r\n", "*1\r\n:1\r\n",
        "*1\r\n*2\r\n:0\r\n:1\r\n", "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n",
        "*1\r\n*3\r\n:5\r\n:4\r\n*2\r\n$1\r\na\r\n:1\r\n", "*1\r\n*3\r\n:0\r\n:1\r\n$1\r\na\r\n"}) {
    EXPECT_FALSE(ClusterMap::parse(reply_of(bad).view(), "asked")) << bad;
  }
}

}  // namespace
}  // namespace slipstream
