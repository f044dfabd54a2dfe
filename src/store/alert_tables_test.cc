// Alerts in the store: each once, by pages, for cursors, and those that are active.
#include "store/alert_tables.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "model/outbox_alert.h"
#include "store/store_fixture.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class StoredAlertsTest : public RollupStoreTest {
 protected:
  static Alert told(std::string id, bool is_raised, std::int64_t time_s, std::string name = "hot",
                    std::string chassis = "a") {
    return {.id = std::move(id),
            .rule = "rule of " + name,
            .name = name,
            .severity = AlertSeverity::kCritical,
            .is_raised = is_raised,
            .track = "cota",
            .chassis = std::move(chassis),
            .tags = R"("wheel":"fl")",
            .time = {time_s * kNsPerSecond},
            .value = is_raised ? std::optional(1.5) : std::nullopt,
            .message = "what \"it\" is"};
  }
  static std::vector<AlertRow> put(RollupStore& store, std::vector<Alert> alerts) {
    std::vector<AlertRow> rows;
    EXPECT_TRUE(store.commit({.alerts = std::move(alerts)}, nullptr, nullptr, &rows));
    return rows;
  }
  static std::vector<std::string> page(RollupStore& store, const AlertQuery& query) {
    std::vector<std::string> texts;
    const auto found = store.query_alerts(query);
    EXPECT_TRUE(found) << (found ? "" : found.error().message);
    for (const auto& stored : found->alerts) {
      texts.push_back(fmt::format("{} {}{}", stored.alert.id,
                                  stored.alert.is_raised ? "raised" : "cleared",
                                  stored.is_active ? " active" : ""));
    }
    return texts;
  }
};

TEST_F(StoredAlertsTest, WhatIsToldAgainIsThereOnce) {
  const auto store = open();
  const auto raised = told("1", true, 5);
  EXPECT_THAT(put(*store, {raised, told("2", true, 6)}), ElementsAre(1, 2));
  EXPECT_THAT(put(*store, {raised, told("1", false, 7)}), ElementsAre(0, testing::Gt(2)));
  EXPECT_THAT(put(*store, {raised, told("1", false, 7)}), ElementsAre(0, 0));
  EXPECT_THAT(page(*store, {}), ElementsAre("1 cleared", "2 raised active", "1 raised"));
  const auto found = store->query_alerts({});
  EXPECT_EQ(found->alerts.back().alert, raised);
  EXPECT_EQ((Output{.alerts = {raised}}.rows()), 1u);
}

TEST_F(StoredAlertsTest, PagesAndFilters) {
  const auto store = open();
  put(*store, {told("1", true, 5), told("2", true, 6, "wet", "b"), told("1", false, 7),
               told("3", true, 7), told("4", true, 4)});
  const auto first = store->query_alerts({.limit = 2});
  ASSERT_TRUE(first && first->next);
  EXPECT_THAT(page(*store, {.limit = 2}), ElementsAre("3 raised active", "1 cleared"));
  EXPECT_THAT(page(*store, {.cursor = *first->next}),
              ElementsAre("2 raised active", "1 raised", "4 raised active"));
  EXPECT_THAT(page(*store, {.state = AlertState::kActive, .name = "hot"}),
              ElementsAre("3 raised active", "4 raised active"));
  EXPECT_THAT(page(*store, {.state = AlertState::kCleared}), ElementsAre("1 cleared"));
  EXPECT_THAT(page(*store, {.state = AlertState::kRaised, .chassis = "b"}),
              ElementsAre("2 raised active"));
  EXPECT_THAT(page(*store, {.track = "spa"}), IsEmpty());
  EXPECT_THAT(
      page(*store, {.from = EventTime{5 * kNsPerSecond}, .to = EventTime{6 * kNsPerSecond}}),
      ElementsAre("2 raised active", "1 raised"));
  EXPECT_EQ(store->query_alerts({.cursor = "x"}).error().code, ErrorCode::kRefused);
}

TEST_F(StoredAlertsTest, ClientsGoOnBehindTheirCursor) {
  const auto store = open();
  put(*store, {told("1", true, 5), told("2", true, 6)});
  const auto newest = store->newest_alert();
  ASSERT_TRUE(newest);
  put(*store, {told("1", false, 7), told("2", false, 8)});
  const auto rest = store->read_stored_alerts({.after = *newest, .upto = 4, .max_rows = 1});
  ASSERT_TRUE(rest);
  ASSERT_THAT(rest->alerts, SizeIs(1));
  EXPECT_EQ(rest->alerts[0].alert.id, "1");
  EXPECT_EQ(rest->to, rest->alerts[0].cursor());
  EXPECT_EQ(store->newest_alert()->row, 4);
  EXPECT_TRUE(store->read_stored_alerts({.after = {1, 7}, .upto = 4})->is_foreign);
}

TEST_F(StoredAlertsTest, ThoseOfOtherRulesAreCleared) {
  const auto store = open();
  put(*store, {told("1", true, 5), told("2", true, 6, "wet")});
  EXPECT_EQ(store->clear_alerts_but({"rule of wet"}, {9 * kNsPerSecond}, "it is gone"), 1u);
  EXPECT_EQ(store->clear_alerts_but({"rule of wet"}, {9 * kNsPerSecond}, "it is gone"), 0u);
  EXPECT_THAT(page(*store, {}), ElementsAre("1 cleared", "2 raised active", "1 raised"));
  EXPECT_EQ(store->query_alerts({.state = AlertState::kCleared})->alerts[0].alert.message,
            "it is gone");
  // A replay may tell the rest of it: that is too late.
  EXPECT_THAT(put(*store, {told("1", true, 5), told("1", false, 8)}), ElementsAre(0, 0));
  ASSERT_TRUE(store->start_layout("other", 1, 0, 0, {10 * kNsPerSecond}));
  EXPECT_THAT(store->active_alerts().value(), IsEmpty());
}

TEST_F(StoredAlertsTest, WaitForThoseWhoWantThem) {
  const auto store = open({.destinations = {{.name = "all", .alerts = std::vector<std::string>{}},
                                            {.name = "wet", .alerts = {{"wet"}}},
                                            {.name = "none", .windows = {"bucket"}}}});
  put(*store, {told("1", true, 5), told("2", true, 6, "wet")});
  put(*store, {told("1", true, 5)});
  store->clear_alerts_but({"rule of wet"}, {9 * kNsPerSecond}, "it is gone");
  EXPECT_THAT(store->outbox()->of("none")->shards(), IsEmpty());
  EXPECT_THAT(store->outbox()->of("wet")->shards(), ElementsAre("wet"));
  EXPECT_THAT(store->outbox()->of("all")->shards(), ElementsAre("hot", "wet"));
  const auto rows = store->outbox()->of("all")->read("hot", 1'000'000);
  ASSERT_THAT(*rows, SizeIs(2));
  const auto first = outbox_alert_of((*rows)[0].rollups);
  const auto second = outbox_alert_of((*rows)[1].rollups);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->id, "1-raised");
  EXPECT_EQ(second->id, "1-cleared");
  EXPECT_EQ(second->queued.ns, 9 * kNsPerSecond);
  EXPECT_THAT(std::string(second->body), HasSubstr(R"("message":"it is gone")"));
}

}  // namespace
}  // namespace slipstream
