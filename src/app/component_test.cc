#include "app/component.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace slipstream {
namespace {

class Recorder : public Component {
 public:
  /// `keeps`: whether all that it holds when it is stopped gets to where it goes.
  Recorder(std::string name, std::vector<std::string>& told, bool keeps = true)
      : name_(std::move(name)), told_(told), keeps_(keeps) {}
  ~Recorder() override { told_.push_back("end " + name_); }

  std::string_view name() const override { return name_; }
  void start() override { told_.push_back("start " + name_); }
  bool stop() override {
    told_.push_back("stop " + name_);
    return keeps_;
  }

 private:
  const std::string name_;
  std::vector<std::string>& told_;
  const bool keeps_;
};

struct Other final : Recorder {
  using Recorder::Recorder;
};
struct Missing final : Recorder {
  using Recorder::Recorder;
};

TEST(ComponentList, StartsAtTheFarEndAndStopsAtTheSources) {
  std::vector<std::string> told;
  {
    ComponentList list;
    list.add(std::make_unique<Recorder>("store", told));
    list.add(std::make_unique<Recorder>("pipeline", told));
    list.add(std::make_unique<Recorder>("sources", told));
    list.start();
    EXPECT_TRUE(list.stop());
  }
  EXPECT_THAT(told, testing::ElementsAre("start store", "start pipeline", "start sources",
                                         "stop sources", "stop pipeline", "stop store",
                                         "end sources", "end pipeline", "end store"));
}

TEST(ComponentList, AllAreStoppedWhereOneGivesSomethingUp) {
  std::vector<std::string> told;
  ComponentList list;
  list.add(std::make_unique<Recorder>("store", told));
  list.add(std::make_unique<Recorder>("pipeline", told, false));
  list.add(std::make_unique<Recorder>("sources", told));
  list.start();
  told.clear();
  EXPECT_FALSE(list.stop());
  EXPECT_THAT(told, testing::ElementsAre("stop sources", "stop pipeline", "stop store"));
  EXPECT_TRUE(list.stop()) << "who is not started is not stopped";
  EXPECT_EQ(told.size(), 3u);
}

TEST(ComponentList, FindsOneByItsClass) {
  std::vector<std::string> told;
  ComponentList list;
  list.add(std::make_unique<Recorder>("store", told));
  const Other& added = list.add(std::make_unique<Other>("other", told));
  EXPECT_EQ(list.find<Other>(), &added);
  EXPECT_EQ(list.find<Missing>(), nullptr);
  EXPECT_DEATH(list.get<Missing>(), "a server has all components");
}

TEST(ComponentList, WhatCouldNotBeOpenedIsNotInIt) {
  ComponentList list;
  const Result<Other*> added =
      list.add(Result<std::unique_ptr<Other>>(fail("the address is in use")));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().message, "the address is in use");
  EXPECT_EQ(list.begin(), list.end());
}

}  // namespace
}  // namespace slipstream
