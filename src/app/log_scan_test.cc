#include "app/log_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "log/log_fixture.h"

namespace slipstream {
namespace {

using log_testing::LogTest;
using log_testing::Offsets;

constexpr std::uint64_t kSmall = 300;  // a segment of two blocks
constexpr LogScanOptions kFast{.step_bytes = 1, .pause = std::chrono::milliseconds(0)};
constexpr LogScanOptions kNeverDone{.step_bytes = 1, .pause = std::chrono::hours(1)};

class LogScanTest : public LogTest {
 protected:
  LogScan scan(LogScanOptions options = kFast) {
    return LogScan(files_, kFolder, *log_, lost_ranges_, options);
  }
  static void finish(LogScan& scan) {
    scan.start();
    while (!scan.is_done()) std::this_thread::yield();
    scan.stop();
  }
  Offsets found() const {
    Offsets all;
    for (const auto& range : lost_ranges_.list(1'000)) all.emplace_back(range.from, range.to);
    return all;
  }

  LostRanges lost_ranges_;
};

TEST_F(LogScanTest, FindsWhatADiskLosesAnywhere) {
  open({.segment_bytes = kSmall});
  append_synced(12);
  log_.reset();
  files_.flip(path(0), kFirstBlock + 70);
  ASSERT_TRUE(files_.remove(path(40)));
  files_.set_content(path(80), files_.content(path(80)).substr(0, kFirstBlock + kBlockBytes + 9));
  files_.flip(path(100), 3);  // costs nothing
  open({.segment_bytes = kSmall});
  LogScan scanning = scan();
  finish(scanning);
  EXPECT_EQ(found(), (Offsets{{0, 10}, {40, 60}, {90, 100}}));
  EXPECT_EQ(lost_ranges_.entries(), 40u);
}

TEST_F(LogScanTest, DoesNotCountWhatIsKnown) {
  open({.segment_bytes = kSmall});
  append_synced(6);
  files_.flip(path(20), kFirstBlock + 70);
  lost_ranges_.add({25, 30, segment_name(20), "the payload does not match its checksum"});
  LogScan scanning = scan();
  finish(scanning);
  EXPECT_EQ(found(), (Offsets{{20, 30}}));
  EXPECT_EQ(lost_ranges_.entries(), 10u);
}

TEST_F(LogScanTest, DoesNotTakeRetentionForDamage) {
  open({.segment_bytes = kSmall, .retention_bytes = 1});
  append_synced(7);
  LogScan scanning = scan();
  ASSERT_EQ(log_->retain(40, 0), 2u);
  ASSERT_TRUE(files_.remove(path(40)));
  finish(scanning);
  EXPECT_EQ(found(), (Offsets{{40, 60}})) << "only what was not removed by retention";
}

TEST_F(LogScanTest, ReadsNoFurtherThanTheLogWasSynced) {
  open({.segment_bytes = kSmall});
  append_synced(3);
  ASSERT_TRUE(append());
  LogScan scanning = scan();
  append_synced(3);
  files_.flip(path(20), kFirstBlock + kBlockBytes + 70);
  files_.flip(path(40), kFirstBlock + 70);
  finish(scanning);
  EXPECT_EQ(found(), Offsets());
}

TEST_F(LogScanTest, StopsInTheMiddleOfAPause) {
  open({.segment_bytes = kSmall});
  append_synced(6);
  files_.flip(path(0), kFirstBlock + 70);
  files_.flip(path(20), kFirstBlock + 70);
  LogScan scanning = scan(kNeverDone);
  scanning.start();
  while (lost_ranges_.entries() == 0) std::this_thread::yield();
  scanning.stop();
  EXPECT_FALSE(scanning.is_done());
  EXPECT_EQ(found(), (Offsets{{0, 10}}));
}

TEST_F(LogScanTest, OfAnEmptyLogIsDone) {
  open();
  LogScan scanning = scan(kNeverDone);
  finish(scanning);
  EXPECT_EQ(found(), Offsets());
}

}  // namespace
}  // namespace slipstream
