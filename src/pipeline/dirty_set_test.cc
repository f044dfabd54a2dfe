#include "pipeline/dirty_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(DirtySet, TellsEachSeriesOnceInOrder) {
  DirtySet dirty;
  for (const std::uint32_t series : {9u, 3u, 9u, 0u, 3u}) dirty.changed(series);
  dirty.removed(5);
  EXPECT_EQ(dirty.size(), 4u);
  DirtySet::Taken taken;
  dirty.take(taken);
  EXPECT_THAT(taken.changed, ElementsAre(0, 3, 9));
  EXPECT_THAT(taken.removed, ElementsAre(5));
  EXPECT_TRUE(dirty.empty());
  dirty.take(taken);
  EXPECT_THAT(taken.changed, IsEmpty());
  EXPECT_THAT(taken.removed, IsEmpty());
}

TEST(DirtySet, WhatHappenedLastCounts) {
  DirtySet dirty;
  dirty.changed(1);
  dirty.removed(1);
  dirty.removed(2);
  dirty.changed(2);  // another series has got the number
  DirtySet::Taken taken;
  dirty.take(taken);
  EXPECT_THAT(taken.changed, ElementsAre(2));
  EXPECT_THAT(taken.removed, ElementsAre(1));
}

}  // namespace
}  // namespace slipstream
