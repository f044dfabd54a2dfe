// Rewriting of the log: the same entries at the same offsets, whatever happens in between, and for
// whoever reads meanwhile.
#include "pipeline/log_repacker.h"

#include <fstream>
#include <iterator>

#include "pipeline/log_rewriting_fixture.h"

namespace slipstream {
namespace {

using rewriting_testing::FaultAt;
using rewriting_testing::Killed;
using rewriting_testing::kLog;
using rewriting_testing::LogRewriting;
using testing::Contains;
using testing::Each;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

/// The steps of a rewriting, in their order.
constexpr const char* kSteps[] = {"rewrite-create", "rewrite-write", "rewrite-sync",
                                  "rewrite-check",  "rewrite-name",  "rewrite-sync-folder",
                                  "rewrite-remove", "rewrite-done"};

TEST_F(LogRewriting, SmallBlocksBecomeLargeOnesOfTheSameEntries) {
  open();
  fill(5);
  const auto before = entries();
  const std::uint64_t bytes = log_->bytes();
  const std::uint64_t end = log_->next_offset();
  EXPECT_EQ(rewrite(), 1u);
  EXPECT_EQ(log_->segments(), 2u) << "the last one is being written";
  EXPECT_LT(log_->bytes(), bytes);
  EXPECT_EQ(entries(), before);
  EXPECT_EQ(rewrite(), 0u);
  const LogReport report = verified();
  EXPECT_TRUE(report.whole());
  EXPECT_THAT(report.segments, SizeIs(2));
  EXPECT_EQ(report.segments.front().blocks, 5u) << "a block reaches over no border of old ones";
  open();
  EXPECT_EQ(log_->next_offset(), end);
  EXPECT_THAT(log_->findings(), IsEmpty());
  EXPECT_EQ(entries(), before);
}

TEST_F(LogRewriting, TheLogGoesOnBehindIt) {
  open();
  fill(3);
  rewrite();
  fill(2);
  const auto before = entries();
  EXPECT_EQ(rewrite(), 1u);
  EXPECT_EQ(entries(), before);
  for (std::uint64_t from = 0; from < log_->next_offset(); from += 7) {
    auto reader = log_->read_from(from);
    const auto found = rest_of(**reader);
    EXPECT_THAT(before, testing::IsSupersetOf(found));
    EXPECT_THAT(found, Contains(before.back()));
  }
}

TEST_F(LogRewriting, AReaderThatWasThereBeforeReadsOn) {
  for (const int blocks_read : {0, 1, 13, 20, 30}) {
    open();
    fill(4);
    const auto before = entries();
    auto reader = log_->read_from(0);
    const auto old_list = log_->synced_segments();
    std::vector<std::string> found;
    PointLogDecoder decoder(schema_.fields(), pool_);
    for (int i = 0; i < blocks_read; ++i) take(**(*reader)->next(), decoder, found);
    EXPECT_GE(rewrite(), 1u);
    // With the decoder that it began with: within a chain it needs what came before.
    while (true) {
      const auto block = (*reader)->next();
      ASSERT_TRUE(block) << block.error().message;
      if (!*block) break;
      take(**block, decoder, found);
    }
    EXPECT_THAT((*reader)->lost(), IsEmpty());
    EXPECT_EQ(found, before) << blocks_read;
    const LogReport report = verify_segments(files_, kLog, old_list);
    EXPECT_THAT(report.faults, IsEmpty());
  }
}

TEST_F(LogRewriting, SegmentsOfALikeSizeBecomeOne) {
  open({.segment_bytes = 1 << 20});
  std::size_t most = 0;
  for (int i = 0; i < 12; ++i) {
    fill(1);
    rewrite();
    most = std::max(most, log_->segments());
  }
  EXPECT_LE(most, 2 * SegmentRewriter::kMerged);
  const auto before = entries();
  open();
  EXPECT_EQ(entries(), before);
  EXPECT_TRUE(verified().whole());
}

TEST_F(LogRewriting, BodiesAndLargeBlocksStayAsTheyAre) {
  open();
  fill(1);
  append(some_rows(300), true);
  append(some_rows(2), true);
  append(some_rows(300));
  append(some_rows(LogRepacker::kLargeBlock));
  fill(2);
  const auto before = entries();
  EXPECT_GE(rewrite(), 1u);
  EXPECT_EQ(entries(), before);
  EXPECT_TRUE(verified().whole());
}

TEST_F(LogRewriting, WhatIsDamagedStaysAsItIs) {
  open();
  fill(4);
  const std::string name = log_->synced_segments().at(1).name;
  files_.flip(std::string(kLog) + "/" + name, 200);
  const std::string damaged = files_.content(std::string(kLog) + "/" + name);
  SegmentRewriter rewriter(files_, kLog, *log_);
  const auto plan = rewriter.plan({});
  ASSERT_TRUE(plan && *plan);
  LogRepacker first;
  const auto run = rewriter.run(**plan, first, {});
  ASSERT_TRUE(run);
  EXPECT_FALSE(*run);
  // Those beside it are rewritten without it.
  for (int i = 0; i < 2; ++i) {
    const auto next = rewriter.plan({});
    ASSERT_TRUE(next && *next) << i;
    LogRepacker repacker;
    EXPECT_TRUE(rewriter.run(**next, repacker, {}).value_or(false));
  }
  EXPECT_FALSE(*rewriter.plan({})) << "it is not tried again";
  EXPECT_EQ(files_.content(std::string(kLog) + "/" + name), damaged);
  EXPECT_EQ(log_->segments(), 4u);
  EXPECT_THAT(file_names(), Each(Not(EndsWith(kRewriteSuffix))));
}

TEST_F(LogRewriting, NothingIsRewrittenWhileTheDiskIsNearlyFull) {
  open();
  fill(3);
  files_.set_faults({.disk_bytes = SegmentRewriter::kRoomBytes});
  EXPECT_EQ(rewrite(), 0u);
  files_.set_faults({});
  EXPECT_EQ(rewrite(), 1u);
}

TEST_F(LogRewriting, RetentionRemovesARewrittenSegmentWhole) {
  open({.retention_bytes = 1});
  fill(3);
  rewrite();
  const std::uint64_t last = log_->synced_segments().back().base_offset;
  EXPECT_EQ(log_->retain(last - 1, 0).value(), 0u) << "its last entry is needed";
  EXPECT_EQ(log_->retain(last, 0).value(), 1u);
  EXPECT_EQ(log_->first_offset(), last);
}

TEST_F(LogRewriting, WhatRetentionRemovesMeanwhileIsNotPutBack) {
  open({.retention_bytes = 1});
  fill(3);
  SegmentRewriter rewriter(files_, kLog, *log_);
  const auto plan = rewriter.plan({});
  ASSERT_TRUE(plan && *plan);
  log_->retain((*plan)->segments.at(1).base_offset, 0).value();
  EXPECT_EQ(log_->segments(), 3u);
  LogRepacker repacker;
  [[maybe_unused]] const auto run = rewriter.run(**plan, repacker, {});
  EXPECT_EQ(log_->segments(), 3u);
  EXPECT_EQ(log_->first_offset(), (*plan)->segments.at(1).base_offset);
}

TEST_F(LogRewriting, OffsetsOfARewrittenSegmentAreNotUsedAgainThoughItsEndIsLost) {
  open();
  fill(3);
  rewrite();
  const auto segments = log_->synced_segments();
  log_.reset();
  files_.delete_for_good(std::string(kLog) + "/" + segments.at(1).name);
  const std::string rewritten = std::string(kLog) + "/" + segments.at(0).name;
  files_.set_content(rewritten, files_.content(rewritten).substr(0, 1'000));
  open();
  EXPECT_GE(log_->next_offset(), segments.at(1).base_offset);
  EXPECT_THAT(log_->lost(), Not(IsEmpty()));
  append(some_rows(3));
  ASSERT_TRUE(log_->sync());
  open();
  EXPECT_EQ(log_->segments(), 2u) << "the new one is none that was rewritten";
}

TEST_F(LogRewriting, AnErrorAtAnyStepChangesNothingAndItIsTriedAgain) {
  for (const char* const step : kSteps) {
    open();
    fill(4);
    const auto before = entries();
    {
      const FaultAt fault(step, 0, std::runtime_error("injected"));
      SegmentRewriter rewriter(files_, kLog, *log_);
      const auto plan = rewriter.plan({});
      ASSERT_TRUE(plan && *plan) << step;
      LogRepacker repacker;
      EXPECT_FALSE(rewriter.run(**plan, repacker, {})) << step;
    }
    EXPECT_EQ(entries(), before) << step;
    EXPECT_THAT(file_names(), Each(Not(EndsWith(kRewriteSuffix)))) << step;
    fill(2);
    const auto after = entries();
    EXPECT_GE(rewrite(), 1u) << step;
    EXPECT_EQ(entries(), after) << step;
    open();
    EXPECT_EQ(entries(), after) << step;
    EXPECT_TRUE(verified().whole()) << step;
  }
}

/// As the version before chains wrote it, cut behind a block.
TEST_F(LogRewriting, ASegmentOfVersion2IsReadAndRewritten) {
  std::ifstream in(SLIPSTREAM_SOURCE_DIR "/tests/data/log-2/00000000000000000000.slog",
                   std::ios::binary);
  const std::string old{std::istreambuf_iterator<char>(in), {}};
  ASSERT_EQ(old.substr(0, 9), std::string("SLIPLOG1\x02"));
  files_.set_content(std::string(kLog) + "/" + segment_name(0), old);
  open();
  EXPECT_THAT(log_->findings(), IsEmpty());
  EXPECT_EQ(log_->next_offset(), 704u);
  const auto before = entries();
  EXPECT_THAT(before, SizeIs(704));
  EXPECT_THAT(before, Contains(HasSubstr("GR86-001-01 of barber")));
  append(some_rows(3));
  ASSERT_TRUE(log_->sync());
  EXPECT_EQ(log_->segments(), 2u) << "the log goes on in one of this version";
  auto after = entries();
  EXPECT_EQ(rewrite(), 1u);
  EXPECT_EQ(entries(), after);
  EXPECT_TRUE(verified().whole());
  EXPECT_LT(files_.content(std::string(kLog) + "/" + segment_name(0)).size(), old.size() / 3);
}

class RewritingKilled : public LogRewriting, public testing::WithParamInterface<const char*> {};

/// Killed, or the power goes, at each step: the log has what it had.
TEST_P(RewritingKilled, TheLogHasWhatItHad) {
  for (unsigned seed = 0; seed < 24; ++seed) {
    const bool is_power_cut = seed % 3 != 0;
    open();
    fill(4);
    const auto before = entries();
    const std::uint64_t end = log_->next_offset();
    {
      const FaultAt fault(GetParam(), seed % 4 == 3 ? 1 : 0, Killed{});
      try {
        rewrite();
      } catch (const Killed&) {
      }
    }
    log_.reset();
    if (is_power_cut) files_.crash();
    open();
    ASSERT_EQ(entries(), before) << seed;
    ASSERT_EQ(log_->next_offset(), end) << seed;
    EXPECT_THAT(log_->lost(), IsEmpty());
    EXPECT_THAT(file_names(), Each(Not(EndsWith(kRewriteSuffix))));
    EXPECT_EQ(file_names().size(), log_->segments()) << "what is left over is removed";
    ASSERT_TRUE(verified().whole()) << seed;
    rewrite();
    ASSERT_EQ(entries(), before) << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Steps, RewritingKilled, testing::ValuesIn(kSteps), [](const auto& step) {
  std::string name = step.param;
  std::erase(name, '-');
  return name;
});

}  // namespace
}  // namespace slipstream
