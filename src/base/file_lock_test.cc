#include "base/file_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <functional>

#include "base/file_watch.h"

namespace slipstream {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "slipstream-files-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path file(const std::string& name, const std::string& text = "x") const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }

  fs::path folder_;
};

struct FileLockTest : FilesTest {};
struct FileWatchTest : FilesTest {};

TEST_F(FileLockTest, OfAFolderAndOfAFileIsHeldByOne) {
  for (const auto& path : {folder_, folder_ / "made"}) {
    auto first = FileLock::take(path);
    ASSERT_TRUE(first) << first.error().message;
    const auto second = FileLock::take(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kRefused);
    EXPECT_THAT(second.error().message, HasSubstr(path.string() + " is in use by process " +
                                                  std::to_string(getpid()) + " ("));
    *first = FileLock();
    EXPECT_TRUE(FileLock::take(path));
  }
}

TEST_F(FileLockTest, OfAFolderStaysWhateverIsDeletedInIt) {
  const auto lock = FileLock::take(folder_);
  ASSERT_TRUE(lock);
  fs::remove(file("lock"));
  EXPECT_FALSE(FileLock::take(folder_));
}

TEST_F(FileLockTest, OfAKilledProcessIsFree) {
  std::array<int, 2> ready{};
  ASSERT_EQ(pipe(ready.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto lock = FileLock::take(folder_);
    (void)!write(ready[1], lock ? "l" : "f", 1);
    pause();
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'l');
  const auto refused = FileLock::take(folder_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("process " + std::to_string(child)));
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(FileLock::take(folder_));
  close(ready[0]);
  close(ready[1]);
}

TEST_F(FileWatchTest, TellsWhatIsGoneAndWhatIsAnother) {
  FileWatch watch;
  const auto kept = file("kept");
  const auto watched = file("watched");
  watch.add(kept);
  watch.add(watched);
  watch.add(folder_ / "never there");
  EXPECT_EQ(watch.look(), std::nullopt);
  file("watched", "written to, and still the same");
  EXPECT_EQ(watch.look(), std::nullopt);

  fs::rename(watched, folder_ / "aside");
  EXPECT_EQ(watch.look(), watched.string() + " is gone");
  file("watched", "a copy");
  EXPECT_EQ(watch.look(), watched.string() + " is another than the one that was opened");
  fs::rename(folder_ / "aside", watched);
  EXPECT_EQ(watch.look(), std::nullopt) << "it is back";
  fs::remove(kept);
  EXPECT_EQ(watch.look(), kept.string() + " is gone");
}

TEST_F(FileWatchTest, AFileThatGotTheNumberOfADeletedOneIsAnother) {
  FileWatch watch;
  const auto watched = file("watched");
  watch.add(watched);
  for (int i = 0; i < 100; ++i) {
    fs::remove(watched);
    file("watched");
    EXPECT_THAT(watch.look().value_or(""), HasSubstr("is another"));
  }
}

TEST_F(FileWatchTest, SeesAFolderThatWasReplaced) {
  FileWatch watch;
  const auto inner = folder_ / "inner";
  fs::create_directory(inner);
  watch.add(inner);
  fs::rename(inner, folder_ / "aside");
  EXPECT_THAT(watch.look().value_or(""), HasSubstr("inner is gone"));
  fs::create_directory(inner);
  EXPECT_THAT(watch.look().value_or(""), HasSubstr("inner is another"));
}

}  // namespace
}  // namespace slipstream
