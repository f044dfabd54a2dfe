#include "history/pinned_segments.h"

#include <gmock/gmock.h>

#include "history/history_fixture.h"

namespace slipstream::history_testing {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// A point each ten seconds, each in a segment of its own: of A until 50 s, then of B.
class PinnedSegmentsTest : public testing::Test {
 protected:
  static constexpr const char* kFolder = "/pinned";

  PinnedSegmentsTest() {
    for (int i = 0; i < 10; ++i) {
      log_.add({{.chassis = i < 5 ? "A" : "B", .time_s = 10.0 * i, .values = {{"n", i}}}});
    }
    open();
  }
  void open(std::uint64_t max_bytes = std::numeric_limits<std::uint64_t>::max()) {
    kept_ =
        std::make_unique<PinnedSegments>(log_.files, kFolder, kLogFolder, log_.indexes, max_bytes);
    ASSERT_TRUE(kept_->open());
    log_.log->keep_by(*kept_);
  }
  static SessionExtent extent(const std::string& chassis, double from_s, double to_s) {
    return {.id = "s", .track = "barber", .from = at(from_s), .to = at(to_s), .chassis = {chassis}};
  }
  void retain() { ASSERT_TRUE(log_.log->retain(log_.log->next_offset(), 0)); }
  std::vector<std::uint64_t> kept() const {
    std::vector<std::uint64_t> offsets;
    for (const SegmentInfo& segment : kept_->segments()) offsets.push_back(segment.base_offset);
    return offsets;
  }
  MachinePoints read(const std::string& chassis) {
    PointReader reader(
        log_.files, kLogFolder, [this] { return log_.log->synced_segments(); }, log_.indexes,
        system_clock(), {}, kept_.get());
    return reader.read(query_of(0, 100, {"n"}, chassis)).value();
  }

  HistoryLog log_{{.segment_bytes = 1, .retention_bytes = 1}};
  std::unique_ptr<PinnedSegments> kept_;
};

TEST_F(PinnedSegmentsTest, KeepWhatASessionNeedsAndNothingElse) {
  log_.index_all();
  kept_->set_sessions({extent("A", 10, 35)});
  retain();
  EXPECT_THAT(kept(), ElementsAre(1, 2, 3));
  const auto points = read("A");
  EXPECT_THAT(points.columns[0].values, ElementsAre(1, 2, 3));
  EXPECT_EQ(points.lost, 0u);
  EXPECT_TRUE(points.gone_before);
  EXPECT_THAT(read("B").columns[0].values, ElementsAre(9));
}

TEST_F(PinnedSegmentsTest, WithoutSessionsAllGoes) {
  kept_->set_sessions({});
  retain();
  EXPECT_THAT(kept(), IsEmpty());
}

TEST_F(PinnedSegmentsTest, WhatCannotBeToldIsKeptUntilItCan) {
  retain();
  EXPECT_THAT(kept(), SizeIs(9)) << "nobody has said which sessions are pinned";
  kept_->set_sessions({extent("A", 10, 35)});
  ASSERT_TRUE(kept_->let_go());
  EXPECT_THAT(kept(), SizeIs(9)) << "there are no indexes";
  while (kept_->tend(log_.log->synced_segments().front(), {}).value()) {
  }
  ASSERT_TRUE(kept_->let_go());
  EXPECT_THAT(kept(), ElementsAre(1, 2, 3));
}

TEST_F(PinnedSegmentsTest, AreFoundAgainAtTheNextStart) {
  log_.index_all();
  kept_->set_sessions({extent("A", 10, 35)});
  retain();
  const auto bytes = kept_->bytes();
  EXPECT_GT(bytes, 0u);
  open();
  EXPECT_THAT(kept(), ElementsAre(1, 2, 3));
  EXPECT_EQ(kept_->bytes(), bytes);
  EXPECT_THAT(read("A").columns[0].values, ElementsAre(1, 2, 3));
}

TEST_F(PinnedSegmentsTest, GoOnceTheSessionIsNotPinnedAnyMore) {
  log_.index_all();
  kept_->set_sessions({extent("A", 10, 35)});
  retain();
  kept_->set_sessions({});
  ASSERT_TRUE(kept_->let_go());
  EXPECT_THAT(kept(), SizeIs(3)) << "nobody said that they may go: the store may have lost it";
  EXPECT_EQ(kept_->stats().unexplained.value(), 3);
  kept_->session_unpinned();
  ASSERT_TRUE(kept_->let_go());
  EXPECT_THAT(kept(), IsEmpty());
  EXPECT_EQ(kept_->stats().unexplained.value(), 0);
  EXPECT_EQ(kept_->bytes(), 0u);
  EXPECT_THAT(read("A").times, IsEmpty());
  EXPECT_THAT(log_.files.list(kFolder).value(), IsEmpty());
}

TEST_F(PinnedSegmentsTest, HaveABoundBeyondWhichTheyGoAndAreCounted) {
  log_.index_all();
  std::uint64_t two = 0;
  for (const std::size_t i : {2u, 3u}) two += log_.log->synced_segments()[i].bytes;
  open(two);
  kept_->set_sessions({extent("A", 10, 35)});
  retain();
  EXPECT_THAT(kept(), ElementsAre(2, 3)) << "the oldest went";
  EXPECT_EQ(kept_->stats().dropped.value(), 1u);
}

TEST_F(PinnedSegmentsTest, TellWhatSessionsTakeBeforeTheyArePinned) {
  log_.index_all();
  const auto segments = log_.log->synced_segments();
  std::uint64_t three = 0;
  for (const std::size_t i : {1u, 2u, 3u}) three += segments[i].bytes;
  const auto need = kept_->need_of({extent("A", 10, 35)}, segments);
  EXPECT_EQ(need.bytes, three + segments.back().bytes) << "the open segment may have some of it";
  EXPECT_EQ(need.maybe_bytes, 0u);
  EXPECT_EQ(kept_->need_of({}, segments).bytes, 0u);
}

TEST_F(PinnedSegmentsTest, TellWhatNobodyKnowsYet) {
  const auto segments = log_.log->synced_segments();
  const auto need = kept_->need_of({extent("A", 10, 35)}, segments);
  EXPECT_EQ(need.bytes, segments.back().bytes);
  EXPECT_EQ(need.bytes + need.maybe_bytes, log_.log->bytes());
}

TEST_F(PinnedSegmentsTest, SegmentThatIsMovedWhileItIsReadIsFound) {
  log_.index_all();
  kept_->set_sessions({extent("A", 10, 35)});
  bool is_moved = false;
  log_.files.before_open([&](const FileSystem::Path& path) {
    if (is_moved || path.parent_path() != kLogFolder) return;
    is_moved = true;
    retain();
  });
  EXPECT_THAT(read("A").columns[0].values, testing::IsSupersetOf({1.0, 2.0, 3.0}));
  EXPECT_TRUE(is_moved);
}

}  // namespace
}  // namespace slipstream::history_testing
