// Blocks that can be read only after those before them: given with them, or lost with them.
#include <gmock/gmock.h>

#include "log/log_fixture.h"

namespace slipstream {
namespace {

using log_testing::LogTest;
using log_testing::Offsets;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::SizeIs;

using Range = std::pair<std::uint64_t, std::uint64_t>;

class LeanTest : public LogTest {
 protected:
  Result<void> append_leaning() {
    const std::uint64_t offset = log_->next_offset();
    const std::string bytes = payload(offset);
    return log_->append({.base_offset = offset, .count = kCount, .payload = bytes, .leans = true});
  }
  /// One that stands alone, and those that lean on it.
  void append_chain(int leaning) {
    ASSERT_TRUE(append());
    for (int i = 0; i < leaning; ++i) {
      ASSERT_TRUE(log_->may_lean());
      ASSERT_TRUE(append_leaning());
    }
    ASSERT_TRUE(log_->sync());
  }
  Offsets faults() {
    Offsets ranges;
    for (const LogFault& fault : verify_log(files_, kFolder).faults) {
      ranges.emplace_back(fault.from, fault.to);
    }
    return ranges;
  }
  /// Where the n-th leaning block begins, behind one that does not.
  static constexpr std::size_t leaning_at(std::size_t n) {
    return kFirstBlock + kBlockBytes + n * kShortBytes;
  }

  static constexpr std::size_t kShortBytes = kShortHeaderBytes + 100;
};

TEST_F(LeanTest, ASmallOneTakesAShortHeader) {
  open();
  append_chain(3);
  EXPECT_EQ(size(0), leaning_at(3));
  EXPECT_EQ(read(), blocks({0, 10, 20, 30}));
  EXPECT_THAT(lost(), IsEmpty());
  EXPECT_THAT(faults(), IsEmpty());
  open();
  EXPECT_EQ(log_->next_offset(), 40u);
  EXPECT_EQ(read(), blocks({0, 10, 20, 30}));
}

TEST_F(LeanTest, ALargeOneIsCompressedLikeAnyOther) {
  open();
  ASSERT_TRUE(append());
  const std::string large(70'000, 'x');
  ASSERT_TRUE(log_->append({.base_offset = 10, .count = 1'000, .payload = large, .leans = true}));
  ASSERT_TRUE(append_leaning());
  ASSERT_TRUE(log_->sync());
  EXPECT_LT(size(0), 1'000u);
  EXPECT_THAT(read(), SizeIs(3));
  files_.flip(path(0), kFirstBlock + 70);
  EXPECT_THAT(read(), IsEmpty());
  EXPECT_THAT(lost(), ElementsAre(Range(0, 1'020)));
}

TEST_F(LeanTest, AReaderBeginsWithWhatItsFirstBlockLeansOn) {
  open();
  append_chain(2);
  append_chain(3);
  EXPECT_EQ(read(50), blocks({30, 40, 50, 60}));
  EXPECT_THAT(lost(), IsEmpty());
  EXPECT_EQ(read(30), blocks({30, 40, 50, 60}));
  EXPECT_EQ(read(25), blocks({0, 10, 20, 30, 40, 50, 60}));
  EXPECT_EQ(read(69), blocks({30, 40, 50, 60}));
}

TEST_F(LeanTest, WhatLeansOnALostBlockIsLostWithItAndNothingElse) {
  for (const std::size_t place : {leaning_at(0), leaning_at(0) + 9, leaning_at(0) + 60}) {
    wipe();
    open();
    append_chain(2);
    append_chain(1);
    files_.flip(path(0), place);
    EXPECT_EQ(read(), blocks({0, 30, 40})) << place;
    EXPECT_THAT(lost(), ElementsAre(Range(10, 30)));
    // Whether the one before it is given as well tells nothing: it was not asked for.
    EXPECT_THAT(read(22), IsSupersetOf(blocks({30, 40}))) << place;
    EXPECT_THAT(lost(), ElementsAre(Range(22, 30)));
    EXPECT_THAT(faults(), ElementsAre(Range(10, 30)));
  }
  wipe();
  open();
  append_chain(2);
  append_chain(1);
  files_.flip(path(0), kFirstBlock + 9);
  EXPECT_EQ(read(), blocks({30, 40}));
  EXPECT_THAT(lost(), ElementsAre(Range(0, 30)));
  EXPECT_THAT(faults(), ElementsAre(Range(0, 30)));
}

TEST_F(LeanTest, DamageInTheLastChainIsToldWhenTheLogIsOpened) {
  open();
  append_chain(3);
  files_.flip(path(0), leaning_at(1) + 50);
  open();
  EXPECT_THAT(log_->lost(), SizeIs(1));
  EXPECT_EQ(log_->lost().at(0).from, 20u);
  EXPECT_EQ(log_->lost().at(0).to, 40u);
  EXPECT_EQ(log_->next_offset(), 40u);
  EXPECT_FALSE(log_->may_lean());
  append_synced(1);
  EXPECT_EQ(read(), blocks({0, 10, 40}));
}

TEST_F(LeanTest, CutWithinAShortHeaderOrItsPayloadIsAnUnfinishedWrite) {
  for (const std::size_t left : {std::size_t{1}, kShortHeaderBytes - 1, kShortHeaderBytes,
                                 kShortHeaderBytes + 5, kShortBytes - 1}) {
    wipe();
    open();
    append_chain(2);
    files_.set_content(path(0), files_.content(path(0)).substr(0, leaning_at(1) + left));
    open();
    EXPECT_THAT(log_->lost(), IsEmpty()) << left;
    append_synced(1);
    const std::uint64_t next = left < kShortHeaderBytes ? 20 : 30;
    EXPECT_EQ(read(), blocks({0, 10, next})) << left;
    EXPECT_THAT(lost(), IsEmpty()) << left;
  }
}

TEST_F(LeanTest, NothingLeansAcrossSegmentsFailuresOrRestarts) {
  open({.segment_bytes = 1'000});
  EXPECT_FALSE(log_->may_lean()) << "there is nothing before it";
  EXPECT_FALSE(append_leaning());
  append_chain(1);
  while (log_->may_lean()) ASSERT_TRUE(append_leaning());
  const std::uint64_t end = log_->next_offset();
  EXPECT_EQ(log_->segments(), 1u);
  append_synced(1);
  EXPECT_EQ(log_->segments(), 2u);
  EXPECT_TRUE(log_->may_lean());

  files_.set_faults({.failed_writes = 100});
  EXPECT_FALSE(append_leaning());
  files_.set_faults({});
  EXPECT_FALSE(log_->may_lean());
  EXPECT_FALSE(append_leaning());
  append_synced(1);
  EXPECT_TRUE(log_->may_lean());

  open();
  EXPECT_FALSE(log_->may_lean());
  EXPECT_FALSE(append_leaning());
  append_synced(1);
  EXPECT_EQ(read(end), blocks({end, end + 10, end + 20}));
}

TEST_F(LeanTest, ABlockThatWasRefusedIsNothingToLeanOn) {
  open();
  append_chain(0);
  EXPECT_FALSE(log_->append({.base_offset = 10, .count = 0, .payload = "x"}));
  EXPECT_FALSE(log_->may_lean());
  EXPECT_FALSE(append_leaning());
  append_synced(1);
  EXPECT_EQ(read(), blocks({0, 10}));
}

TEST_F(LeanTest, NothingLeansWithinABody) {
  open();
  append_chain(1);
  const auto body_block = [&](bool goes_on) {
    const std::string bytes = payload(log_->next_offset());
    return log_->append({.base_offset = log_->next_offset(),
                         .count = kCount,
                         .payload = bytes,
                         .goes_on = goes_on});
  };
  ASSERT_TRUE(body_block(true));
  EXPECT_FALSE(log_->may_lean());
  EXPECT_FALSE(append_leaning());
  EXPECT_EQ(log_->next_offset(), 20u);
  ASSERT_TRUE(body_block(true));
  ASSERT_TRUE(body_block(false));
  EXPECT_TRUE(log_->may_lean());
  EXPECT_FALSE(log_->append(
      {.base_offset = 40, .count = kCount, .payload = "x", .goes_on = true, .leans = true}));
  EXPECT_EQ(log_->next_offset(), 20u);
  ASSERT_TRUE(body_block(true));
  ASSERT_TRUE(body_block(false));
  ASSERT_TRUE(append_leaning());
  ASSERT_TRUE(log_->sync());
  EXPECT_EQ(read(), blocks({0, 10, 20, 30, 40}));
}

TEST_F(LeanTest, OneThatMayNotLeanIsAnErrorThatCutsBack) {
  open();
  append_chain(1);
  ASSERT_TRUE(append());
  EXPECT_FALSE(log_->append({.base_offset = 30, .count = 0, .payload = "x"}));
  EXPECT_EQ(log_->next_offset(), 30u);
  EXPECT_FALSE(append_leaning());
  EXPECT_EQ(log_->next_offset(), 20u);
  append_synced(1);
  EXPECT_EQ(read(), blocks({0, 10, 20}));
}

/// No reader goes back to it again and again.
TEST_F(LeanTest, ABlockThatCoversNoOffsetIsADamagedOne) {
  for (const std::uint64_t base : {std::uint64_t{0}, ~std::uint64_t{0} - 4}) {
    wipe();
    open();
    append_synced(1);
    std::string bytes = files_.content(path(0)).substr(0, kFirstBlock);
    BlockEncoder encoder;
    const auto add = [&](const LogBlock& block) {
      bytes += encoder.encode(block, {.segment_base = 0, .position = bytes.size()});
    };
    add({.base_offset = base, .count = base == 0 ? 0u : 5u, .payload = "x"});
    add({.base_offset = 0, .count = 10, .payload = "y", .leans = true});
    add({.base_offset = 10, .count = 10, .payload = "z"});
    log_.reset();
    files_.set_content(path(0), bytes);
    open();
    for (const std::uint64_t from : {0u, 5u, 10u}) {
      EXPECT_THAT(read(from), SizeIs(1)) << base;
      EXPECT_EQ(lost(), (from < 10 ? Offsets{{from, 10}} : Offsets{})) << base;
    }
    EXPECT_FALSE(verify_log(files_, kFolder).whole());
  }
}

}  // namespace
}  // namespace slipstream
