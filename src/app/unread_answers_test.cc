#include "app/unread_answers.h"

#include <gtest/gtest.h>

#include "net/body_source.h"

namespace slipstream {
namespace {

std::string read_all(BodySource& source) {
  std::string all;
  for (bool is_end = false; !is_end;) {
    source.next([&](Result<std::string> piece) {
      ASSERT_TRUE(piece);
      EXPECT_LE(piece->size(), BodySource::kPieceBytes);
      is_end = piece->empty();
      all += *piece;
    });
  }
  return all;
}

TEST(UnreadAnswers, AreBoundedTogetherUntilTheyAreRead) {
  UnreadAnswers answers(500'000);
  std::string text(200'001, 'x');
  text.back() = 'y';
  auto first = answers.hold({.body = text});
  auto second = answers.hold({.body = text});
  ASSERT_TRUE(first.source && second.source);
  EXPECT_TRUE(first.body.empty());
  const auto third = answers.hold({.body = text});
  EXPECT_EQ(third.status, 503u);
  EXPECT_FALSE(third.source);
  EXPECT_EQ(third.headers.at(0).first, "Retry-After");
  EXPECT_EQ(answers.bytes(), 2 * text.size());
  EXPECT_EQ(read_all(*first.source), text);
  first.source.reset();
  EXPECT_EQ(answers.bytes(), text.size());
  EXPECT_TRUE(answers.hold({.body = text}).source);
}

TEST(UnreadAnswers, ThatAreSmallAreNotHeld) {
  UnreadAnswers answers(1);
  EXPECT_EQ(answers.hold({.body = "small"}).body, "small");
  EXPECT_EQ(answers.bytes(), 0u);
}

}  // namespace
}  // namespace slipstream
