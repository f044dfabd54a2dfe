#include "log/segment_follower.h"

#include <gmock/gmock.h>

#include <random>

#include "log/log_fixture.h"

namespace slipstream {
namespace {

using log_testing::LogTest;
using log_testing::StoredBlock;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class FollowerTest : public LogTest {
 protected:
  static std::vector<StoredBlock> all_of(SegmentFollower& follower) {
    std::vector<StoredBlock> blocks;
    while (true) {
      const auto next = follower.next();
      EXPECT_TRUE(next) << next.error().message;
      if (!next || !*next) return blocks;
      blocks.push_back({(*next)->base_offset, (*next)->count, std::string((*next)->payload)});
    }
  }
  /// By a new file that holds the same.
  void replace(const FileSystem::Path& path) {
    auto unnamed = path;
    unnamed += ".new";
    auto file = files_.open_append(unnamed, OpenMode::kCreateNew);
    ASSERT_TRUE(file);
    ASSERT_TRUE(write_all(**file, files_.content(path)));
    ASSERT_TRUE((*file)->sync());
    ASSERT_TRUE(files_.rename(unnamed, path));
    ASSERT_TRUE(files_.sync_directory(kFolder));
  }
  void append_body(int blocks) {
    for (int i = 0; i < blocks; ++i) {
      const std::uint64_t offset = log_->next_offset();
      const std::string bytes = payload(offset);
      ASSERT_TRUE(log_->append(
          {.base_offset = offset, .count = kCount, .payload = bytes, .goes_on = i + 1 < blocks}));
    }
    ASSERT_TRUE(log_->sync());
  }
};

TEST_F(FollowerTest, GoesOnAsTheLogGrowsThroughItsSegments) {
  SegmentFollower follower(files_, kFolder, 0);
  EXPECT_THAT(all_of(follower), IsEmpty()) << "there is no log yet";
  open({.segment_bytes = 400});
  EXPECT_THAT(all_of(follower), IsEmpty());
  append_synced(2);
  EXPECT_EQ(all_of(follower), blocks({0, 10}));
  EXPECT_THAT(all_of(follower), IsEmpty());
  append_synced(7);
  EXPECT_EQ(all_of(follower), blocks({20, 30, 40, 50, 60, 70, 80}));
  EXPECT_EQ(follower.position(), 90u);
  open({.segment_bytes = 400});
  append_synced(1);
  EXPECT_EQ(all_of(follower), blocks({90}));
  EXPECT_THAT(follower.take_lost(), IsEmpty());
}

TEST_F(FollowerTest, BeginsWhereItIsAsked) {
  open({.segment_bytes = 400});
  append_synced(9);
  SegmentFollower within(files_, kFolder, 45);
  EXPECT_EQ(all_of(within), blocks({40, 50, 60, 70, 80}));
  SegmentFollower at_the_end(files_, kFolder, 90);
  EXPECT_THAT(all_of(at_the_end), IsEmpty());
  append_synced(1);
  EXPECT_EQ(all_of(at_the_end), blocks({90}));
}

/// However the files grow, and wherever a look falls: each block is given once, in order, and
/// nothing is told as lost.
TEST_F(FollowerTest, NoLookAtAHalfWrittenLogCostsABlock) {
  open({.segment_bytes = 700});
  for (int n = 0; n < 6; ++n) {
    append_synced(2);
    append_body(2);
  }
  const auto expected = read();
  ASSERT_EQ(expected.size(), 24u);
  std::map<std::string, std::string> files;
  const auto names = files_.list(kFolder).value();
  for (const auto& name : names) {
    if (parse_segment_name(name)) files[name] = files_.content(FileSystem::Path(kFolder) / name);
  }
  ASSERT_GT(files.size(), 3u);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    log_testing::FaultyFileSystem growing(seed);
    SegmentFollower follower(growing, kFolder, 0);
    std::vector<StoredBlock> given;
    for (const auto& [name, content] : files) {
      const auto file = growing.open_append(FileSystem::Path(kFolder) / name, OpenMode::kCreateNew);
      ASSERT_TRUE(file);
      for (std::size_t at = 0; at < content.size();) {
        const std::size_t size = std::min<std::size_t>(1 + random() % 250, content.size() - at);
        ASSERT_TRUE((*file)->write(std::string_view(content).substr(at, size)));
        at += size;
        if (random() % 3 == 0) continue;
        const auto some = all_of(follower);
        given.insert(given.end(), some.begin(), some.end());
      }
    }
    const auto rest = all_of(follower);
    given.insert(given.end(), rest.begin(), rest.end());
    ASSERT_EQ(given, expected) << "seed " << seed;
    ASSERT_THAT(follower.take_lost(), IsEmpty()) << "seed " << seed;
  }
}

TEST_F(FollowerTest, WhatIsCutOffAndWrittenAnewIsGivenOnce) {
  open();
  append_synced(2);
  SegmentFollower follower(files_, kFolder, 0);
  EXPECT_EQ(all_of(follower), blocks({0, 10}));
  const std::string whole = files_.content(path(0));
  append_synced(1);
  const std::string longer = files_.content(path(0));
  files_.set_content(path(0), longer.substr(0, longer.size() - 20));
  EXPECT_THAT(all_of(follower), IsEmpty());
  files_.set_content(path(0), whole);
  EXPECT_THAT(all_of(follower), IsEmpty());
  open();
  append_synced(2);
  EXPECT_EQ(all_of(follower), blocks({20, 30}));
  EXPECT_THAT(follower.take_lost(), IsEmpty());
}

/// A segment that holds nothing whole is replaced by a new file of the same name.
TEST_F(FollowerTest, GoesOnInTheFileThatReplacedTheOpenOne) {
  for (const int blocks_before : {0, 3}) {  // of segments of three blocks
    for (const int blocks_behind : {1, 9}) {
      wipe();
      open({.segment_bytes = 400});
      if (blocks_before > 0) {
        append_synced(blocks_before);
        ASSERT_TRUE(append());  // begins the next segment, and is not synced
        files_.set_content(path(30), files_.content(path(30)).substr(0, sizeof(SegmentHeader)));
      }
      const auto base = static_cast<std::uint64_t>(blocks_before) * kCount;
      SegmentFollower follower(files_, kFolder, 0);
      EXPECT_THAT(all_of(follower), SizeIs(blocks_before));
      const auto before = files_.identity(path(base)).value();
      log_.reset();
      replace(path(base));
      open({.segment_bytes = 400});
      append_synced(blocks_behind);
      ASSERT_NE(files_.identity(path(base)).value(), before) << "it was replaced";
      EXPECT_EQ(all_of(follower), read(base)) << blocks_before << ", " << blocks_behind;
      EXPECT_EQ(follower.position(), log_->next_offset());
      EXPECT_THAT(follower.take_lost(), IsEmpty());
    }
  }
}

TEST_F(FollowerTest, WhatWasRemovedOrIsDamagedIsLostAndTold) {
  open({.segment_bytes = 400});
  append_synced(9);  // segments begin at 0, 30 and 60
  ASSERT_TRUE(files_.remove(path(0)));
  SegmentFollower follower(files_, kFolder, 0);
  std::string content = files_.content(path(30));
  content[kFirstBlock + kBlockBytes + sizeof(BlockHeader) + 50] ^= 1;
  files_.set_content(path(30), content);
  EXPECT_EQ(all_of(follower), blocks({30, 50, 60, 70, 80}));
  const auto lost = follower.take_lost();
  ASSERT_THAT(lost, SizeIs(2));
  EXPECT_EQ(lost[0].from, 0u);
  EXPECT_EQ(lost[0].to, 30u);
  EXPECT_EQ(lost[0].why, "the log begins after it");
  EXPECT_EQ(lost[1].from, 40u);
  EXPECT_EQ(lost[1].to, 50u);
  EXPECT_THAT(lost[1].why, HasSubstr("checksum"));
  EXPECT_THAT(follower.take_lost(), IsEmpty());
}

}  // namespace
}  // namespace slipstream
