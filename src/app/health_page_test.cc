#include "app/health_page.h"

#include <gtest/gtest.h>

#include <utility>

namespace slipstream {
namespace {

TEST(HealthPage, MembersStandInTheirOrderWhoeverTellsFirst) {
  HealthPage page;
  page.member("series") = "3";
  page.object("log").flag("enabled", true);
  page.member("now") = "1";
  page.member("clock") = "{}";
  EXPECT_EQ(std::move(page).text(),
            R"({"ok":true,"now":1,"clock":{},"log":{"enabled":true},"series":3})");
}

TEST(HealthPage, SeveralMayTellOfOneObject) {
  HealthPage page;
  page.object("redis.log").number("points", 5);
  page.member("series") = "3";
  page.member("redis.cluster") = "false";
  page.object("redis.streams").number("commits", 7);
  page.member("redis.enabled") = "true";
  EXPECT_EQ(std::move(page).text(),
            R"({"ok":true,"redis":{"enabled":true,"cluster":false,"streams":{"commits":7},)"
            R"("log":{"points":5}},"series":3})");
}

TEST(HealthPage, WhatIsNotListedStandsBehindTheRest) {
  HealthPage page;
  page.member("webhook.sent") = "1";
  page.member("alerts") = "2";
  page.member("webhook.failing") = "0";
  page.member("redis.shards") = "4";
  page.member("series") = "3";
  page.member("redis.enabled") = "true";
  EXPECT_EQ(std::move(page).text(), R"({"ok":true,"redis":{"enabled":true,"shards":4},"series":3,)"
                                    R"("webhook":{"sent":1,"failing":0},"alerts":2})");
}

TEST(HealthPage, ProblemsAreToldFromWhatTheyComeFromOn) {
  HealthPage page;
  page.problem(ProblemArea::kRedis, "redis: away");
  page.problem(ProblemArea::kLog, "log: full");
  page.problem(ProblemArea::kRedis, "redis: streams");
  page.problem(ProblemArea::kData, "data: \"gone\"");
  page.notice("store: a reader holds it");
  page.member("now") = "1";
  page.member("metrics") = "{}";
  EXPECT_FALSE(page.is_ok());
  EXPECT_EQ(std::move(page).text(),
            R"({"ok":false,"now":1,"problems":["data: \"gone\"","log: full","redis: away",)"
            R"("redis: streams"],"notices":["store: a reader holds it"],"metrics":{}})");
}

TEST(HealthPage, AMemberToldTwiceIsAFaultOfTheProgram) {
  HealthPage page;
  page.member("log") = "{}";
  EXPECT_DEATH(page.member("log"), "no two have one name");
}

}  // namespace
}  // namespace slipstream
