#include "app/connection_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

using testing::HasSubstr;

TEST(ConnectionBudget, LeavesTheReserveAloneWhateverTheLimit) {
  Config config;
  for (const bool has_redis : {false, true}) {
    if (has_redis) config.redis.url = "redis://127.0.0.1:6379";
    for (std::size_t limit = 0; limit < 3'000; ++limit) {
      const auto budget = plan_connections(config, limit);
      if (!budget) continue;
      EXPECT_LE(budget->reserve + budget->connections + budget->turned_away, limit);
      EXPECT_GE(budget->connections, ConnectionBudget::kFewest);
      EXPECT_GE(budget->turned_away, 1u);
      EXPECT_TRUE(budget->is_lower_than_asked);
    }
  }
}

TEST(ConnectionBudget, AsManyAsAskedWhereThereIsRoom) {
  Config config;
  config.server.max_connections = 100;
  const auto budget = plan_connections(config, 1'024).value();
  EXPECT_EQ(budget.connections, 100u);
  EXPECT_FALSE(budget.is_lower_than_asked);
  EXPECT_FALSE(plan_connections(Config{}, 1'000'000).value().is_lower_than_asked);
}

TEST(ConnectionBudget, ALimitThatIsTooLowSaysWhatToDo) {
  const auto refused = plan_connections(Config{}, 40);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("may have 40 files and sockets open"));
  EXPECT_THAT(refused.error().message, HasSubstr("ulimit -n"));
}

TEST(ConnectionBudget, RedisHasDescriptorsOfItsOwn) {
  Config config;
  const auto without = plan_connections(config, 1'024).value();
  config.redis.url = "redis://127.0.0.1:6379";
  const auto with = plan_connections(config, 1'024).value();
  EXPECT_GE(with.reserve, without.reserve + 4 * (config.redis.pool + config.redis.partitions));
}

TEST(ConnectionBudget, ReceiversHaveDescriptorsOfTheirTargets) {
  Config config;
  config.udp.front().receivers = 3;
  const auto without = plan_connections(config, 1'024).value();
  config.udp.front().forward = {{.to = "a:1"}, {.to = "b:2"}};
  EXPECT_EQ(plan_connections(config, 1'024).value().reserve, without.reserve + 3 * 2);
}

}  // namespace
}  // namespace slipstream
