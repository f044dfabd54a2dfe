// Segments that are deleted or replaced while the log is written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log/log_fixture.h"

namespace slipstream {
namespace {

using log_testing::LogTest;
using log_testing::Offsets;
using testing::HasSubstr;
using testing::IsEmpty;

class SegmentLook : public LogTest {
 protected:
  static constexpr std::uint64_t kSmall = 300;  // a segment of two blocks

  Offsets look() {
    const auto found = log_->look();
    EXPECT_TRUE(found) << found.error().message;
    Offsets ranges;
    for (const LostRange& lost : *found) ranges.emplace_back(lost.from, lost.to);
    return ranges;
  }
};

TEST_F(SegmentLook, FindsNothingWhereNothingIsWrong) {
  open({.segment_bytes = kSmall});
  EXPECT_THAT(look(), IsEmpty());
  append_synced(7);
  EXPECT_THAT(look(), IsEmpty());
  open({.segment_bytes = kSmall});
  append_synced(1);
  EXPECT_THAT(look(), IsEmpty());
}

TEST_F(SegmentLook, DeletedActiveOneIsToldOnceAndAnotherIsBegun) {
  open();
  append_synced(3);
  files_.delete_for_good(path(0));
  EXPECT_EQ(look(), (Offsets{{0, 30}}));
  EXPECT_THAT(look(), IsEmpty());
  append_synced(2);
  EXPECT_GT(size(30), 0u);
  EXPECT_EQ(read(), blocks({30, 40}));
  EXPECT_EQ(lost(), (Offsets{{0, 30}}));
  EXPECT_THAT(look(), IsEmpty());
  open();
  EXPECT_EQ(log_->next_offset(), 50u);
}

TEST_F(SegmentLook, WhatIsNotSyncedIntoADeletedOneFailsAndIsWrittenOnceMore) {
  open();
  append_synced(1);
  ASSERT_TRUE(append());
  files_.delete_for_good(path(0));
  EXPECT_EQ(look(), (Offsets{{0, 10}}));
  const auto synced = log_->sync();
  ASSERT_FALSE(synced) << "it would be taken for durable";
  EXPECT_THAT(synced.error().message, HasSubstr("is gone"));
  EXPECT_EQ(log_->next_offset(), 10u);
  append_synced(1);
  EXPECT_EQ(read(10), blocks({10}));
}

TEST_F(SegmentLook, ReplacedOneIsLostAsADeletedOneIs) {
  open();
  append_synced(2);
  const std::string copy = files_.content(path(0));
  files_.delete_for_good(path(0));
  files_.set_content(path(0), copy);
  EXPECT_EQ(look(), (Offsets{{0, 20}}));
  append_synced(1);
  // The copy is whole, so nothing is.
  EXPECT_EQ(read(), blocks({0, 10, 20}));
}

TEST_F(SegmentLook, OlderOneIsToldAndRetentionGoesOn) {
  open({.segment_bytes = kSmall, .retention_bytes = 1});
  append_synced(7);
  files_.delete_for_good(path(20));
  EXPECT_EQ(look(), (Offsets{{20, 40}}));
  append_synced(1);
  EXPECT_EQ(read(), blocks({0, 10, 40, 50, 60, 70}));
  EXPECT_EQ(log_->retain(40, 0).value(), 2u);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_EQ(log_->first_offset(), 40u);
}

TEST_F(SegmentLook, RefusedLogTakesNothingUntilItIsWellAgain) {
  open();
  append_synced(1);
  ASSERT_TRUE(append());
  log_->refuse(Error{"data/log is gone", ErrorCode::kIo});
  const auto synced = log_->sync();
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().message, "data/log is gone");
  const auto refused = append();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "data/log is gone");
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
  EXPECT_EQ(log_->next_offset(), 10u);

  log_->refuse(std::nullopt);
  append_synced(2);
  EXPECT_EQ(read(), blocks({0, 10, 20}));
  open();
  EXPECT_EQ(read(), blocks({0, 10, 20}));
  EXPECT_THAT(lost_, IsEmpty());
}

}  // namespace
}  // namespace slipstream
