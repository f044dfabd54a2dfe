// What a damaged, cut or missing file costs: exactly what was in the damaged place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log/log_fixture.h"

namespace slipstream {
namespace {

using log_testing::LogTest;
using log_testing::Offsets;
using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class LogDamageTest : public LogTest {
 protected:
  std::vector<LogFault> faults() { return verify_log(files_, kFolder).faults; }
  static auto fault(LogFaultKind kind, std::uint64_t base_offset, std::uint64_t position,
                    std::uint64_t from, std::uint64_t to) {
    return AllOf(Field(&LogFault::kind, kind), Field(&LogFault::file, segment_name(base_offset)),
                 Field(&LogFault::position, position), Field(&LogFault::from, from),
                 Field(&LogFault::to, to));
  }
};

constexpr std::uint64_t kTwoBlocks = 300;

TEST_F(LogDamageTest, AnyFlippedByteOfABlockCostsThatBlockAndNoOther) {
  open();
  append_synced(5);
  const std::string whole = files_.content(path(0));
  const std::size_t at = kFirstBlock + 2 * kBlockBytes;
  for (std::size_t i = 0; i < kBlockBytes; ++i) {
    SCOPED_TRACE(i);
    files_.set_content(path(0), whole);
    files_.flip(path(0), at + i);
    ASSERT_EQ(read(), blocks({0, 10, 30, 40}));
    ASSERT_EQ(lost(), (Offsets{{20, 30}}));
    ASSERT_EQ(lost_[0].file, segment_name(0));
    ASSERT_THAT(faults(), ElementsAre(fault(LogFaultKind::kDamagedBlock, 0, at, 20, 30)));
  }
}

TEST_F(LogDamageTest, SeveralDamagedBlocksAreEachTold) {
  open();
  append_synced(5);
  files_.flip(path(0), kFirstBlock + 1 * kBlockBytes + 70);
  files_.flip(path(0), kFirstBlock + 3 * kBlockBytes + 70);
  EXPECT_EQ(read(), blocks({0, 20, 40}));
  EXPECT_EQ(lost(), (Offsets{{10, 20}, {30, 40}}));
}

TEST_F(LogDamageTest, ATornTailIsCutOffAtEveryByteOfTheLastBlock) {
  open();
  append_synced(3);
  const std::string whole = files_.content(path(0));
  const std::size_t at = kFirstBlock + 2 * kBlockBytes;
  for (std::size_t i = 0; i < kBlockBytes; ++i) {
    SCOPED_TRACE(i);
    wipe();
    files_.set_content(path(0), whole.substr(0, at + i));
    open();
    // Where its header tells that the block had offsets, they are not used again.
    const bool header_whole = i >= sizeof(BlockHeader);
    ASSERT_EQ(log_->next_offset(), header_whole ? 30u : 20u);
    ASSERT_THAT(log_->findings(), SizeIs(i == 0 ? 0 : 1));
    ASSERT_THAT(log_->lost(), IsEmpty());
    ASSERT_EQ(size(0), at);
    append_synced(1);
    ASSERT_EQ(read(), blocks({0, 10, header_whole ? 30u : 20u}));
    ASSERT_THAT(lost_, IsEmpty());
    ASSERT_THAT(faults(), IsEmpty());
    open();
    ASSERT_THAT(log_->findings(), IsEmpty());
  }
}

TEST_F(LogDamageTest, ACutTailThatIsKnownToHaveBeenDurableIsLostForEveryReader) {
  open();
  append_synced(3);
  const std::string whole = files_.content(path(0));
  const std::size_t at = kFirstBlock + 2 * kBlockBytes;
  for (const std::uint64_t reached : {21u, 30u}) {
    for (std::size_t i = 0; i < kBlockBytes; ++i) {
      SCOPED_TRACE(testing::Message() << i << " bytes of it, durable up to " << reached);
      wipe();
      files_.set_content(path(0), whole.substr(0, at + i));
      // Of the block's header no more than the checkpoint is known to be lost.
      const std::uint64_t to = i >= sizeof(BlockHeader) ? 30 : reached;
      open({.at_least_offset = reached});
      ASSERT_THAT(log_->lost(),
                  ElementsAre(AllOf(Field(&LostRange::from, 20u), Field(&LostRange::to, to))));
      ASSERT_EQ(log_->next_offset(), to);
      for (int reader = 0; reader < 2; ++reader) {
        append_synced(1);
        ASSERT_THAT(read(), SizeIs(3 + reader));
        ASSERT_EQ(lost(), (Offsets{{20, to}}));
        ASSERT_THAT(faults(),
                    ElementsAre(AllOf(Field(&LogFault::kind, LogFaultKind::kTruncatedFile),
                                      Field(&LogFault::from, 20u), Field(&LogFault::to, to))));
        open({.at_least_offset = reached});
        ASSERT_THAT(log_->lost(), IsEmpty());
      }
    }
  }
}

TEST_F(LogDamageTest, ALastFileCutToNothingIsLostForEveryReader) {
  open({.segment_bytes = kTwoBlocks});
  append_synced(4);
  files_.set_content(path(20), "");
  for (int life = 0; life < 2; ++life) {
    open({.segment_bytes = kTwoBlocks, .at_least_offset = 40});
    EXPECT_THAT(log_->lost(), SizeIs(life == 0 ? 1 : 0));
    append_synced(1);
    EXPECT_THAT(read(), SizeIs(3 + life));
    EXPECT_EQ(lost(), (Offsets{{20, 40}}));
    EXPECT_THAT(faults(), ElementsAre(fault(LogFaultKind::kTruncatedFile, 20, 0, 20, 40)));
  }
}

TEST_F(LogDamageTest, ADamagedLastHeaderIsLostForEveryReaderWhereItsOffsetsAreKnown) {
  open();
  append_synced(2);
  files_.flip(path(0), kFirstBlock + kBlockBytes + 10);
  open({.at_least_offset = 20});
  append_synced(1);
  EXPECT_EQ(read(), blocks({0, 20}));
  EXPECT_EQ(lost(), (Offsets{{10, 20}}));
  EXPECT_THAT(faults(), ElementsAre(fault(LogFaultKind::kDamagedBlock, 0, kFirstBlock + kBlockBytes,
                                          10, 20)));
}

TEST_F(LogDamageTest, ATailOfZerosIsCutOff) {
  open();
  append_synced(1);
  files_.set_content(path(0), files_.content(path(0)) + std::string(5000, '\0'));
  open();
  EXPECT_EQ(log_->next_offset(), 10u);
  EXPECT_THAT(log_->findings(), ElementsAre(HasSubstr("cut 5000 bytes")));
  EXPECT_EQ(size(0), kFirstBlock + kBlockBytes);
  append_synced(1);
  EXPECT_EQ(log_->segments(), 1u);
}

TEST_F(LogDamageTest, AnyFlippedByteOfTheLastPayloadLeavesTheEvidenceAndReusesNoOffset) {
  open();
  append_synced(3);
  const std::string whole = files_.content(path(0));
  for (std::size_t i = sizeof(BlockHeader); i < kBlockBytes; ++i) {
    SCOPED_TRACE(i);
    wipe();
    files_.set_content(path(0), whole);
    files_.flip(path(0), kFirstBlock + 2 * kBlockBytes + i);
    open();
    ASSERT_EQ(log_->next_offset(), 30u);
    ASSERT_THAT(log_->lost(), SizeIs(1));
    ASSERT_EQ(log_->lost()[0].from, 20u);
    ASSERT_EQ(log_->lost()[0].to, 30u);
    append_synced(1);
    ASSERT_EQ(read(), blocks({0, 10, 30}));
    ASSERT_EQ(lost(), (Offsets{{20, 30}}));
    ASSERT_EQ(size(0), whole.size());
  }
}

TEST_F(LogDamageTest, ADamagedLastHeaderLeavesTheEvidenceToo) {
  open();
  append_synced(2);
  const std::size_t bytes = size(0);
  files_.flip(path(0), kFirstBlock + kBlockBytes + 10);
  open();
  EXPECT_THAT(log_->findings(), ElementsAre(HasSubstr("the last 164 bytes cannot be read")));
  EXPECT_EQ(log_->next_offset(), 10u) << "what the header said is not known";
  append_synced(1);
  EXPECT_EQ(read(), blocks({0, 10}));
  EXPECT_EQ(size(0), bytes);
}

TEST_F(LogDamageTest, ASegmentOfWhichNothingCanBeReadIsSetAside) {
  open();
  append_synced(1);
  const std::size_t bytes = size(0);
  files_.flip(path(0), kFirstBlock);
  open();
  append_synced(1);
  EXPECT_EQ(files_.content(path(0).string() + ".damaged").size(), bytes);
  EXPECT_EQ(read(), blocks({0}));
  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(LogDamageTest, ABlockCopiedElsewhereIsNotTakenForOne) {
  open();
  append_synced(2);
  const std::string first = files_.content(path(0)).substr(kFirstBlock, kBlockBytes);
  ASSERT_TRUE(log_->append({.base_offset = 20, .count = 10, .payload = first + first + first}));
  append_synced(1);
  files_.flip(path(0), kFirstBlock + 2 * kBlockBytes + 8);
  EXPECT_EQ(read(), blocks({0, 10, 30}));
  EXPECT_EQ(lost(), (Offsets{{20, 30}}));
}

TEST_F(LogDamageTest, ABlockIsFoundAgainBehindMegabytesOfDamage) {
  open();
  append_synced(1);
  const std::string huge = payload(10, 5'000'000);
  ASSERT_TRUE(log_->append({.base_offset = 10, .count = 10, .payload = huge}));
  append_synced(2);
  files_.flip(path(0), kFirstBlock + kBlockBytes + 20);
  EXPECT_EQ(read(), blocks({0, 20, 30}));
  EXPECT_EQ(lost(), (Offsets{{10, 20}}));
}

TEST_F(LogDamageTest, AnyFlippedByteOfASegmentsHeaderCostsNothing) {
  open({.segment_bytes = kTwoBlocks});
  append_synced(6);
  for (std::size_t i = 0; i < sizeof(SegmentHeader); ++i) {
    SCOPED_TRACE(i);
    files_.flip(path(20), i);
    open({.segment_bytes = kTwoBlocks});
    ASSERT_EQ(read(), blocks({0, 10, 20, 30, 40, 50}));
    ASSERT_THAT(lost_, IsEmpty());
    ASSERT_THAT(faults(), ElementsAre(fault(LogFaultKind::kDamagedHeader, 20, 0, 20, 20)));
    files_.flip(path(20), i);
  }
}

TEST_F(LogDamageTest, AMissingSegmentIsTold) {
  open({.segment_bytes = kTwoBlocks});
  append_synced(6);
  log_.reset();
  ASSERT_TRUE(files_.remove(path(20)));
  EXPECT_THAT(faults(), ElementsAre(fault(LogFaultKind::kMissingSegment, 20, 0, 20, 40)));
  open({.segment_bytes = kTwoBlocks});
  EXPECT_EQ(read(), blocks({0, 10, 40, 50}));
  EXPECT_EQ(lost(), (Offsets{{20, 40}}));
  EXPECT_EQ(lost_[0].file, segment_name(20));
}

TEST_F(LogDamageTest, AFileCutAtAnyByteCostsWhatWasBehindIt) {
  open({.segment_bytes = kTwoBlocks});
  append_synced(6);
  const std::string whole = files_.content(path(20));
  for (std::size_t kept = 0; kept < whole.size(); ++kept) {
    SCOPED_TRACE(kept);
    files_.set_content(path(20), whole.substr(0, kept));
    const std::uint64_t from = kept < kFirstBlock + kBlockBytes ? 20 : 30;
    open({.segment_bytes = kTwoBlocks});
    ASSERT_EQ(read(), from == 20 ? blocks({0, 10, 40, 50}) : blocks({0, 10, 20, 40, 50}));
    ASSERT_EQ(lost(), (Offsets{{from, 40}}));
    ASSERT_EQ(lost_[0].file, segment_name(20));
    const auto found = faults();
    ASSERT_THAT(found, SizeIs(1));
    ASSERT_EQ(found[0].kind, LogFaultKind::kTruncatedFile);
    ASSERT_EQ(found[0].file, segment_name(20));
    ASSERT_EQ(found[0].from, from);
    ASSERT_EQ(found[0].to, 40u);
  }
}

TEST_F(LogDamageTest, ASegmentOfAnotherVersionIsSkippedAndToldButNotWrittenAfter) {
  open({.segment_bytes = kTwoBlocks});
  append_synced(6);
  log_.reset();
  const auto make_newer = [&](std::uint64_t base_offset, std::uint64_t previous) {
    files_.set_content(path(base_offset), encode_segment_header({.version = kSegmentVersion + 1,
                                                                 .base_offset = base_offset,
                                                                 .resumes_from = base_offset,
                                                                 .previous_base = previous}) +
                                              "who knows");
  };
  make_newer(20, 0);
  EXPECT_THAT(faults(), ElementsAre(fault(LogFaultKind::kUnknownVersion, 20, 0, 20, 40)));
  open({.segment_bytes = kTwoBlocks});
  EXPECT_EQ(read(), blocks({0, 10, 40, 50}));
  EXPECT_EQ(lost(), (Offsets{{20, 40}}));
  EXPECT_THAT(lost_[0].why, HasSubstr("version 4"));
  log_.reset();
  make_newer(40, 20);
  const auto refused = SegmentLog::open(files_, kFolder);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("another version"));
}

TEST_F(LogDamageTest, VerifyDescribesEverySegment) {
  open({.segment_bytes = kTwoBlocks});
  append_synced(3);
  const LogReport report = verify_log(files_, kFolder);
  EXPECT_TRUE(report.whole());
  ASSERT_THAT(report.segments, SizeIs(2));
  const SegmentReport& first = report.segments[0];
  EXPECT_EQ(first.file, segment_name(0));
  EXPECT_EQ(first.base_offset, 0u);
  EXPECT_EQ(first.end_offset, 20u);
  EXPECT_EQ(first.blocks, 2u);
  EXPECT_EQ(first.bytes, kFirstBlock + 2 * kBlockBytes);
  EXPECT_EQ(first.raw_bytes, 200u);
  EXPECT_EQ(first.min_time_ns, 0);
  EXPECT_EQ(first.max_time_ns, 15);
  EXPECT_EQ(report.segments[1].end_offset, 30u);
}

TEST_F(LogDamageTest, VerifyOfSegmentsGoesNoFurtherThanTheyWere) {
  open({.segment_bytes = kTwoBlocks});
  append_synced(3);
  ASSERT_TRUE(append());
  const auto before = log_->synced_segments();
  append_synced(3);
  files_.flip(path(0), kFirstBlock + 70);
  files_.flip(path(20), kFirstBlock + kBlockBytes + 70);  // not synced at that time
  files_.flip(path(40), kFirstBlock + 70);
  const LogReport report = verify_segments(files_, kFolder, before, {.checksums_only = true});
  EXPECT_THAT(report.faults,
              ElementsAre(fault(LogFaultKind::kDamagedBlock, 0, kFirstBlock, 0, 10)));
  EXPECT_EQ(report.segments.back().end_offset, 30u);
}

TEST_F(LogDamageTest, VerifyThatIsStoppedTellsWhatItFoundTillThen) {
  open({.segment_bytes = kTwoBlocks});
  append_synced(6);
  files_.flip(path(0), kFirstBlock + 70);
  files_.flip(path(40), kFirstBlock + 70);
  int reads = 0;
  std::vector<LogFault> found;
  verify_log(files_, kFolder,
             {.found = [&](const LogFault& fault) { found.push_back(fault); },
              .may_read = [&](std::size_t) { return ++reads < 3; }});
  EXPECT_THAT(found, ElementsAre(fault(LogFaultKind::kDamagedBlock, 0, kFirstBlock, 0, 10)));
  EXPECT_EQ(reads, 3) << "and no more";
}

TEST_F(LogDamageTest, VerifyOfNoLogIsAFault) {
  const LogReport report = verify_log(posix_file_system(), "/nowhere/at/all");
  EXPECT_THAT(report.faults, ElementsAre(Field(&LogFault::kind, LogFaultKind::kUnreadable)));
}

}  // namespace
}  // namespace slipstream
