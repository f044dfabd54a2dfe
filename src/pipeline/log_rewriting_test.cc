// Rewriting beside others: readers that come in at any moment, disks that refuse, and retention.
#include <stdexcept>

#include "pipeline/log_rewriting_fixture.h"

namespace slipstream {
namespace {

using rewriting_testing::kLog;
using rewriting_testing::LogRewriting;
using testing::IsEmpty;
using testing::SizeIs;

FileSystem::Path path_of(const SegmentInfo& segment) {
  return FileSystem::Path(kLog) / segment.name;
}

/// As good as any other, but for a block that it takes for another one.
class DoubtfulRepacker final : public Repacker {
 public:
  explicit DoubtfulRepacker(std::uint64_t offset) : offset_(offset) {}
  Result<void> add(const LogBlock& block, bool stays, const Out& out) override {
    return repacker_.add(block, stays, out);
  }
  Result<void> flush(const Out& out) override { return repacker_.flush(out); }
  Result<void> check(const LogBlock& block) override {
    if (block.base_offset == offset_) return fail("it is another one");
    return repacker_.check(block);
  }
  Result<void> checked() override { return repacker_.checked(); }

 private:
  LogRepacker repacker_;
  const std::uint64_t offset_;
};

TEST_F(LogRewriting, ANameMayChangeHandsBeforeAnyFileIsOpened) {
  int left = -1;
  files_.before_open([&](const FileSystem::Path&) {
    if (left >= 0 && left-- == 0) rewrite();
  });
  for (int opened_before = 0; opened_before < 6; ++opened_before) {
    open();
    fill(4);
    const auto before = entries();
    const auto first_list = log_->synced_segments();
    left = opened_before;
    EXPECT_EQ(entries(), before) << opened_before;
    left = -1;
    fill(3);
    const auto second_list = log_->synced_segments();
    left = opened_before;
    EXPECT_THAT(verify_segments(files_, kLog, second_list).faults, IsEmpty()) << opened_before;
    left = -1;
    EXPECT_THAT(verify_segments(files_, kLog, first_list).faults, IsEmpty()) << opened_before;
  }
}

TEST_F(LogRewriting, ANewFileWithTheNumberOfAnOldOneIsKnownByItsHeader) {
  open();
  append(some_rows(3));
  ASSERT_TRUE(log_->sync());
  // The file grows beyond what the list says, and so does the block that these are in then.
  const auto list = log_->synced_segments();
  const auto before = entries();
  auto reader = log_->read_from(0);
  fill(4);
  EXPECT_EQ(rewrite(), 1u);
  files_.set_identity(path_of(list.front()), list.front().identity);
  EXPECT_THAT(rest_of(**reader), testing::IsSupersetOf(before));
  EXPECT_THAT(verify_segments(files_, kLog, list).faults, IsEmpty());
}

TEST_F(LogRewriting, WhatTheDiskDoesNotGiveIsLeftAndTheOthersGoOn) {
  for (const bool is_seen_early : {true, false}) {
    wipe();
    open();
    fill(4);
    const auto list = log_->synced_segments();
    SegmentRewriter rewriter(files_, kLog, *log_);
    if (is_seen_early) {
      files_.make_unreadable(path_of(list.at(1)));
    } else {
      const auto plan = rewriter.plan({});
      ASSERT_TRUE(plan && *plan);
      EXPECT_THAT((*plan)->segments, SizeIs(4));
      files_.make_unreadable(path_of(list.at(1)));
      LogRepacker repacker;
      const auto run = rewriter.run(**plan, repacker, {});
      ASSERT_TRUE(run) << run.error().message;
      EXPECT_FALSE(*run);
    }
    for (const std::size_t segments : {1u, 2u}) {
      const auto plan = rewriter.plan({});
      ASSERT_TRUE(plan && *plan);
      EXPECT_THAT((*plan)->segments, SizeIs(segments));
      LogRepacker repacker;
      EXPECT_TRUE(rewriter.run(**plan, repacker, {}).value_or(false));
    }
    EXPECT_FALSE(*rewriter.plan({}));
  }
}

TEST_F(LogRewriting, WhatDoesNotComeOutTheSameIsFoundByTryingEachAlone) {
  open();
  fill(4);
  const auto before = entries();
  const std::uint64_t doubted = log_->synced_segments().at(2).base_offset;
  SegmentRewriter rewriter(files_, kLog, *log_);
  std::vector<bool> done;
  while (done.size() < 9) {
    const auto plan = rewriter.plan({});
    ASSERT_TRUE(plan);
    if (!*plan) break;
    DoubtfulRepacker repacker(doubted);
    const auto run = rewriter.run(**plan, repacker, {});
    ASSERT_TRUE(run);
    done.push_back(*run);
  }
  EXPECT_THAT(done, testing::ElementsAre(false, true, true, false, true));
  EXPECT_EQ(log_->segments(), 5u);
  EXPECT_EQ(entries(), before);
}

TEST_F(LogRewriting, WhatCouldNotBeRemovedGoesBeforeWhatHoldsIt) {
  open({.retention_bytes = 1});
  fill(4);
  SegmentRewriter rewriter(files_, kLog, *log_);
  const auto plan = rewriter.plan({});
  ASSERT_TRUE(plan && *plan);
  LogRepacker repacker;
  fault::hook() = [](std::string_view point, std::string_view) {
    if (point == "rewrite-remove") throw std::runtime_error("injected");
  };
  EXPECT_FALSE(rewriter.run(**plan, repacker, {}));
  EXPECT_EQ(log_->segments(), 2u);
  EXPECT_THAT(file_names(), SizeIs(5)) << "the old ones are left over";
  const std::uint64_t last = log_->synced_segments().back().base_offset;
  EXPECT_FALSE(log_->retain(last, 0));
  EXPECT_EQ(log_->segments(), 2u);
  fault::hook() = nullptr;
  EXPECT_EQ(log_->retain(0, 0).value(), 0u);
  EXPECT_THAT(file_names(), SizeIs(2));
  EXPECT_EQ(log_->retain(last, 0).value(), 1u);
  open();
  EXPECT_EQ(log_->first_offset(), last);
}

TEST_F(LogRewriting, WhatOpeningCouldNotRemoveIsTriedAgain) {
  open();
  fill(4);
  files_.set_faults({.failed_removes = 100});
  SegmentRewriter rewriter(files_, kLog, *log_);
  const auto plan = rewriter.plan({});
  ASSERT_TRUE(plan && *plan);
  LogRepacker repacker;
  EXPECT_FALSE(rewriter.run(**plan, repacker, {}));
  open();
  EXPECT_THAT(file_names(), SizeIs(5));
  files_.set_faults({});
  EXPECT_EQ(log_->retain(0, 0).value(), 0u);
  EXPECT_THAT(file_names(), SizeIs(2));
}

TEST_F(LogRewriting, OneCoversNoMoreTimeThanRetentionByAgeCanDoWith) {
  constexpr std::int64_t kSpanMs = 10'000;
  open({.retention_ms = 16 * kSpanMs});
  for (int i = 0; i < 12; ++i) {
    fill(1);
    clock_.advance(4'000 * kNsPerMs);
    if (i % 3 == 0) rewrite();
  }
  rewrite();
  const auto segments = log_->synced_segments();
  EXPECT_LT(segments.size(), 10u);
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    EXPECT_LE(segments[i + 1].created_ns - segments[i].created_ns, kSpanMs * kNsPerMs);
  }
}

}  // namespace
}  // namespace slipstream
