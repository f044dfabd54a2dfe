#include "base/heap.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

/// A heap of which a trim gives back all that is idle, but for what it cannot.
struct FakeHeap {
  std::int64_t in_use = 100 * kMiB;
  std::int64_t idle = 0;
  std::int64_t stuck = 0;
  int trims = 0;

  HeapKeeper keeper() {
    return HeapKeeper([this] { return HeapUse{in_use + idle, in_use}; },
                      [this] {
                        ++trims;
                        idle = std::min(idle, stuck);
                      });
  }
};

TEST(HeapKeeper, GivesBackWhatAFloodLeftBehind) {
  FakeHeap heap;
  HeapKeeper keeper = heap.keeper();
  EXPECT_EQ(keeper.keep(), 0);
  heap.in_use = 900 * kMiB;
  EXPECT_EQ(keeper.keep(), 0) << "nothing is idle at the peak";
  heap.in_use = 100 * kMiB;
  heap.idle = 800 * kMiB;
  EXPECT_EQ(keeper.keep(), 800 * kMiB);
}

TEST(HeapKeeper, LeavesWhatIsLittleToTheNextWhoAsks) {
  FakeHeap heap;
  HeapKeeper keeper = heap.keeper();
  heap.idle = HeapKeeper::kLeastGain - 1;
  EXPECT_EQ(keeper.keep(), 0);
  heap.in_use = 4'000 * kMiB;
  heap.idle = 999 * kMiB;
  EXPECT_EQ(keeper.keep(), 0) << "less than a quarter of what is in use";
  heap.idle = 1'000 * kMiB;
  EXPECT_GT(keeper.keep(), 0);
}

TEST(HeapKeeper, DoesNotTryForEverWhatCannotBeGivenBack) {
  FakeHeap heap;
  heap.stuck = 300 * kMiB;
  HeapKeeper keeper = heap.keeper();
  heap.idle = 800 * kMiB;
  EXPECT_EQ(keeper.keep(), 500 * kMiB);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(keeper.keep(), 0);
  EXPECT_EQ(heap.trims, 1);
  heap.idle = 20 * kMiB;  // used again ...
  EXPECT_EQ(keeper.keep(), 0);
  heap.idle = 400 * kMiB;  // ... and free again
  EXPECT_GT(keeper.keep(), 0);
}

TEST(Heap, TellsWhatIsInUse) {
  const HeapUse use = heap_use();
  EXPECT_GT(use.resident, 0);
  EXPECT_GE(use.in_use, 0);
  trim_heap();
}

}  // namespace
}  // namespace slipstream
