// Rewriting beside others: readers that come in at any moment, disks that refuse, and retention.
#include "pipeline/log_rewriting_fixture.h"

namespace slipstream {
namespace {

using rewriting_testing::kLog;
using rewriting_testing::LogRewriting;
using testing::IsEmpty;

FileSystem::Path path_of(const SegmentInfo& segment) {
  return FileSystem::Path(kLog) / segment.name;
}

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
  fill(4);
  const auto list = log_->synced_segments();
  const auto before = entries();
  auto reader = log_->read_from(0);
  EXPECT_EQ(rewrite(), 1u);
  files_.set_identity(path_of(list.front()), list.front().identity);
  EXPECT_EQ(rest_of(**reader), before);
  EXPECT_THAT(verify_segments(files_, kLog, list).faults, IsEmpty());
}

}  // namespace
}  // namespace slipstream
