#include "net/send_batch.h"

#include <errno.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace slipstream {
namespace {

/// One end sends by a batch, the other is read by the test.
class Pair final : public SendBatch::Sender {
 public:
  Pair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()), 0); }
  ~Pair() {
    close(ends_[0]);
    hang_up();
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  void sent(std::expected<std::size_t, boost::system::error_code> outcome) override {
    EXPECT_FALSE(taken) << "told twice";
    taken = outcome;
  }
  int descriptor() const { return ends_[0]; }
  void hang_up() {
    if (ends_[1] >= 0) close(std::exchange(ends_[1], -1));
  }
  std::string read_all() const {
    std::string all;
    std::array<char, 65'536> piece;
    while (true) {
      const auto n = recv(ends_[1], piece.data(), piece.size(), MSG_DONTWAIT);
      if (n <= 0) return all;
      all.append(piece.data(), static_cast<std::size_t>(n));
    }
  }

  std::optional<std::expected<std::size_t, boost::system::error_code>> taken;

 private:
  std::array<int, 2> ends_{-1, -1};
};

class SendBatchTest : public testing::Test {
 protected:
  void SetUp() override {
    batch_ = SendBatch::open();
    if (!batch_) GTEST_SKIP() << "the kernel offers no io_uring here";
  }
  std::unique_ptr<SendBatch> batch_;
};

TEST_F(SendBatchTest, EachGetsItsBytesAndIsToldOnce) {
  const auto text_of = [](std::size_t i) { return fmt::format("{}", i) + std::string(i, 'x'); };
  std::deque<Pair> pairs(SendBatch::kMost + 50);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < pairs.size(); ++i) texts.push_back(text_of(i));
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      pairs[i].taken.reset();
      batch_->add(pairs[i].descriptor(), texts[i], pairs[i]);
    }
    EXPECT_TRUE(pairs.front().taken) << "a full batch goes by itself";
    EXPECT_FALSE(pairs.back().taken);
    batch_->submit();
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      ASSERT_TRUE(pairs[i].taken) << i;
      EXPECT_EQ(pairs[i].taken->value_or(0), texts[i].size());
      EXPECT_EQ(pairs[i].read_all(), texts[i]);
    }
  }
  batch_->submit();  // of nothing
}

TEST_F(SendBatchTest, OneThatIsFullAndOneThatIsGoneCostTheOthersNothing) {
  Pair full;
  Pair gone;
  Pair good;
  const std::string large(std::size_t{4} << 20, 'l');
  gone.hang_up();
  for (Pair* pair : {&full, &gone}) batch_->add(pair->descriptor(), large, *pair);
  batch_->add(good.descriptor(), "hello", good);
  batch_->submit();
  ASSERT_TRUE(full.taken && full.taken->has_value());
  EXPECT_LT(**full.taken, large.size()) << "what its buffer holds";
  EXPECT_EQ(full.read_all().size(), **full.taken);
  ASSERT_TRUE(gone.taken && !gone.taken->has_value());
  EXPECT_EQ(gone.taken->error().value(), EPIPE) << "and no signal";
  EXPECT_EQ(good.read_all(), "hello");

  full.taken.reset();
  batch_->add(full.descriptor(), large, full);
  batch_->submit();
  full.taken.reset();
  batch_->add(full.descriptor(), large, full);
  batch_->submit();
  EXPECT_EQ(full.taken->value_or(1), 0) << "nothing fits, and nobody waited for it";
}

}  // namespace
}  // namespace slipstream
