#include "app/rollups_page.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace slipstream {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

/// Rollups n-1 ... 0, whose places are their numbers.
class Shelf {
 public:
  void put(std::string rollup) { rollups_.push_back(std::move(rollup)); }

  Result<RollupPage> read(const RollupQuery& query) {
    ++reads_;
    if (query.cursor == "bad") return fail("no such cursor", ErrorCode::kRefused);
    if (fails_) return fail("the disk is gone", ErrorCode::kIo);
    std::size_t at = query.cursor.empty() ? rollups_.size() : std::stoul(query.cursor);
    if (!query.first.empty()) at = std::min(at, std::stoul(query.first) + 1);
    const std::size_t last = query.last.empty() ? 0 : std::stoul(query.last);
    RollupPage page;
    std::size_t bytes = 0;
    while (at > last) {
      const std::string& rollup = rollups_[at - 1];
      bytes += rollup.size();
      const bool is_full = page.rollups.size() == query.limit || bytes > query.max_bytes;
      if (is_full && !page.rollups.empty()) {
        page.next = page.places.back();
        return page;
      }
      page.rollups.push_back(rollup);
      page.places.push_back(std::to_string(--at));
      most_ = std::max(most_, bytes);
    }
    return page;
  }
  ReadRollups reader() {
    return [this](const RollupQuery& query) { return read(query); };
  }

  std::vector<std::string> rollups_;
  bool fails_ = false;
  std::size_t reads_ = 0;
  std::size_t most_ = 0;  ///< bytes given at once
};

std::string whole(RollupsAnswer& answer) {
  std::string text;
  while (!answer.prepare().value()) {
  }
  while (true) {
    const auto piece = answer.next_piece();
    EXPECT_TRUE(piece) << piece.error().message;
    if (!piece || piece->empty()) break;
    text += *piece;
  }
  EXPECT_TRUE(answer.is_whole());
  return text;
}

std::string rollup(int n, std::size_t bytes) {
  std::string json = fmt::format(R"({{"n":{},"chassis":")", n);
  json.append(bytes > json.size() + 2 ? bytes - json.size() - 2 : 1, 'c');
  return json + "\"}";
}

std::optional<std::string> next_in(const std::string& json) {
  const auto at = json.rfind("\"next\":");
  const auto value = json.substr(at + 7, json.size() - at - 8);
  if (value == "null") return std::nullopt;
  return value.substr(1, value.size() - 2);
}

TEST(RollupsPage, JsonIsOnePageWhateverItsPieces) {
  Shelf shelf;
  for (int n = 0; n < 500; ++n) shelf.put(rollup(n, 1'000));
  RollupsJson answer(shelf.reader(), {.limit = 300});
  const std::string text = whole(answer);
  EXPECT_THAT(text, StartsWith(R"({"rollups":[{"n":499,)"));
  EXPECT_THAT(text, HasSubstr(R"("},{"n":200,)"));
  EXPECT_THAT(text, EndsWith(R"("}],"next":"200"})"));
  EXPECT_LE(shelf.most_, PageReader::kPieceBytes);
  EXPECT_GT(shelf.reads_, 4u);
}

TEST(RollupsPage, EmptyOneIsAnAnswer) {
  Shelf shelf;
  RollupsJson json(shelf.reader(), {});
  EXPECT_EQ(whole(json), R"({"rollups":[],"next":null})");
  RollupsTable table(shelf.reader(), {}, CsvTexts::kGuarded);
  EXPECT_THAT(whole(table), StartsWith("track,chassis,lap,"));
  EXPECT_EQ(table.next_cursor(), std::nullopt);
}

TEST(RollupsPage, BytesEndItAndEveryRollupIsInOnePage) {
  constexpr std::size_t kLimit = 100'000;
  Shelf shelf;
  std::set<std::string> all;
  for (int n = 0; n < 400; ++n) {
    // Among them some that no page has room for beside another, and one that is larger than any.
    shelf.put(rollup(n, n % 50 == 7 ? 90'000 : n == 200 ? 150'000 : 2'000));
    all.insert(shelf.rollups_.back());
  }
  for (const bool as_csv : {false, true}) {
    std::size_t rows = 0;
    std::string cursor;
    std::size_t pages = 0;
    while (true) {
      ASSERT_LT(++pages, 1'000u);
      std::string text;
      std::optional<std::string> next;
      if (as_csv) {
        RollupsTable table(shelf.reader(), {.limit = 1'000, .cursor = cursor}, CsvTexts::kGuarded,
                           kLimit);
        text = whole(table);
        next = table.next_cursor();
        rows += static_cast<std::size_t>(std::ranges::count(text, '\n')) - 1;
      } else {
        RollupsJson json(shelf.reader(), {.limit = 1'000, .cursor = cursor}, kLimit);
        text = whole(json);
        next = next_in(text);
        for (const auto& r : all) rows += text.find(r) != std::string::npos ? 1 : 0;
      }
      const bool is_the_large_one = text.size() > 149'000 && text.size() < 150'200;
      EXPECT_TRUE(text.size() <= kLimit || is_the_large_one) << text.size();
      if (!next) break;
      cursor = *next;
    }
    EXPECT_EQ(rows, 400u) << (as_csv ? "CSV" : "JSON");
    EXPECT_GT(pages, 15u);
  }
}

TEST(RollupsPage, ManyColumnsCountInATable) {
  constexpr std::size_t kLimit = 50'000;
  Shelf shelf;
  for (int n = 0; n < 100; ++n) {
    std::string json = "{\"n\":1";
    for (int c = 0; c < 50; ++c) json += fmt::format(",\"avg_{}_{}\":1", n, c);
    shelf.put(json + "}");
  }
  std::string cursor;
  std::size_t rows = 0;
  while (true) {
    RollupsTable table(shelf.reader(), {.limit = 1'000, .cursor = cursor}, CsvTexts::kGuarded,
                       kLimit);
    const std::string text = whole(table);
    EXPECT_LE(text.size(), kLimit);
    rows += static_cast<std::size_t>(std::ranges::count(text, '\n')) - 1;
    if (!table.next_cursor()) break;
    cursor = *table.next_cursor();
  }
  EXPECT_EQ(rows, 100u);
}

TEST(RollupsPage, TableGivesWhatStandsBetweenTheEndsOfItsFirstReading) {
  Shelf shelf;
  for (int n = 0; n < 300; ++n) shelf.put(rollup(n, 1'000));
  RollupsTable table(shelf.reader(), {.limit = 200}, CsvTexts::kGuarded);
  while (!table.prepare().value()) {
  }
  EXPECT_EQ(table.next_cursor(), "100");
  std::string text = table.next_piece().value();
  for (int n = 300; n < 400; ++n) shelf.put(rollup(n, 1'000));  // newer than the first
  text += whole(table);
  EXPECT_EQ(std::ranges::count(text, '\n'), 201);
  EXPECT_THAT(text, HasSubstr("\r\n299,"));
  EXPECT_THAT(text, HasSubstr("\r\n100,"));
}

TEST(RollupsPage, FailuresAreHandedOn) {
  Shelf shelf;
  for (int n = 0; n < 300; ++n) shelf.put(rollup(n, 1'000));
  RollupsJson refused(shelf.reader(), {.cursor = "bad"});
  EXPECT_EQ(refused.next_piece().error().code, ErrorCode::kRefused);
  RollupsTable refused_table(shelf.reader(), {.cursor = "bad"}, CsvTexts::kRaw);
  EXPECT_EQ(refused_table.prepare().error().code, ErrorCode::kRefused);
  RollupsJson broken(shelf.reader(), {.limit = 1'000});
  EXPECT_TRUE(broken.next_piece());
  shelf.fails_ = true;
  EXPECT_EQ(broken.next_piece().error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace slipstream
