#include "store/wal_keeper.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "store/store_fixture.h"

namespace slipstream {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// Another process that holds a read of the database until it is let go.
class ForeignReader {
 public:
  explicit ForeignReader(const std::string& path) {
    std::array<int, 2> ready{};
    if (pipe(ready.data()) != 0 || pipe(go_.data()) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      close(go_[1]);
      auto database = Database::open(path, SQLITE_OPEN_READWRITE);
      char byte = 0;
      if (database && database->execute("BEGIN; SELECT count(*) FROM rollups")) {
        (void)!write(ready[1], "r", 1);
        (void)!read(go_[0], &byte, 1);
      }
      database = fail("");
      _exit(0);
    }
    char byte = 0;
    close(ready[1]);
    close(go_[0]);
    EXPECT_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]);
  }
  ~ForeignReader() { let_go(); }
  ForeignReader(const ForeignReader&) = delete;
  ForeignReader& operator=(const ForeignReader&) = delete;

  void let_go() {
    if (pid_ <= 0) return;
    close(go_[1]);
    int status = 0;
    waitpid(std::exchange(pid_, 0), &status, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  std::array<int, 2> go_{};
  pid_t pid_ = 0;
};

struct WalKeeperTest : RollupStoreTest {
  std::uint64_t wal_bytes() const { return std::filesystem::file_size(path() + "-wal"); }
  /// About 0.9 MB of write-ahead log each.
  void write(RollupStore& store, std::uint32_t times) {
    for (std::uint32_t i = 0; i < times; ++i, next_ += 5'000) {
      ASSERT_TRUE(store.commit({.rollups = many(next_, 5'000)}));
    }
  }
  std::uint32_t next_ = 1;
};

TEST_F(WalKeeperTest, AForeignReaderIsNamedAndTheLogIsCutOnceItHasEnded) {
  {
    open();
  }
  ForeignReader reader(path());
  auto store = open();
  const auto at = [](std::int64_t seconds) { return SteadyTime{seconds * kNsPerSecond}; };
  write(*store, 40);
  ASSERT_GT(wal_bytes(), WalKeeper::kBoundBytes);
  ASSERT_TRUE(store->tend(at(100)));
  EXPECT_EQ(store->wal().held_ns, 0) << "since now";
  write(*store, 1);
  for (std::int64_t s = 101; s <= 175; ++s) ASSERT_TRUE(store->tend(at(s)));
  EXPECT_EQ(store->wal().held_ns, 75 * kNsPerSecond);
  EXPECT_THAT(store->wal().reader, HasSubstr("process " + std::to_string(reader.pid()) + " ("));
  EXPECT_EQ(store->wal().bytes, wal_bytes());

  reader.let_go();
  ASSERT_TRUE(store->tend(at(176)));
  EXPECT_EQ(store->wal().held_ns, 0);
  EXPECT_THAT(store->wal().reader, IsEmpty());
  EXPECT_EQ(wal_bytes(), 0u);
  EXPECT_EQ(store->wal().bytes, 0u);
}

TEST_F(WalKeeperTest, WithoutAReaderTheLogStaysShort) {
  auto store = open();
  for (std::int64_t s = 0; s < 60; ++s) {
    write(*store, 1);
    ASSERT_TRUE(store->tend({s * kNsPerSecond}));
    EXPECT_LE(wal_bytes(), WalKeeper::kBoundBytes + (std::uint64_t{4} << 20));
  }
  EXPECT_EQ(store->wal().held_ns, 0);
}

TEST_F(WalKeeperTest, ReadersOneAfterTheOtherHoldNothing) {
  auto store = open();
  for (std::int64_t s = 0; s < 300; s += 10) {
    ForeignReader reader(path());
    write(*store, 1);
    ASSERT_TRUE(store->tend({s * kNsPerSecond}));
    EXPECT_LE(store->wal().held_ns, 10 * kNsPerSecond) << s;
  }
}

}  // namespace
}  // namespace slipstream
