#include "app/component.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace slipstream {
namespace {

class Recorder : public Component {
 public:
  Recorder(std::string name, std::vector<std::string>& told)
      : name_(std::move(name)), told_(told) {}
  ~Recorder() override { told_.push_back("end " + name_); }
  std::string_view name() const override { return name_; }

 private:
  const std::string name_;
  std::vector<std::string>& told_;
};

struct Other final : Recorder {
  using Recorder::Recorder;
};
struct Missing final : Recorder {
  using Recorder::Recorder;
};

TEST(ComponentList, GoesFromTheFarEndToTheSourcesAndIsDestroyedTheOtherWay) {
  std::vector<std::string> told;
  {
    ComponentList list;
    list.add(std::make_unique<Recorder>("store", told));
    list.add(std::make_unique<Recorder>("pipeline", told));
    list.add(std::make_unique<Recorder>("sources", told));
    for (const auto& component : list) told.push_back(std::string(component->name()));
    for (const auto& component : list.from_the_sources()) {
      told.push_back("stop " + std::string(component->name()));
    }
  }
  EXPECT_THAT(told,
              testing::ElementsAre("store", "pipeline", "sources", "stop sources", "stop pipeline",
                                   "stop store", "end sources", "end pipeline", "end store"));
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
