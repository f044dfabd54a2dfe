// Bodies of several blocks: whole or not there at all.
#include <gmock/gmock.h>

#include "log/log_fixture.h"

namespace slipstream {
namespace {

using log_testing::LogTest;
using log_testing::Offsets;
using testing::ElementsAre;
using testing::Eq;
using testing::IsEmpty;
using testing::SizeIs;

class BodyTest : public LogTest {
 protected:
  Result<void> append_block(bool goes_on) {
    const std::uint64_t offset = log_->next_offset();
    const std::string bytes = payload(offset);
    return log_->append(
        {.base_offset = offset, .count = kCount, .payload = bytes, .goes_on = goes_on});
  }
  void append_body(int blocks) {
    for (int i = 0; i < blocks; ++i) ASSERT_TRUE(append_block(i + 1 < blocks));
  }
  void cut_to(std::size_t bytes) {
    files_.set_content(path(0), files_.content(path(0)).substr(0, bytes));
  }
  Offsets faults() {
    Offsets ranges;
    for (const LogFault& fault : verify_log(files_, kFolder).faults) {
      ranges.emplace_back(fault.from, fault.to);
    }
    return ranges;
  }
};

TEST_F(BodyTest, IsReadBlockByBlockLikeAnythingElse) {
  open();
  append_synced(1);
  append_body(3);
  append_synced(1);
  EXPECT_EQ(read(), blocks({0, 10, 20, 30, 40}));
  EXPECT_EQ(read(25), blocks({20, 30, 40})) << "from within it";
  open();
  EXPECT_EQ(read(), blocks({0, 10, 20, 30, 40}));
  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(BodyTest, IsDurableOnlyWithItsLastBlock) {
  open();
  append_synced(1);
  ASSERT_TRUE(append_block(true));
  ASSERT_TRUE(append_block(true));
  ASSERT_TRUE(log_->sync());
  EXPECT_EQ(log_->synced_offset(), 10u);
  EXPECT_EQ(read(), blocks({0}));
  ASSERT_TRUE(append_block(false));
  ASSERT_TRUE(log_->sync());
  EXPECT_EQ(log_->synced_offset(), 40u);
  EXPECT_EQ(read(), blocks({0, 10, 20, 30}));
}

TEST_F(BodyTest, CutAtItsEndItIsNotThereAndItsOffsetsAreNotUsedAgain) {
  for (const std::size_t left : {std::size_t{1}, kBlockBytes, kBlockBytes + 70, 2 * kBlockBytes,
                                 2 * kBlockBytes + 63, 3 * kBlockBytes - 1}) {
    wipe();
    open();
    append_synced(1);
    append_body(3);
    ASSERT_TRUE(log_->sync());
    log_.reset();
    cut_to(kFirstBlock + kBlockBytes + left);
    open();
    EXPECT_THAT(log_->lost(), IsEmpty()) << left;
    EXPECT_EQ(read(), blocks({0})) << left;
    const std::uint64_t next = log_->next_offset();
    append_body(2);
    ASSERT_TRUE(log_->sync());
    EXPECT_EQ(read(), blocks({0, next, next + 10})) << left;
    EXPECT_THAT(lost(), IsEmpty()) << left;
    open();
    EXPECT_EQ(read(), blocks({0, next, next + 10})) << left;
    EXPECT_THAT(faults(), IsEmpty()) << left;
    // Less than a header tells of no offsets.
    if (left > sizeof(BlockHeader)) {
      EXPECT_GT(next, 10u) << left;
    }
  }
}

TEST_F(BodyTest, ZerosBehindItsFirstBlockAreAnUnfinishedWrite) {
  open();
  append_synced(1);
  append_body(3);
  ASSERT_TRUE(log_->sync());
  log_.reset();
  const std::size_t kept = kFirstBlock + 2 * kBlockBytes;
  std::string bytes = files_.content(path(0));
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(kept), bytes.end(), '\0');
  files_.set_content(path(0), bytes);
  open();
  EXPECT_THAT(log_->lost(), IsEmpty());
  EXPECT_EQ(read(), blocks({0}));
}

TEST_F(BodyTest, WhereOneBlockIsDamagedAllOfItIsLostAndNothingElse) {
  for (std::size_t damaged = 0; damaged < 3; ++damaged) {
    for (const std::size_t at : {std::size_t{8}, sizeof(BlockHeader) + 20}) {  // header, payload
      wipe();
      open();
      append_synced(1);
      append_body(3);
      append_synced(2);
      files_.flip(path(0), kFirstBlock + (1 + damaged) * kBlockBytes + at);
      EXPECT_EQ(read(), blocks({0, 40, 50})) << damaged << " at " << at;
      std::uint64_t expected = 10;
      for (const auto& [from, to] : lost()) {
        EXPECT_EQ(from, expected);
        expected = to;
      }
      EXPECT_EQ(expected, 40u);
      expected = 10;
      for (const auto& [from, to] : faults()) {
        EXPECT_EQ(from, expected);
        expected = to;
      }
      EXPECT_EQ(expected, 40u);
      open();
      EXPECT_EQ(read(), blocks({0, 40, 50})) << damaged << " at " << at;
    }
  }
}

TEST_F(BodyTest, DamagedAtTheEndOfTheLogItIsLostAsAWhole) {
  open();
  append_synced(1);
  append_body(3);
  ASSERT_TRUE(log_->sync());
  log_.reset();
  files_.flip(path(0), kFirstBlock + 3 * kBlockBytes + sizeof(BlockHeader) + 20);
  open();
  ASSERT_THAT(log_->lost(), SizeIs(1));
  EXPECT_EQ(log_->lost().front().from, 10u);
  EXPECT_EQ(log_->lost().front().to, 40u);
  EXPECT_EQ(log_->next_offset(), 40u);
  append_synced(1);
  EXPECT_EQ(read(), blocks({0, 40}));
  EXPECT_THAT(lost(), ElementsAre(std::pair(10, 40)));
}

TEST_F(BodyTest, StandsInOneSegment) {
  open({.segment_bytes = 2 * kBlockBytes});
  append_synced(1);
  append_body(4);
  ASSERT_TRUE(log_->sync());
  EXPECT_EQ(log_->segments(), 1u);
  append_synced(1);
  EXPECT_EQ(log_->segments(), 2u);
  EXPECT_EQ(read(), blocks({0, 10, 20, 30, 40, 50}));
}

TEST_F(BodyTest, ABlockThatIsRefusedTakesItsBodyWithIt) {
  open();
  append_synced(1);
  ASSERT_TRUE(append_block(true));
  const std::string large(kMaxPayloadBytes + 1, 'x');
  const auto refused = log_->append({.base_offset = 20, .count = kCount, .payload = large});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
  EXPECT_EQ(log_->next_offset(), 10u);
  append_synced(1);
  EXPECT_EQ(read(), blocks({0, 10}));
}

TEST_F(BodyTest, AWriteThatFailsWithinItTakesAllOfIt) {
  open();
  append_synced(1);
  ASSERT_TRUE(append_block(true));
  files_.set_faults({.failed_writes = 100});
  EXPECT_FALSE(append_block(true));
  files_.set_faults({});
  EXPECT_EQ(log_->next_offset(), 10u);
  append_body(2);
  ASSERT_TRUE(log_->sync());
  EXPECT_EQ(read(), blocks({0, 10, 20}));
}

// 0.1 must not be given blocks that it would read one by one.
TEST_F(BodyTest, ASegmentOfTheVersionBeforeIsReadAndNotWrittenTo) {
  open();
  append_synced(2);
  log_.reset();
  std::string bytes = files_.content(path(0));
  bytes.replace(0, sizeof(SegmentHeader), encode_segment_header({.version = 1}));
  files_.set_content(path(0), bytes);
  open();
  EXPECT_THAT(log_->findings(), IsEmpty());
  append_body(2);
  ASSERT_TRUE(log_->sync());
  EXPECT_EQ(size(0), bytes.size());
  EXPECT_EQ(log_->segments(), 2u);
  EXPECT_EQ(read(), blocks({0, 10, 20, 30}));
  EXPECT_THAT(lost(), IsEmpty());
  EXPECT_THAT(faults(), IsEmpty());
}

}  // namespace
}  // namespace slipstream
