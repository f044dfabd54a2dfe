#include "log/segment_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <thread>

#include "log/log_fixture.h"

namespace slipstream {
namespace {

using log_testing::LogTest;
using log_testing::Offsets;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class SegmentLogTest : public LogTest {};

constexpr std::uint64_t kSmall = 300;  // a segment of two blocks

TEST_F(SegmentLogTest, GivesBackWhatWasAppended) {
  open();
  append_synced(3);
  const auto reader = log_->read_from(0);
  const auto first = (*reader)->next();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->min_time_ns, 0);
  EXPECT_EQ((*first)->max_time_ns, 5);
  EXPECT_EQ(read(), blocks({0, 10, 20}));
  EXPECT_THAT(lost_, IsEmpty());
}

TEST_F(SegmentLogTest, StoresCompressedWhatShrinksAndTheRestAsItIs) {
  open();
  const std::string zeros(100'000, '\0');
  ASSERT_TRUE(log_->append({.base_offset = 0, .count = 1, .payload = zeros}));
  ASSERT_TRUE(log_->append({.base_offset = 1, .count = 1, .payload = {}}));
  ASSERT_TRUE(log_->sync());
  EXPECT_LT(size(0), 1000u);
  const auto found = read();
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].payload, zeros);
  EXPECT_EQ(found[1].payload, "");
}

TEST_F(SegmentLogTest, RefusesABlockThatDoesNotFit) {
  open();
  append_synced(1);
  EXPECT_FALSE(log_->append({.base_offset = 11, .count = 1, .payload = {}}));
  EXPECT_FALSE(log_->append({.base_offset = 9, .count = 1, .payload = {}}));
  EXPECT_FALSE(log_->append({.base_offset = 10, .count = 0, .payload = {}}));
  const std::string huge(kMaxPayloadBytes + 1, 'x');
  EXPECT_FALSE(log_->append({.base_offset = 10, .count = 1, .payload = huge}));
  EXPECT_EQ(log_->next_offset(), 10u);
  EXPECT_TRUE(append());
}

TEST_F(SegmentLogTest, HoldsABlockOfTheLargestPayload) {
  open();
  std::string huge = payload(1, kMaxPayloadBytes);
  ASSERT_TRUE(log_->append({.base_offset = 0, .count = 1, .payload = huge}));
  append_synced(1);
  const auto found = read();
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_TRUE(found[0].payload == huge);
}

TEST_F(SegmentLogTest, ReadsFromTheBlockThatHoldsTheOffset) {
  open({.segment_bytes = kSmall});
  append_synced(5);
  EXPECT_EQ(read(0).size(), 5u);
  EXPECT_EQ(read(10), blocks({10, 20, 30, 40}));
  EXPECT_EQ(read(19), blocks({10, 20, 30, 40}));
  EXPECT_EQ(read(20), blocks({20, 30, 40}));
  EXPECT_EQ(read(49), blocks({40}));
  EXPECT_THAT(read(50), IsEmpty());
  EXPECT_THAT(read(1000), IsEmpty());
  EXPECT_THAT(lost_, IsEmpty());
}

TEST_F(SegmentLogTest, ReadsOnlyWhatWasSyncedWhenTheReaderWasMade) {
  open();
  append_synced(1);
  ASSERT_TRUE(append());
  const auto reader = log_->read_from(0);
  ASSERT_TRUE(log_->sync());
  ASSERT_TRUE((*reader)->next()->has_value());
  EXPECT_FALSE((*reader)->next()->has_value());
  EXPECT_THAT((*reader)->lost(), IsEmpty());
  EXPECT_EQ(read(), blocks({0, 10}));
}

TEST_F(SegmentLogTest, GoesOnWhereItEndedWhenOpenedAgain) {
  open();
  append_synced(2);
  open();
  EXPECT_THAT(log_->findings(), IsEmpty());
  EXPECT_EQ(log_->synced_offset(), 20u);
  append_synced(1);
  EXPECT_EQ(log_->segments(), 1u);
  EXPECT_EQ(read(), blocks({0, 10, 20}));
}

TEST_F(SegmentLogTest, IsOpenOnlyOnceAtATime) {
  open();
  const auto second = SegmentLog::open(files_, kFolder);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("in use"));
}

TEST_F(SegmentLogTest, BeginsANewSegmentWhenOneIsFull) {
  open({.segment_bytes = kSmall});
  append_synced(5);
  EXPECT_EQ(log_->segments(), 3u);
  EXPECT_EQ(size(20), kFirstBlock + 2 * kBlockBytes);
  EXPECT_EQ(log_->bytes(), 3 * kFirstBlock + 5 * kBlockBytes);
}

TEST_F(SegmentLogTest, BeginsANewSegmentWhenOneIsOldButNotWhileItIsEmpty) {
  open({.segment_age_ms = 1000});
  append_synced(1);
  clock_.advance(999 * kNsPerMs);
  append_synced(1);
  EXPECT_EQ(log_->segments(), 1u);
  clock_.advance(kNsPerMs);
  append_synced(1);
  EXPECT_EQ(log_->segments(), 2u);
  EXPECT_EQ(read(), blocks({0, 10, 20}));
}

TEST_F(SegmentLogTest, LosesNothingWhenTheDiskIsFullForAWhile) {
  open();
  append_synced(2);
  ASSERT_TRUE(append());
  files_.set_faults({.disk_bytes = size(0) + 30});
  EXPECT_FALSE(append());
  EXPECT_EQ(log_->next_offset(), 20u);
  EXPECT_EQ(log_->synced_offset(), 20u);
  EXPECT_EQ(size(0), kFirstBlock + 2 * kBlockBytes);
  files_.set_faults({.disk_bytes = size(0) + 10});
  EXPECT_FALSE(append());
  EXPECT_EQ(read(), blocks({0, 10}));
  files_.set_faults({});
  append_synced(3);
  EXPECT_EQ(read(), blocks({0, 10, 20, 30, 40}));
  open();
  EXPECT_EQ(read(), blocks({0, 10, 20, 30, 40}));
  EXPECT_THAT(lost_, IsEmpty());
  EXPECT_TRUE(verify_log(files_, kFolder).whole());
}

TEST_F(SegmentLogTest, TakesShortWritesForWhatTheyAre) {
  open();
  files_.set_faults({.short_writes = 100});
  append_synced(3);
  EXPECT_EQ(read(), blocks({0, 10, 20}));
}

TEST_F(SegmentLogTest, LeavesASegmentWhoseSyncFailedAndTakesTheBlocksAgain) {
  open();
  append_synced(1);
  ASSERT_TRUE(append());
  ASSERT_TRUE(append());
  files_.set_faults({.failed_syncs = 100, .failed_sync_loses_pages = true});
  EXPECT_FALSE(log_->sync());
  EXPECT_EQ(log_->next_offset(), 10u);
  files_.set_faults({});
  append_synced(2);
  EXPECT_EQ(log_->segments(), 2u);
  log_.reset();
  files_.crash();
  open();
  EXPECT_EQ(read(), blocks({0, 10, 20}));
  EXPECT_THAT(lost_, IsEmpty());
}

TEST_F(SegmentLogTest, ANewerSegmentMakesVoidWhatAnOlderOneHoldsFromItsBeginningOn) {
  open();
  append_synced(1);
  ASSERT_TRUE(append());
  files_.set_faults({.failed_syncs = 100, .failed_truncates = 100});
  EXPECT_FALSE(log_->sync());
  files_.set_faults({});
  EXPECT_EQ(size(0), kFirstBlock + 2 * kBlockBytes) << "the block at 10 is there twice from now on";
  const std::string other = "another body";
  ASSERT_TRUE(log_->append({.base_offset = 10, .count = 7, .payload = other}));
  ASSERT_TRUE(log_->sync());
  open();
  const auto found = read();
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[1], (log_testing::StoredBlock{10, 7, other}));
  EXPECT_THAT(lost_, IsEmpty());
  const LogReport report = verify_log(files_, kFolder);
  EXPECT_TRUE(report.whole());
  EXPECT_EQ(report.segments.at(0).void_bytes, kBlockBytes);
}

TEST_F(SegmentLogTest, WhatIsVoidStaysSoWhereTheNewerSegmentCannotBeMadeAnew) {
  open();
  append_synced(1);
  ASSERT_TRUE(append());
  files_.set_faults({.failed_syncs = 100, .failed_truncates = 100});
  EXPECT_FALSE(log_->sync());
  files_.set_faults({});
  append_synced(1);
  log_.reset();
  files_.set_content(path(10), "a power cut left this");
  files_.set_faults({.failed_creates = 100});
  open();
  EXPECT_EQ(log_->next_offset(), 10u);
  EXPECT_EQ(read(), blocks({0}));
  EXPECT_THAT(lost_, IsEmpty());
}

TEST_F(SegmentLogTest, GoesOnNoLowerThanItIsTold) {
  open();
  append_synced(1);
  open({.at_least_offset = 70});
  EXPECT_EQ(log_->next_offset(), 70u);
  ASSERT_THAT(log_->lost(), SizeIs(1));
  EXPECT_EQ(log_->lost()[0].from, 10u);
  EXPECT_EQ(log_->lost()[0].to, 70u);
  append_synced(1);
  EXPECT_EQ(read(), blocks({0, 70}));
  EXPECT_EQ(lost(), (Offsets{{10, 70}})) << "later readers tell it, too";
  open({.at_least_offset = 70});
  EXPECT_THAT(log_->lost(), IsEmpty()) << "of the end, where nothing is missing now";
  EXPECT_EQ(read(), blocks({0, 70}));
  EXPECT_EQ(lost(), (Offsets{{10, 70}}));
}

TEST_F(SegmentLogTest, ATornWriteIsNotLostWhereNoSegmentCanBeBegunAfterIt) {
  open();
  append_synced(3);
  files_.set_content(path(0), files_.content(path(0)).substr(0, size(0) - 1));
  files_.set_faults({.failed_creates = 100});
  open({.at_least_offset = 20});
  EXPECT_EQ(log_->next_offset(), 30u);
  EXPECT_EQ(read(), blocks({0, 10}));
  EXPECT_THAT(lost_, IsEmpty());
  files_.set_faults({});
  append_synced(1);
  EXPECT_EQ(read(), blocks({0, 10, 30}));
  EXPECT_THAT(lost_, IsEmpty());
}

TEST_F(SegmentLogTest, RemovesTheOldestSegmentsBeyondItsBytes) {
  open({.segment_bytes = kSmall, .retention_bytes = 2 * (kFirstBlock + 2 * kBlockBytes)});
  append_synced(7);
  EXPECT_EQ(log_->retain(0, 0), 0u) << "all is protected";
  EXPECT_EQ(log_->retain(19, 0), 0u) << "offset 19 is in the first";
  EXPECT_EQ(log_->retain(20, 0), 1u);
  EXPECT_EQ(log_->first_offset(), 20u);
  EXPECT_EQ(log_->retain(70, 0), 1u) << "that leaves no more than is allowed";
  EXPECT_EQ(log_->retain(70, 0), 0u);
  EXPECT_EQ(read(40), blocks({40, 50, 60}));
  EXPECT_THAT(lost_, IsEmpty());
  EXPECT_TRUE(verify_log(files_, kFolder).whole());
  read(0);
  EXPECT_EQ(lost(), (Offsets{{0, 40}}));
}

TEST_F(SegmentLogTest, SaysWhatRetentionRemoves) {
  open({.segment_bytes = kSmall, .retention_bytes = 1});
  append_synced(5);
  EXPECT_EQ(log_->retained_from(), 0u);
  EXPECT_EQ(log_->retain(39, 0), 1u);
  EXPECT_EQ(log_->retained_from(), 20u);
  files_.set_faults({.failed_removes = 100});
  EXPECT_FALSE(log_->retain(50, 0));
  EXPECT_EQ(log_->retained_from(), 40u) << "it may be gone at any time";
}

/// Takes those that begin below an offset.
class KeeperBelow final : public SegmentKeeper {
 public:
  KeeperBelow(FileSystem& files, FileSystem::Path folder, std::uint64_t below)
      : files_(files), folder_(std::move(folder)), below_(below) {}
  Result<bool> take(const SegmentInfo& segment) override {
    if (is_failing) return fail("no");
    if (segment.base_offset >= below_) return false;
    if (auto moved = files_.rename(folder_ / segment.name, "/kept/" + segment.name); !moved) {
      return std::unexpected(moved.error());
    }
    taken.push_back(segment.base_offset);
    return true;
  }
  bool is_failing = false;
  std::vector<std::uint64_t> taken;

 private:
  FileSystem& files_;
  const FileSystem::Path folder_;
  const std::uint64_t below_;
};

TEST_F(SegmentLogTest, WhatRetentionTakesMayBeKeptElsewhere) {
  open({.segment_bytes = kSmall, .retention_bytes = 1});
  append_synced(7);
  KeeperBelow keeper(files_, kFolder, 20);
  log_->keep_by(keeper);
  keeper.is_failing = true;
  EXPECT_FALSE(log_->retain(70, 0));
  EXPECT_EQ(log_->segments(), 4u);
  keeper.is_failing = false;
  EXPECT_EQ(log_->retain(70, 0), 3u);
  EXPECT_THAT(keeper.taken, ElementsAre(0));
  EXPECT_EQ(log_->first_offset(), 60u);
  EXPECT_TRUE(files_.identity("/kept/" + segment_name(0)).value());
  EXPECT_FALSE(files_.identity(FileSystem::Path(kFolder) / segment_name(20)).value());
  EXPECT_TRUE(verify_log(files_, kFolder).whole());
}

TEST_F(SegmentLogTest, RemovesSegmentsThatEndedLongAgoButNeverTheActiveOne) {
  open({.segment_bytes = kSmall, .retention_ms = 1000});
  append_synced(2);
  clock_.advance(5000 * kNsPerMs);
  append_synced(2);  // begins the second segment, at 5 s
  clock_.advance(5000 * kNsPerMs);
  append_synced(1);  // begins the third, at 10 s
  EXPECT_EQ(log_->retain(50, 6000 * kNsPerMs), 0u);
  EXPECT_EQ(log_->retain(50, 6001 * kNsPerMs), 1u);
  EXPECT_EQ(log_->retain(50, 99'000 * kNsPerMs), 1u);
  EXPECT_EQ(read(40), blocks({40}));
}

TEST_F(SegmentLogTest, DamagedHeadersMakeNoSegmentOlder) {
  constexpr std::size_t kBase = 16;  // in the header
  open({.segment_bytes = kSmall});
  clock_.advance(9'000 * kNsPerMs);
  append_synced(5);
  for (const std::uint64_t base : {0u, 20u}) files_.flip(path(base), kBase);
  open({.segment_bytes = kSmall, .retention_ms = 1000});
  EXPECT_EQ(log_->retain(50, clock_.now().ns), 0u);
  EXPECT_EQ(read(), blocks({0, 10, 20, 30, 40}));
  EXPECT_EQ(log_->retain(50, clock_.now().ns + 2'000 * kNsPerMs), 2u);
}

TEST_F(SegmentLogTest, ADamagedLastHeaderGetsTheAgeOfTheSegmentThatFollows) {
  constexpr std::size_t kBase = 16;  // in the header
  open({.segment_bytes = kSmall});
  append_synced(5);
  files_.flip(path(40), kBase);
  open({.segment_bytes = kSmall, .retention_ms = 1000});
  append_synced(1);
  EXPECT_EQ(log_->retain(60, clock_.now().ns), 0u);
  EXPECT_EQ(log_->retain(60, clock_.now().ns + 2'000 * kNsPerMs), 3u);
}

TEST_F(SegmentLogTest, AReaderTellsWhatRetentionTookFromUnderIt) {
  open({.segment_bytes = kSmall, .retention_bytes = 1});
  append_synced(5);
  const auto reader = log_->read_from(0);
  ASSERT_TRUE((*reader)->next()->has_value());
  EXPECT_EQ(log_->retain(50, 0), 2u);
  std::vector<std::uint64_t> offsets;
  while (const auto next = (*reader)->next().value()) offsets.push_back(next->base_offset);
  EXPECT_THAT(offsets, ElementsAre(10, 40));
  ASSERT_THAT((*reader)->lost(), SizeIs(1));
  EXPECT_EQ((*reader)->lost()[0].from, 20u);
  EXPECT_EQ((*reader)->lost()[0].to, 40u);
}

TEST_F(SegmentLogTest, FailingSyncsBesideAppendsLoseNothingThatWasSynced) {
  constexpr std::uint64_t kBlocks = 1000;
  open({.segment_bytes = 5000});
  files_.set_faults({.failed_writes = 1, .failed_syncs = 20, .failed_sync_loses_pages = true});
  std::atomic<bool> done{false};
  std::thread flusher([&] {
    std::uint64_t promised = 0;
    while (!done) {
      (void)log_->sync();
      EXPECT_GE(log_->synced_offset(), promised);
      promised = log_->synced_offset();
    }
  });
  while (log_->synced_offset() < kBlocks) {
    const std::uint64_t offset = log_->next_offset();
    const std::string bytes = payload(offset);
    (void)log_->append({.base_offset = offset, .count = 1, .payload = bytes});
  }
  done = true;
  flusher.join();
  const std::uint64_t promised = log_->synced_offset();
  files_.set_faults({});
  log_.reset();
  files_.crash();
  open();
  const auto found = read();
  ASSERT_GE(found.size(), promised);
  for (std::uint64_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i], (log_testing::StoredBlock{i, 1, payload(i)}));
  }
}

/// On the real file system.
class RealLogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "slipstream-log-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path directory_;
};

TEST_F(RealLogTest, IsReadWhileItIsAppendedToAndSynced) {
  constexpr std::uint64_t kBlocks = 2000;
  auto opened = SegmentLog::open(posix_file_system(), directory_ / "log", {.segment_bytes = 60000});
  ASSERT_TRUE(opened) << opened.error().message;
  SegmentLog& log = **opened;
  std::atomic<bool> done{false};
  std::thread appender([&] {
    for (std::uint64_t i = 0; i < kBlocks; ++i) {
      const std::string bytes(i % 999, static_cast<char>(i));
      EXPECT_TRUE(log.append({.base_offset = i, .count = 1, .payload = bytes}));
    }
    done = true;
  });
  std::thread flusher([&] {
    while (!done) EXPECT_TRUE(log.sync());
    EXPECT_TRUE(log.sync());
  });
  std::uint64_t seen = 0;
  while (seen < kBlocks) {
    auto reader = log.read_from(0);
    ASSERT_TRUE(reader);
    std::uint64_t expected = 0;
    while (const auto block = (*reader)->next().value()) {
      ASSERT_EQ(block->base_offset, expected);
      ASSERT_EQ(block->payload, std::string(expected % 999, static_cast<char>(expected)));
      ++expected;
    }
    EXPECT_THAT((*reader)->lost(), IsEmpty());
    EXPECT_GE(expected, seen);
    seen = expected;
  }
  appender.join();
  flusher.join();
}

TEST_F(RealLogTest, IsLockedUntilItIsClosedAndGoesOnAfter) {
  auto& files = posix_file_system();
  const auto folder = directory_ / "deep" / "log";
  {
    auto log = SegmentLog::open(files, folder);
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_FALSE(SegmentLog::open(files, folder));
    ASSERT_TRUE((*log)->append({.base_offset = 0, .count = 3, .payload = "abc"}));
  }
  auto log = SegmentLog::open(files, folder);
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ((*log)->next_offset(), 3u);
  const LogReport report = verify_log(files, folder);
  EXPECT_TRUE(report.whole());
  EXPECT_THAT(report.segments, SizeIs(1));
}

TEST_F(RealLogTest, ANameThatLeadsNowhereIsAnErrorAndEndsTheListing) {
  auto& files = posix_file_system();
  auto log = SegmentLog::open(files, directory_);
  ASSERT_TRUE(log) << log.error().message;
  ASSERT_TRUE((*log)->append({.base_offset = 0, .count = 3, .payload = "abc"}));
  ASSERT_TRUE((*log)->sync());
  std::filesystem::create_symlink("nowhere", directory_ / segment_name(3));
  EXPECT_FALSE(list_segments(files, directory_));
}

}  // namespace
}  // namespace slipstream
